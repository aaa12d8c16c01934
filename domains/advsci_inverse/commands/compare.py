"""``advsci-inverse compare``: methods side by side on held-out images under one operator."""

import json
import time
from pathlib import Path

import torch
from torch import Tensor

from advsci.report import Report
from advsci.streams import Stream
from advsci_inverse.config import Compare
from advsci_inverse.data.images import load_training_images
from advsci_inverse.data.measurement import checked_size, held_out, measure
from advsci_inverse.evaluation.pictures import gallery
from advsci_inverse.evaluation.scores import coverage, mse, psnr, ssim
from advsci_inverse.methods import Problem, Reconstruction, reconstruct
from advsci_inverse.operators import LinearOperator, build_operator
from advsci_inverse.store import Learned, load_learned

__all__ = ["compare", "plan", "run"]

HONEST = {"gaussian", "mixture", "tv"}
"""Without these a comparison says little: a closed-form mixture beats a plain latent search at every rate."""


def plan(config: Compare) -> dict[str, object]:
    """Images and shapes, without reconstructing."""
    train, held, _ = load_training_images(config.data)
    operator = build_operator(checked_size(config.operator, tuple(train.shape[1:]), "images"))
    return {"training images": len(train), "held-out images": len(held), "data": operator.data_shape}


def compare(
    operator: LinearOperator,
    held: Tensor,
    training: Tensor,
    learned: Learned,
    config: Compare,
) -> tuple[list[dict], dict[str, Reconstruction], Tensor]:
    """A row of figures and the reconstruction of each method, and the true images."""
    truth, tuning = held_out(held, config.images), held_out(held, config.validation, skip=1)
    y, sigma = measure(operator, truth, config.noise, Stream(config.seed).at("noise"))
    validation = (tuning, measure(operator, tuning, config.noise, Stream(config.seed).at("validation noise"))[0])
    rows, results = [], {}
    for name in config.methods:
        problem = Problem(operator, y, sigma, *learned, training, validation)
        start = time.perf_counter()
        result = reconstruct(name, problem)
        seconds = (time.perf_counter() - start) / len(truth)
        residual = (operator(result.mean) - y).flatten(1).square().mean(1).sqrt() / sigma
        row = {
            "method": name,
            "mse": float(mse(result.mean, truth).mean()),
            "PSNR [dB]": float(psnr(result.mean, truth).mean()),
            "SSIM": float(ssim(result.mean, truth).mean()),
            "res. / noise": float(residual.mean()),
            "ms / image": 1e3 * seconds,
            "setting": result.setting,
        }
        if result.deviation is not None:
            half = 1.6449 * result.deviation
            row["in 90 %"] = float(coverage(result.mean - half, result.mean + half, truth))
        rows.append(row)
        results[name] = result
    return rows, results, truth


@torch.no_grad()
def _add_pictures(report: Report, results: dict[str, Reconstruction], truth: Tensor) -> None:
    rows = {"truth": truth, **{name: result.mean for name, result in results.items()}}
    report.figure(gallery(rows), "Held-out images and their reconstructions.")


def run(config: Compare) -> Path:
    """Measure, reconstruct by every method, write ``comparison.json`` and the report."""
    training, held, _ = load_training_images(config.data)
    operator = build_operator(checked_size(config.operator, tuple(training.shape[1:]), "images"))
    rows, results, truth = compare(operator, held, training, load_learned(config, config.methods), config)
    folder = config.folder("inverse-compare")
    folder.mkdir(parents=True, exist_ok=True)
    report = Report("Comparison", f"{config.operator.kind} on {len(truth)} held-out images of {config.data}")
    missing = sorted(HONEST - set(config.methods))
    if missing:
        report.note(
            f"Compared without {', '.join(missing)}. A learned method that beats only weaker rivals than these has not "
            "been tested: a closed-form mixture prior is ahead of a plain latent search at every number of data.",
            "watch",
        )
    report.section("Figures").table(
        rows,
        best={"mse": "lower", "PSNR [dB]": "higher", "SSIM": "higher"},
        caption="Times include set-up and tuning; the last column: pixels inside 1.645 standard deviations.",
    )
    report.section("Images")
    _add_pictures(report, results, truth)
    (folder / "comparison.json").write_text(json.dumps({"rows": rows, "warning": missing}, indent=2))
    return report.write(folder / "report.html")
