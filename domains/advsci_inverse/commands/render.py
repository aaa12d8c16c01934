"""``advsci-inverse report``: the page of a finished reconstruction."""

from pathlib import Path

import numpy as np
import torch

from advsci.errors import DataError
from advsci.report import Report, Verdict
from advsci_inverse.config import Render
from advsci_inverse.metrics import coverage, psnr, ssim
from advsci_inverse.pictures import gallery

__all__ = ["OUT_OF_RANGE", "render", "run"]

OUT_OF_RANGE = 1.5
"""Misfit (chi-squared over data) beyond which an image is not of the kind that the prior knows."""


def run(config: Render) -> Path:
    """Write the report of ``config.run`` anew."""
    return render(config.run)


def render(folder: Path) -> Path:
    """The report of a run folder of ``reconstruct``."""
    try:
        with np.load(folder / "reconstruction.npz", allow_pickle=False) as file:
            arrays = {k: torch.from_numpy(file[k]).float() for k in file}
        method = (folder / "method.txt").read_text().strip()
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} holds no reconstruction: {error}. Try: advsci-inverse reconstruct") from None
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
