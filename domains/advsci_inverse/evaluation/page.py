"""The page of a finished reconstruction: images, intervals, verdicts."""

from pathlib import Path

import numpy as np
import torch

from advsci.errors import DataError
from advsci.report import Report, Verdict
from advsci.training import Run
from advsci_inverse.evaluation.pictures import gallery, loss_curves
from advsci_inverse.evaluation.scores import coverage, psnr, ssim

__all__ = ["OUT_OF_RANGE", "finish_training", "reconstruction_page"]

OUT_OF_RANGE = 1.5
"""Misfit (chi-squared over data) beyond which an image is not of the kind that the prior knows."""


def reconstruction_page(folder: Path) -> Path:
    """The report of a run folder of ``reconstruct``."""
    try:
        with np.load(folder / "reconstruction.npz", allow_pickle=False) as file:
            arrays = {k: torch.from_numpy(file[k]).float() for k in file}
        method = (folder / "method.txt").read_text().strip()
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}: got {error}; expected a reconstruction. Try: advsci-inverse reconstruct.") from None
    low, high = arrays["units"].tolist()
    unit = {k: (v - low) / (high - low) for k, v in arrays.items() if k in ("mean", "low", "high", "truth")}
    report = Report("Reconstruction", f"{len(unit['mean'])} images by {method}")
    residual = arrays["residual_over_noise"]
    report.card("Residual over noise", float(residual.mean()), note="about 1 where the data are explained, no more")
    rows = {"reconstruction": unit["mean"]}
    span: dict[str, tuple[float, float]] = {}
    if "misfit" in arrays:
        strange = arrays["misfit"] > OUT_OF_RANGE
        verdict = Verdict("watch", "look at them") if bool(strange.any()) else Verdict("good", "none")
        report.card("Not of the prior's kind", int(strange.sum()), verdict=verdict, note=f"misfit above {OUT_OF_RANGE}")
    if "low" in unit:
        interval = f"{float(arrays['coverage']):.0%} interval".replace("%", " %")
        rows[interval] = unit["high"] - unit["low"]
        span[interval] = (0.0, float(rows[interval].max()))
        calibrated = bool(arrays["calibrated"])
        report.card(
            "Half width of the intervals [standard deviations]",
            float(arrays["half_width"]),
            verdict=Verdict("good", "calibrated") if calibrated else Verdict("watch", "not calibrated"),
            note="measured on held-out images" if calibrated else "as if errors were normal; give --data to measure it",
        )
    if "truth" in unit:
        error = (unit["mean"] - unit["truth"]).abs()
        rows = {"truth": unit["truth"], **rows, "error": error}
        span["error"] = (0.0, float(error.max().clamp(min=1e-6)))
        report.card("PSNR [dB]", float(psnr(unit["mean"], unit["truth"]).mean()))
        report.card("SSIM", float(ssim(unit["mean"], unit["truth"]).mean()))
        if "low" in unit:
            covered = float(coverage(unit["low"], unit["high"], unit["truth"]))
            report.card("Pixels inside their interval", covered, note=f"wanted {float(arrays['coverage']):.2f}")
    report.section("Images").figure(
        gallery(rows, span=span), "Grey: 0 to 1 of the prior's units; colour: its own range."
    )
    lines = [
        {"image": i, "residual over noise": float(r)}
        | ({"misfit": float(arrays["misfit"][i])} if "misfit" in arrays else {})
        | ({"PSNR [dB]": float(psnr(unit["mean"], unit["truth"])[i])} if "truth" in unit else {})
        for i, r in enumerate(residual)
    ]
    report.section("Each image").table(lines[:64])
    return report.write(folder / "report.html")


def finish_training(report: Report, log: list[dict], card: dict, folder: Run) -> Path:
    """End the page of a training: curves of the losses and the card.

    Parameters
    ----------
    report
        The page so far.
    log
        One record per logged step.
    card
        What the weights' header says, and the weights' sha256.
    folder
        Run folder.

    Returns
    -------
    Path
        The page.
    """
    report.section("Training").figure(loss_curves(log), "Terms of the loss.").details("Card", card)
    return report.write(folder.report)
