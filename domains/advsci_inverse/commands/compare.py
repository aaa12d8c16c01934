"""``advsci-inverse compare``: methods side by side on held-out images under one operator."""

import json
import time
from pathlib import Path

import torch
from torch import Tensor

from advsci.devices import torch_device
from advsci.report import Report, drawn
from advsci.streams import Stream
from advsci.training import Run
from advsci_inverse.config import Compare
from advsci_inverse.data.images import load_training_images
from advsci_inverse.data.measurement import checked_size, held_out, measure
from advsci_inverse.evaluation.pictures import gallery
from advsci_inverse.evaluation.scores import coverage, mse, psnr, ssim
from advsci_inverse.methods import reconstruct
from advsci_inverse.operators import LinearOperator, build_operator
from advsci_inverse.problem import Problem, Reconstruction
from advsci_inverse.store import Learned, load_learned
from advsci_inverse.uncertainty import residual_over_noise

__all__ = ["compare", "plan", "run"]

HONEST = {"gaussian", "mixture", "tv"}
"""Without these a comparison says little: a closed-form mixture beats a plain latent search at every rate."""


def plan(config: Compare) -> dict[str, object]:
    """Images and shapes, without reconstructing.

    Parameters
    ----------
    config
        The settings.

    Returns
    -------
    dict
        Facts about the run.
    """
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
    """Every method on the same held-out images.

    Parameters
    ----------
    operator
        The measurement.
    held, training
        Held-out images, which are measured or tune the methods, and images that priors are fitted to.
    learned
        What the methods need that was trained.
    config
        Methods, numbers of images and noise.

    Returns
    -------
    rows : list of dict
        Figures of each method.
    results : dict
        Its reconstructions.
    truth : tensor [n, h, w]
        The images.
    """
    truth, tuning = held_out(held, config.images), held_out(held, config.validation, skip=1)
    y, sigma = measure(operator, truth, config.noise, Stream(config.seed).at("noise"))
    validation = (tuning, measure(operator, tuning, config.noise, Stream(config.seed).at("validation noise"))[0])
    rows, results = [], {}
    for name in config.methods:
        problem = Problem(
            operator, y, sigma, learned.prior, learned.denoiser, learned.refiner, learned.regulariser, training,
            validation, sampler=learned.sampler, samples=config.samples, seed=config.seed,
        )  # fmt: skip
        start = time.perf_counter()
        result = reconstruct(name, problem)
        seconds = (time.perf_counter() - start) / len(truth)
        assert result.unclipped is not None
        residual = residual_over_noise(operator, result.unclipped, y, sigma)
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


def run(config: Compare, folder: Run) -> Path:
    """Measure, reconstruct by every method, write ``comparison.json`` and the report.

    Parameters
    ----------
    config
        The settings.
    folder
        The run's folder.

    Returns
    -------
    Path
        The figures.
    """
    device = torch_device(config.device)
    training, held = (images.to(device) for images in load_training_images(config.data)[:2])
    operator = build_operator(checked_size(config.operator, tuple(training.shape[1:]), "images")).to(device)
    learned = load_learned(config, config.methods).to(device)
    rows, results, truth = compare(operator, held, training, learned, config)
    missing = sorted(HONEST - set(config.methods))
    path = folder.path / "comparison.json"
    path.write_text(json.dumps({"rows": rows, "warning": missing}, indent=2))
    with drawn("report"):
        _page(config, rows, results, truth, folder)
    return path


def _page(config: Compare, rows: list[dict], results: dict[str, Reconstruction], truth: Tensor, folder: Run) -> None:
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
    report.write(folder.report)
