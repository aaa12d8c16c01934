"""Pictures of circuits and of what they do, as matplotlib figures."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from advsci_circuits.evaluation.diagram import Diagram
from advsci_circuits.graphs.circuit import Circuit

__all__ = ["bifurcation_figure", "circuit_figure", "draw_circuit", "robustness_figure", "time_course_figure"]

ACTIVATION, REPRESSION = "#2166ac", "#b2182b"
MOST_CURVES = 12
"""Curves of one figure."""


def _plot() -> Any:
    import matplotlib

    matplotlib.use("Agg", force=False)
    import matplotlib.pyplot as plt

    return plt


def draw_circuit(axis: Any, circuit: Circuit, title: str | None = None) -> None:
    """Genes on a circle; blue arrows activate, red bars repress, self-regulation loops outside.

    Parameters
    ----------
    axis
        A matplotlib axis.
    circuit
        The circuit.
    title
        Its title.
    """
    n = len(circuit)
    angle = np.pi / 2 - 2 * np.pi * np.arange(n) / n
    place = np.stack([np.cos(angle), np.sin(angle)], 1) if n > 1 else np.zeros((1, 2))
    for i, j in np.argwhere(circuit.signs):
        sign = circuit.signs[i, j]
        colour, head = (ACTIVATION, "-|>") if sign > 0 else (REPRESSION, "|-|,widthA=0,widthB=0.35")
        if i == j:
            out = place[i] / max(np.linalg.norm(place[i]), 1e-9) if n > 1 else np.array([0.0, 1.0])
            side = np.array([-out[1], out[0]])
            tips = place[i] + 0.16 * out + 0.1 * side, place[i] + 0.16 * out - 0.1 * side
            style = {"connectionstyle": "arc3,rad=-1.9", "shrinkA": 0, "shrinkB": 0}
            axis.annotate("", tips[1], tips[0], arrowprops={"arrowstyle": head, "color": colour, "lw": 1.6, **style})
            continue
        bend = 0.18 if circuit.signs[j, i] else 0.06
        axis.annotate(
            "", place[i], place[j],
            arrowprops={
                "arrowstyle": head, "color": colour, "lw": 1.6, "shrinkA": 15, "shrinkB": 17,
                "connectionstyle": f"arc3,rad={bend}",
            },
        )  # fmt: skip
    for (x, y), gene in zip(place, circuit.genes, strict=True):
        axis.text(
            x, y, gene[:10], ha="center", va="center", fontsize=8, zorder=3,
            bbox={"boxstyle": "round,pad=0.35", "fc": "white", "ec": "0.3"},
        )  # fmt: skip
    axis.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal")
    axis.axis("off")
    if title:
        axis.set_title(title, fontsize=9)


def circuit_figure(circuits: list[Circuit], titles: list[str] | None = None) -> Any:
    """A row of drawings.

    Parameters
    ----------
    circuits
        Circuits.
    titles
        One each; by default the circuits' names.
    """
    plt = _plot()
    figure, axes = plt.subplots(1, len(circuits), figsize=(2.6 * len(circuits), 2.8), squeeze=False)
    for k, (axis, circuit) in enumerate(zip(axes[0], circuits, strict=True)):
        draw_circuit(axis, circuit, titles[k] if titles else circuit.name)
    figure.tight_layout()
    return figure


def time_course_figure(genes: Sequence[str], times: np.ndarray, levels: np.ndarray) -> Any:
    """Concentrations over time.

    Parameters
    ----------
    genes
        Names.
    times : array, shape [t]
        Times.
    levels : array, shape [t, genes]
        Concentrations.

    Returns
    -------
    matplotlib figure
    """
    plt = _plot()
    figure, axis = plt.subplots(figsize=(5, 2.8))
    for gene, level in zip(genes[:MOST_CURVES], levels.T, strict=False):
        axis.plot(times, level, label=gene[:10])
    axis.set(xlabel="time", ylabel="concentration")
    axis.legend(fontsize=8, ncols=3, frameon=False)
    figure.tight_layout()
    return figure


WORDS = {"fold": "fold", "hopf": "Hopf point", "branch point": "branch point"}
MARKS = {"fold": "o", "hopf": "s", "branch point": "D"}
"""Marks of special points."""


def bifurcation_figure(diagram: Diagram, gene: int = -1) -> Any:
    """Steady states of one gene along a parameter: lines attract, dotted ones repel, marks are special points.

    Parameters
    ----------
    diagram
        The branches.
    gene
        Place of the gene shown.

    Returns
    -------
    matplotlib figure
    """
    plt = _plot()
    figure, axis = plt.subplots(figsize=(5, 2.8))
    for branch, levels in zip(diagram.branches, diagram.levels, strict=True):
        edges = np.flatnonzero(np.diff(branch.stable)) + 1
        for first, last in itertools.pairwise([0, *edges, len(branch.values)]):
            # a piece begins at the end of the one before, or lines would have gaps at special points
            part, stable = slice(max(first - 1, 0), last), branch.stable[first]
            axis.plot(branch.values[part], levels[part, gene], "-" if stable else ":", c="0.1" if stable else "0.5")
        for kind, mark in MARKS.items():
            some = [point for point in branch.special if point.kind == kind]
            axis.plot(
                [point.value for point in some], [levels[point.index, gene] for point in some], mark, mfc="none", ms=6,
                c=REPRESSION if kind == "hopf" else ACTIVATION,
            )  # fmt: skip
    axis.plot([], [], "-", c="0.1", label="attracting")
    axis.plot([], [], ":", c="0.5", label="repelling")
    for kind in sorted({point["kind"] for point in diagram.special}):
        axis.plot([], [], MARKS[kind], mfc="none", c=REPRESSION if kind == "hopf" else ACTIVATION, label=WORDS[kind])
    everything = np.concatenate([levels[:, gene] for levels in diagram.levels])
    axis.set(
        xscale="log" if diagram.varied.low > 0 and diagram.varied.high > 5 * diagram.varied.low else "linear",
        yscale="log" if everything.min() > 0 and everything.max() > 5 * everything.min() else "linear",
        xlabel=f"{diagram.varied.name}{', relative' if diagram.varied.factor else ''}",
        ylabel=f"steady {diagram.genes[gene]}",
    )  # fmt: skip
    axis.legend(fontsize=8, frameon=False)
    figure.tight_layout()
    return figure


def robustness_figure(rows: list[tuple[str, float, float, float]]) -> Any:
    """Shares of parameter sets with 95 % intervals: (label, share, low, high) a row.

    Parameters
    ----------
    rows
        (label, share, low, high) each.
    """
    plt = _plot()
    figure, axis = plt.subplots(figsize=(5, 0.5 + 0.32 * len(rows)))
    for y, (_, share, low, high) in enumerate(rows):
        axis.errorbar(100 * share, y, xerr=[[100 * (share - low)], [100 * (high - share)]], fmt="o", color="0.2")
    axis.set(yticks=range(len(rows)), xlabel="share of parameter sets [%]", xlim=(0, None))
    axis.set_yticklabels([label for label, *_ in rows])
    axis.invert_yaxis()
    figure.tight_layout()
    return figure
