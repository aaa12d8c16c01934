"""Few-view CT of 256 x 256 and 512 x 512 pixels by the default command, in its own process: memory, time, error."""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from _inverse_fixed import Fixed
from _row import row

from advsci.streams import Stream
from advsci_inverse.baselines import cgls, filtered_back_projection
from advsci_inverse.data.measurement import measure
from advsci_inverse.evaluation.scores import psnr
from advsci_inverse.operators import Radon, equispaced_angles
from advsci_inverse.papers.shepp.phantom import ELLIPSES, drawn

__all__ = ["large_rows"]

SIDES, VIEWS, NOISE = (256, 512), 20, 0.01


def large_rows(fixed: Fixed, quick: bool) -> None:
    """The command's own choice, total variation where no images are at hand, beside what needs no choice.

    The memory is the largest resident set of the process that ran the command; ``quick`` takes a quarter of the side.
    """
    for side in (64,) if quick else SIDES:
        _rows(side)


def _rows(side: int) -> None:
    truth = drawn(ELLIPSES, side)[None]
    scanner = Radon(side, equispaced_angles(VIEWS))
    y, sigma = measure(scanner, truth, NOISE, Stream(0).at("noise"))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "scan.npz", y=y.numpy(), sigma=sigma)
        geometry = ["--operator.size", str(side), "--operator.views", str(VIEWS), "--out", f"{folder}/run"]
        run = "from advsci_inverse.cli import app; from advsci.cli import run_app; import sys"
        run += "; sys.exit(run_app(app, sys.argv[1:]))"
        subprocess.run([sys.executable, "-c", run, "reconstruct", f"{folder}/scan.npz", *geometry], check=True)
        with np.load(Path(folder) / "run" / "reconstruction.npz") as file:
            found, method = torch.from_numpy(file["mean"]).float(), str(file["method"])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    name = f"CT, {side} x {side}, {VIEWS} views, by the default command"
    row(
        f"{name}: peak memory of this and smaller sizes",
        used.ru_maxrss / 2**20,
        4.0,
        unit="GiB",
        note=f"{method}; one phantom",
    )
    row(f"{name}: CPU time", seconds, None, unit="s", note="start of Python and report included")
    others = {
        "back-projection": filtered_back_projection(scanner, y),
        "conjugate gradients, 12 steps": cgls(scanner, y, 12),
    }
    best = {key: float(psnr(image.clamp(0, 1), truth).mean()) for key, image in others.items()}
    ours = float(psnr(found, truth).mean())
    row(f"{name}: PSNR", ours, None, "higher", unit="dB", note="; ".join(f"{k} {v:.2f}" for k, v in best.items()))
