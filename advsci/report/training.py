"""How a training went, from the ``metrics.jsonl`` of its run folder: every loss term and gradient norm of every
player.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advsci.files.plain import read_json
from advsci.report.figure import style
from advsci.report.grid import add_grids
from advsci.report.report import Report
from advsci.training.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["training_section"]


def training_section(report: Report, run: str | os.PathLike[str], *, title: str = "Training") -> Report:
    """Add curves of all logged terms, one panel a player, of the gradient norms and of what callbacks logged.

    Parameters
    ----------
    report
        Page to extend.
    run
        Run folder that holds ``metrics.jsonl`` (keys ``step``, ``player/term``, ``player/gradient_norm`` and any
        others) and, if there, the grids of `advsci.report.grid.SampleGrid`, and ``config.json`` and
        ``environment.json``, which are added folded.
    title
        Heading of the section.

    Returns
    -------
    Report
        ``report`` itself.

    Examples
    --------
    >>> import tempfile
    >>> from advsci import Run
    >>> from advsci.report import Report, training_section
    >>> run = Run(tempfile.mkdtemp())
    >>> run.append("metrics.jsonl", {"step": 1, "generator/objective": 0.7})
    >>> training_section(Report("A run"), run.path) is not None
    True
    """
    folder = Path(run)
    records = Run(folder).records()
    report.section(title)
    if records:
        _curves(report, records)
    else:
        report.note("Nothing was logged: no `metrics.jsonl` with a record in the run folder.", "watch")
    add_grids(report, folder)
    if times := Run(folder).records("timing.jsonl"):
        last = times[-1]
        seconds = last.get("seconds")
        seconds = float(seconds) if isinstance(seconds, int | float) else float("nan")
        report.text(f"{last['step']:,} steps took {seconds:,.1f} s of wall time since the last start.")
    for name, heading in (("config.json", "Configuration"), ("environment.json", "Environment")):
        if (folder / name).exists():
            report.details(heading, read_json(folder / name))
    return report


def _curves(report: Report, records: Sequence[Mapping[str, Any]]) -> None:
    steps = [record["step"] for record in records]
    series = {
        key: [float(record[key]) if isinstance(record.get(key), int | float) else float("nan") for record in records]
        for key in dict.fromkeys(key for record in records for key in record)
        if key != "step" and any(isinstance(record.get(key), int | float) for record in records)
    }
    norms = {k: v for k, v in series.items() if k.endswith("/gradient_norm")}
    players: dict[str, dict[str, list[float]]] = {}
    for key in [k for k in series if k not in norms]:
        owner, _, term = key.rpartition("/")
        players.setdefault(owner, {})[term] = series[key]
    measured = players.pop("", {})
    players.pop("probe", None)  # `advsci.report.verdict_section` shows those
    if players:
        panels = {name: (terms, "loss") for name, terms in players.items()}
        caption = "What each player minimises, term by term. Thin: as logged; bold: running mean."
        _figure(report, steps, panels, caption)
    if norms:
        named = {key.rpartition("/")[0]: value for key, value in norms.items()}
        caption = (
            "Norm of each player's gradient. A player whose norm dies has no signal; one that explodes is unstable."
        )
        _figure(report, steps, {"Gradient norms": (named, "norm")}, caption, log=True)
    if measured:
        panels = {name: ({name: value}, "") for name, value in measured.items()}
        _figure(report, steps, panels, "Measured along the way.")
    rows = [
        {"series": key, "first": values[0], "last": values[-1], "least": min(values), "largest": max(values)}
        for key, values in series.items()
    ]
    report.table(rows, caption=f"Logged series, {len(steps):,} records up to step {steps[-1]:,}.")


def _figure(
    report: Report,
    steps: Sequence[int],
    panels: Mapping[str, tuple[Mapping[str, Sequence[float]], str]],
    caption: str,
    log: bool = False,
) -> None:
    from matplotlib.figure import Figure

    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    with style():
        figure = Figure(figsize=(4.2 * columns if columns > 1 else 6.4, 2.7 * rows))
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis in axes[len(panels) :]:
            axis.remove()
        for axis, (name, (lines, unit)) in zip(axes, panels.items(), strict=False):
            axis.set_title(name)
            for color, (label, values) in zip(_colors(len(lines)), lines.items(), strict=True):
                _curve(axis, steps, values, label, color)
            if log and all(v > 0 for values in lines.values() for v in values if v == v):
                axis.set_yscale("log")
            axis.set_xlabel("step")
            axis.set_ylabel(unit)
            if len(lines) > 1 or (unit and name != next(iter(lines))):
                axis.legend(loc="best")
    report.figure(figure, caption)


def _colors(n: int) -> list[str]:
    from advsci.report.figure import PALETTE

    return [PALETTE[i % len(PALETTE)] for i in range(n)]


def _curve(axis: "Axes", steps: Sequence[int], values: Sequence[float], label: str, color: str) -> None:
    """A series; a long noisy one as a faint line under its running mean, both thinned to what a screen can show."""
    import numpy as np

    x, y = np.asarray(steps, dtype=float), np.asarray(values, dtype=float)
    window = len(y) // 40
    if window < 3:
        axis.plot(x, y, label=label, color=color)
        return
    every = max(1, len(y) // 600)
    axis.plot(x[::every], y[::every], color=color, alpha=0.3, linewidth=0.7)
    known = np.isfinite(y)
    kernel = np.ones(window)
    mean = np.convolve(np.where(known, y, 0.0), kernel, "same") / np.maximum(np.convolve(known, kernel, "same"), 1e-12)
    axis.plot(x[::every], mean[::every], label=label, color=color)
