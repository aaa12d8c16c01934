"""The verdict on a training as a part of its page: in words, with the numbers behind it and how they went.

Read from the run's records alone, so that it can be drawn during a training, after it, and after a failure.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advsci.diagnostics.shares import paired_shares
from advsci.diagnostics.verdict import Diagnosis, adversaries_of, judge
from advsci.files.plain import read_json
from advsci.report.figure import style
from advsci.report.report import Report
from advsci.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["adversarial_trainings", "verdict_section"]

Records = Sequence[Mapping[str, Any]]

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
    "slope_real": "logits per standard deviation, at data",
    "slope_fake": "logits per standard deviation, at samples",
    "slope_between": "logits per standard deviation, half-way",
    "coupling": "dependence of D(real) on the fakes beside it",
    "memorised": "chance that a known sample scores above an unknown one",
    "variance": "variance of the samples over the data's",
    "averaged_variance": "the same of the averaged generator's samples",
    "effective_rank": "directions in which samples vary",
    "input_condition": "largest over smallest variance of the data",
    "rotation": "share of rotation in the game's Jacobian",
    "stable_rate": "largest stable learning rate",
}


def adversarial_trainings(folder: str | os.PathLike[str]) -> dict[str, list[dict[str, Any]]]:
    """The records of every training of two players or more that a run folder holds, in the folder itself or in stages;
    those of ``advsci ablate`` are left out.

    Parameters
    ----------
    folder
        A run folder, of whatever command.

    Returns
    -------
    dict
        Name of the stage's folder, relative to ``folder`` ("" for the folder itself) -> its records.
    """
    root, found = Path(folder), {}
    for path in sorted(root.rglob("metrics.jsonl")):
        if path.relative_to(root).parts[0] == "ablation":
            continue
        records = Run(path.parent).records()
        players = {key.split("/")[0] for record in records for key in record if key.endswith("/gradient_norm")}
        if len(players) > 1 or any(key.startswith("probe/") for record in records for key in record):
            name = path.parent.relative_to(root).as_posix()
            found["" if name == "." else name] = records
    return found


def verdict_section(
    report: Report, source: "str | os.PathLike[str] | Records", *, title: str = "Verdict on the training"
) -> Report:
    """Add what `advsci.diagnostics.judge` says of a training: verdict and advice in words, numbers, curves.

    Parameters
    ----------
    report
        Page to extend.
    source
        A run folder, whose adversarial trainings are all judged (stages in subfolders too), with the table of
        ``advsci ablate`` where it was made; or the records of one training, such as ``training.log``.
    title
        Heading of the section.

    Returns
    -------
    Report
        ``report``.

    Examples
    --------
    >>> records = [{"step": i, "generator/gradient_norm": 10.0**-i} for i in range(12)]
    >>> "vanishing signal" in verdict_section(Report("A training"), records).html()
    True
    """
    if isinstance(source, str | os.PathLike):
        trainings = adversarial_trainings(source)
    else:
        trainings = {"": list(source)} if source else {}
    report.section(title)
    if not trainings:
        return report.note("No adversarial training was recorded here.", "info")
    for name, records in trainings.items():
        if len(trainings) > 1:
            report.subsection(name or "main training")
        _draw(report, judge(records), records, name)
    if isinstance(source, str | os.PathLike) and (table := Path(source) / "ablation" / "ablation.json").exists():
        made = read_json(table)
        worth = paired_shares(made["scores"], made["seconds"])
        report.subsection("What its parts are worth").text(
            f"{len(made['scores']['nothing'])} paired seeds, equal steps."
        )
        report.table(worth.rows()).text(worth.text())
    return report


def _draw(report: Report, diagnosis: Diagnosis, records: Records, name: str) -> None:
    level = "good" if diagnosis.verdict == "healthy" else "watch" if diagnosis.verdict == "unknown" else "bad"
    report.card(f"Training: {name}" if name else "Training", diagnosis.verdict, verdict=level)
    for finding in diagnosis.findings:
        report.note(f"{finding.name}: {finding.evidence}\n\n{finding.advice}", "bad")
    if not diagnosis.findings:
        report.note(diagnosis.text(), level)
    probed = [record for record in records if any(key.startswith("probe/") for key in record)]
    if not probed:
        return
    latest = {key: value for record in probed for key, value in record.items()}
    rows = [
        {
            "detector": detector.replace("_", " "),
            "value": latest[f"probe/{detector}"],
            "of real data": latest.get(f"probe/{detector}_ceiling", latest.get(f"probe/{detector}_floor", "")),
            "meaning": meaning,
        }
        for detector, meaning in TABLE.items()
        if f"probe/{detector}" in latest
    ]
    rows += [
        {
            "detector": f"loss of {name}",
            "value": latest[f"probe/loss_{name}"],
            "by chance": latest[f"probe/chance_{name}"],
            "meaning": "what the adversary reads of its domain is 1 - value / chance",
        }
        for name in adversaries_of(records)
    ]
    report.table(rows, caption="Last reading of every detector.")
    dashed = "by chance" if adversaries_of(records) else "what real data score"
    report.figure(_curves(probed), f"Readings of the probe over the training; dashed: {dashed}.")


def _curves(probed: Records) -> "Figure":
    """One panel per group of detectors that were read."""
    from matplotlib.figure import Figure

    read = {key for record in probed for key in record}
    panels = {title: shown for title, names in PANELS.items() if (shown := [n for n in names if f"probe/{n}" in read])}
    panels |= {f"What {name} reads of its domain": [f"loss_{name}"] for name in adversaries_of(probed)}
    with style():
        figure = Figure(figsize=(7.2, 1.9 * len(panels) + 0.4), layout="constrained")
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axis, (title, names) in zip(axes, panels.items(), strict=True):
            for name in names:
                points = [(r["step"], r[f"probe/{name}"]) for r in probed if f"probe/{name}" in r]
                alone = {"marker": "o", "markersize": 4} if len(points) == 1 else {}  # a line of one point is unseen
                (line,) = axis.plot(*zip(*points, strict=True), label=name.replace("_", " "), **alone)
                if (ceiling := probed[-1].get(f"probe/{name}_ceiling")) is not None:
                    axis.axhline(ceiling, color=line.get_color(), linestyle="--", linewidth=0.7)
                if name.startswith("loss_"):
                    chance = name.replace("loss_", "chance_", 1)
                    series = [(r["step"], r[f"probe/{chance}"]) for r in probed if f"probe/{chance}" in r]
                    axis.plot(*zip(*series, strict=True), linestyle="--", label="by chance")
            if title in LOGARITHMIC:
                axis.set_yscale("log", nonpositive="mask")
            axis.set_title(title, loc="left")
            axis.legend(ncols=4, frameon=False)
        axes[-1].set_xlabel("step")
    return figure
