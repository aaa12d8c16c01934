"""``advsci-singlecell`` with the arguments given; as a script, one process of several."""

import sys

import torch

from advsci.cli import run_app
from advsci_singlecell.cli import app

if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(run_app(app, sys.argv[1:]))
