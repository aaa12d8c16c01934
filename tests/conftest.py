"""Shared fixtures: shape checks in tests only, one torch thread, and the folder of real data."""

import os
import random
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from jaxtyping import install_import_hook

_packages = ["advsci", "advsci_datasets", "advsci_circuits", "advsci_singlecell", "advsci_friction", "advsci_inverse"]
_packages += ["advsci_images"]
_hook = install_import_hook(_packages, "beartype.beartype")

torch.set_num_threads(1)

# no deadlines: a busy machine is no bug; in CI the same examples every time
settings.register_profile("advsci", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("advsci")

_shared = Path(__file__).resolve().parents[2] / "shared" / "data"
if "ADVSCI_DATA" not in os.environ and _shared.is_dir():
    os.environ["ADVSCI_DATA"] = str(_shared)


@pytest.fixture(autouse=True)
def same_items_checked() -> None:
    """Beartype looks at one random item of a container: seeded, so that a test that passes passes again."""
    random.seed(0)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder that ``ADVSCI_DATA`` names; the test skips where there is none."""
    folder = os.environ.get("ADVSCI_DATA")
    if not folder:
        pytest.skip("ADVSCI_DATA is not set: real data are not on this machine")
    return Path(folder)
