"""A newcomer's scanner: an own sparse matrix, 2,000 images of 32 x 32, and the commands as the docs give them."""

import tempfile
import time
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import torch
from _inverse_fixed import Fixed
from _row import row

from advsci.cli import run_app
from advsci.streams import Stream
from advsci_inverse.cli import app
from advsci_inverse.data.measurement import measure
from advsci_inverse.evaluation.scores import psnr
from advsci_inverse.methods import reconstruct
from advsci_inverse.operators import as_operator
from advsci_inverse.operators.radon import fan_matrix
from advsci_inverse.problem import Problem
from advsci_inverse.store import load_refiner

__all__ = ["newcomer_rows"]

SIDE, VIEWS, BINS, NOISE = 32, 12, 60, 0.01
TRAINING = ["--steps", "1200", "--widths", "32", "64", "--blocks", "1", "2", "--no-half", "--held-out", "100"]


def newcomer_rows(fixed: Fixed, quick: bool) -> None:
    """The best learned method over total variation on 10 fresh slices; both are tuned on 20 held-out ones."""
    whole = torch.nn.functional.avg_pool2d(fixed.images("headct64")[:, None], 2)[:, 0]
    training, spare = whole[:6000:3], whole[6497::15]
    fresh = torch.nn.functional.avg_pool2d(fixed.images("headct64", "x_test")[40::75, None], 2)[:, 0]
    angles = np.arange(VIEWS) * 2 * np.pi / VIEWS
    matrix = fan_matrix(SIDE, angles, BINS, 2.0 * SIDE, 2.0 * SIDE, 2.0)
    operator = as_operator(matrix, (SIDE, SIDE))
    (y, sigma), (data, _) = (
        measure(operator, x, NOISE, Stream(k).at("noise")) for k, x in enumerate((fresh, spare))
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "slices.npz", x=training.numpy())
        sp.save_npz(Path(folder) / "own.npz", matrix)
        given = ["--data", f"{folder}/slices.npz", "--operator.kind", "matrix", "--operator.file", f"{folder}/own.npz"]
        fewer = ["--steps", "30"] if quick else []
        begin = time.process_time()
        assert run_app(app, ["refiner", *given, *TRAINING, *fewer, "--out", f"{folder}/run"]) == 0
        seconds = time.process_time() - begin
        refiner = load_refiner(Path(folder) / "run" / "refiner.safetensors")
    problem = Problem(operator, y, sigma, refiner=refiner, training=training, validation=(spare, data))
    learned = ("refiner", "gaussian", "mixture")
    found = {name: float(psnr(reconstruct(name, problem).mean, fresh).mean()) for name in (*learned, "tv")}
    best = max(learned, key=lambda name: found[name])
    row(
        f"own sparse matrix, {SIDE} x {SIDE}: best learned method over total variation", found[best] - found["tv"],
        0.0, "higher", unit="dB",
        note="; ".join(f"{k} {v:.2f}" for k, v in found.items()) + f"; {len(fresh)} slices, {seconds:.0f} CPU s",
    )  # fmt: skip
