"""The page of a finished reconstruction: images, intervals, verdicts."""

from pathlib import Path

import numpy as np
import torch

from advsci.files import read_arrays, reading
from advsci.report import Report, Verdict, verdict_section
from advsci.report.verdict import adversarial_trainings
from advsci.training import Run
from advsci_inverse.evaluation.pictures import gallery, loss_curves
from advsci_inverse.evaluation.scores import psnr, ssim
from advsci_inverse.uncertainty.calibration import STRATA, strata

__all__ = ["FALSE_ALARMS", "OUT_OF_RANGE", "finish_training", "read_reconstruction", "reconstruction_page"]

FALSE_ALARMS = 0.05
"""Share of images of the kind that the verdict may call strange."""
OUT_OF_RANGE = 1.5
"""Misfit (chi-squared over data) of a latent search beyond which an image is strange, where nothing calibrates it."""


def read_reconstruction(
    folder: Path,
) -> tuple[dict[str, torch.Tensor], dict[str, np.ndarray], tuple[float, float]]:
    """What a run folder of ``reconstruct`` holds.

    Parameters
    ----------
    folder
        The run folder.

    Returns
    -------
    arrays : dict
        Tensors by name, in the units of the data.
    words : dict
        Method, notes and candidates.
    units : (float, float)
        What 0 and 1 of the images are.

    Raises
    ------
    DataError
        The folder holds no reconstruction.
    """
    expected, try_ = "the reconstruction of a run", "advsci-inverse reconstruct"
    raw = read_arrays(folder / "reconstruction.npz", whole=True, expected=expected, try_=try_)
    with reading(folder, expected, try_):
        low, high = raw["units"].tolist()
    words = {key: value for key, value in raw.items() if value.dtype.kind in "US"}
    arrays = {key: torch.from_numpy(value).float() for key, value in raw.items() if key not in words}
    return arrays, words, (low, high)


def reconstruction_page(folder: Path) -> Path:
    """The report of a run folder of ``reconstruct``.

    Parameters
    ----------
    folder
        Holds ``reconstruction.npz``.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    DataError
        The folder holds no reconstruction.
    """
    arrays, words, (low, high) = read_reconstruction(folder)
    pictures = ("mean", "low", "high", "truth", "samples")
    unit = {k: (v - low) / (high - low) for k, v in arrays.items() if k in pictures}
    report = Report("Reconstruction", f"{len(unit['mean'])} images by {words['method']}")
    strange = _verdicts(report, arrays)
    rows, span = {"reconstruction": unit["mean"]}, {}
    if "samples" in unit:
        rows |= {f"sample {k + 1}": sample for k, sample in enumerate(unit["samples"][:3])}
    if "low" in unit:
        _interval(report, arrays, unit, rows, span)
    if "truth" in unit:
        error = (unit["mean"] - unit["truth"]).abs()
        rows = {"truth": unit["truth"], **rows, "error": error}
        span["error"] = (0.0, float(error.max().clamp(min=1e-6)))
        report.card("PSNR [dB]", float(psnr(unit["mean"], unit["truth"]).mean()))
        report.card("SSIM", float(ssim(unit["mean"], unit["truth"]).mean()))
    for note in words.get("notes", np.array([])):
        report.note(str(note), "watch")
    units = f"Grey: {low:g} to {high:g} in the units of the data; colour: its own range."
    report.section("Images").figure(gallery(rows, span=span), units)
    if "truth" in unit and "low" in unit:
        _coverage(report, unit, float(arrays["coverage"]))
    if len(words.get("candidates", ())):
        report.section("Choice of the method", "Mean squared errors on held-out images, measured as these data were.")
        report.table([dict(zip(("method", "mse"), str(line).split(), strict=True)) for line in words["candidates"]])
    report.section("Each image").table(_lines(arrays, unit, strange)[:64])
    return report.write(folder / "report.html")


def _verdicts(report: Report, arrays: dict[str, torch.Tensor]) -> torch.Tensor | None:
    """Cards of residual and kind; which images are strange, where that can be said."""
    report.card(
        "Residual over noise",
        float(arrays["residual_over_noise"].mean()),
        note="before clipping; about 1 where the data are explained, no more",
    )
    if "share_as_strange" in arrays:
        strange = arrays["share_as_strange"] <= FALSE_ALARMS
        note = f"of {len(strange)}; {FALSE_ALARMS:.0%} of images of the kind are called so".replace("%", " %")
    elif "misfit" in arrays:
        strange, note = arrays["misfit"] > OUT_OF_RANGE, f"misfit above {OUT_OF_RANGE}; give --data to calibrate it"
    else:
        report.card(
            "Not of the kind", "unknown", verdict=Verdict("watch", "give --data"), note="nothing to compare with"
        )
        return None
    said = Verdict("watch", "look at them") if bool(strange.any()) else Verdict("good", "none")
    report.card("Not of the kind that the prior knows", int(strange.sum()), verdict=said, note=note)
    return strange


def _interval(report: Report, arrays: dict, unit: dict, rows: dict, span: dict) -> None:
    interval = f"{float(arrays['coverage']):.0%} interval".replace("%", " %")
    rows[interval] = unit["high"] - unit["low"]
    span[interval] = (0.0, float(rows[interval].max()))
    calibrated = bool(arrays["calibrated"])
    factors = ", ".join(f"{name} {f:.2f}" for name, f in zip(STRATA, arrays["factors"].tolist(), strict=True))
    report.card(
        "Half width of the intervals [standard deviations]",
        float(arrays["factors"].mean()),
        verdict=Verdict("good", "calibrated") if calibrated else Verdict("watch", "not calibrated"),
        note=f"measured on held-out images: {factors}" if calibrated else "as if errors were normal; give --data",
    )


def _coverage(report: Report, unit: dict[str, torch.Tensor], wanted: float) -> None:
    """Coverage in each stratum, where the truth is known."""
    inside, of = (unit["truth"] >= unit["low"]) & (unit["truth"] <= unit["high"]), strata(unit["mean"])
    lines = [
        {"stratum": name, "pixels": int((of == k).sum()), "inside": float(inside[of == k].float().mean())}
        for k, name in enumerate(STRATA)
        if bool((of == k).any())
    ]
    everywhere = {"stratum": "all", "pixels": inside.numel(), "inside": float(inside.float().mean())}
    report.card("Pixels inside their interval", everywhere["inside"], note=f"wanted {wanted:.2f}")
    report.section("Coverage", f"Share of the pixels inside their interval; wanted {wanted:.2f} in each stratum.")
    report.table([*lines, everywhere])


def _lines(arrays: dict, unit: dict, strange: torch.Tensor | None) -> list[dict[str, object]]:
    """One row per image."""
    columns = {
        "residual over noise": "residual_over_noise",
        "images of the kind that are as strange": "share_as_strange",
        "misfit": "misfit",
        "dark spot": "dark_spot",
        "bright spot": "bright_spot",
    }
    lines = []
    for i in range(len(unit["mean"])):
        line: dict[str, object] = {"image": i}
        line |= {name: float(arrays[key][i]) for name, key in columns.items() if key in arrays}
        if strange is not None:
            line["of the kind"] = "no" if bool(strange[i]) else "yes"
        if "truth" in unit:
            line["PSNR [dB]"] = float(psnr(unit["mean"][i : i + 1], unit["truth"][i : i + 1]))
        lines.append(line)
    return lines


def finish_training(report: Report, log: list[dict], card: dict, folder: Run) -> Path:
    """End the page of a training: curves of the losses, the card, and the verdict on a game of two players.

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
    report.section("Training").figure(loss_curves(log), "Terms of the losses.").details("Card", card)
    if adversarial_trainings(folder.path):
        verdict_section(report, folder.path)
    return report.write(folder.report)
