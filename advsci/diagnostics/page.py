"""A diagnosis as a page: the verdict in words, the numbers behind it, and how they went over the training."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from advsci.diagnostics.verdict import Diagnosis
from advsci.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["diagnosis_section"]

Records = Sequence[Mapping[str, float | int]]

PANELS = {
    "Samples against data": ("coverage", "density", "precision", "recall"),
    "What the discriminator knows and tells": ("accuracy", "signal"),
    "Slope of the discriminator": ("slope_real", "slope_fake", "slope_between"),
    "Where the samples' mean is": ("position_0", "position_1", "position_2"),
    "Learning rate and its stable limit": ("rate", "stable_rate"),
}
LOGARITHMIC = {"Slope of the discriminator", "Learning rate and its stable limit"}
TABLE = {
    "coverage": "share of data near a sample",
    "density": "how deep in the data samples lie",
    "precision": "share of samples near data",
    "recall": "share of data within the samples' support",
    "frechet": "Frechet distance over the data's variance",
    "accuracy": "share of pairs that the discriminator orders rightly",
    "signal": "slope that reaches the generator",
    "slope_real": "logits a standard deviation, at data",
    "slope_fake": "logits a standard deviation, at samples",
    "slope_between": "logits a standard deviation, half-way",
    "coupling": "dependence of D(real) on the fakes beside it",
    "effective_rank": "directions in which samples vary",
    "input_condition": "largest over smallest variance of the data",
    "rotation": "share of rotation in the game's Jacobian",
    "stable_rate": "largest stable learning rate",
}


def diagnosis_section(report: Report, diagnosis: Diagnosis, records: Records) -> Report:
    """Add verdict, advice, numbers and curves of a diagnosis to a report."""
    level = "good" if diagnosis.verdict == "healthy" else "watch" if diagnosis.verdict == "unknown" else "bad"
    report.card("Verdict", diagnosis.verdict, verdict=level)
    report.section("Diagnosis")
    for finding in diagnosis.findings:
        report.note(f"{finding.name}: {finding.evidence}\n\n{finding.advice}", "bad")
    if not diagnosis.findings:
        report.note(diagnosis.text(), level)
    probed = [record for record in records if "probe/coverage" in record]
    if not probed:
        return report
    latest = {key: value for record in probed for key, value in record.items()}
    rows = [
        {
            "detector": name,
            "value": latest[f"probe/{name}"],
            "of real data": latest.get(f"probe/{name}_ceiling", latest.get(f"probe/{name}_floor", "")),
            "meaning": meaning,
        }
        for name, meaning in TABLE.items()
        if f"probe/{name}" in latest
    ]
    report.table(rows, caption="Last reading of every detector.")
    return report.figure(curves(probed), "Readings of the probe over the training; dashed: what real data score.")


def curves(probed: Records) -> "Figure":
    """One panel a group of detectors that were read."""
    from matplotlib.figure import Figure

    panels = {
        title: shown for title, names in PANELS.items() if (shown := [n for n in names if f"probe/{n}" in probed[-1]])
    }
    if any("probe/stable_rate" in record for record in probed):
        panels["Learning rate and its stable limit"] = ["rate", "stable_rate"]
    figure = Figure(figsize=(8.0, 2.1 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (title, names) in zip(axes, panels.items(), strict=True):
        for name in names:
            points = [(r["step"], r[f"probe/{name}"]) for r in probed if f"probe/{name}" in r]
            (line,) = axis.plot(*zip(*points, strict=True), label=name.replace("_", " "))
            if (ceiling := probed[-1].get(f"probe/{name}_ceiling")) is not None:
                axis.axhline(ceiling, color=line.get_color(), linestyle="--", linewidth=0.7)
        if title in LOGARITHMIC:
            axis.set_yscale("log", nonpositive="mask")
        axis.set_title(title, fontsize="medium", loc="left")
        axis.legend(fontsize="small", ncols=4, frameon=False)
    axes[-1].set_xlabel("step")
    return figure
