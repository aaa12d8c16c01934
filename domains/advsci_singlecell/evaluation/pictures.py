"""Pictures of a correction: maps before and after, mixing by type, the adversary's curve."""

from typing import TYPE_CHECKING

import numpy as np

from advsci.errors import needs
from advsci.report import style
from advsci_singlecell.evaluation.scores import own_neighbours

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = [
    "mixing_by_type",
    "strength_picture",
    "training_picture",
    "type_mixing_picture",
    "umap",
    "umap_picture",
]


def umap(z: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Two coordinates a cell by UMAP.

    Parameters
    ----------
    z
        Embedding (n d).
    seed
        Of UMAP.
    """
    with needs("umap-learn", "singlecell"):
        from umap import UMAP
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(UMAP(random_state=seed, n_jobs=1).fit_transform(z))


def umap_picture(before: np.ndarray, after: np.ndarray, colours: "dict[str, pd.Series]") -> "Figure":
    """Maps of both embeddings, coloured by every given column.

    Parameters
    ----------
    before
        Embedding before the correction (n d).
    after
        Embedding after it (n d).
    colours
        Title -> column of obs to colour by.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(4.2 * len(colours), 7.2))
        axes = figure.subplots(2, len(colours), squeeze=False)
        for row, (name, z) in enumerate((("before", before), ("after", after))):
            xy = umap(z)
            order = np.random.default_rng(0).permutation(len(xy))
            for axis, (title, column) in zip(axes[row], colours.items(), strict=True):
                names, number = np.unique(column.astype(str).to_numpy(), return_inverse=True)
                palette = colormaps["tab20" if len(names) > 10 else "tab10"]
                axis.scatter(*xy[order].T, c=palette(number[order] % palette.N), s=2, linewidths=0, rasterized=True)
                axis.set(xticks=[], yticks=[], title=f"{name}: {title}")
                axis.grid(False)
                if row == 0:
                    for i, label in enumerate(names[:12]):
                        axis.scatter([], [], color=palette(i % palette.N), s=12, label=label)
                    axis.legend(fontsize=6, markerscale=1, ncols=2, loc="best", handletextpad=0.2)
    return figure


def mixing_by_type(z: np.ndarray, types: "pd.Series", batch: "pd.Series") -> dict[str, float]:
    """`mixing_where_due` of every type that two batches have.

    Parameters
    ----------
    z
        Embedding (n d).
    types
        Names of the types (n).
    batch
        Names of the batches (n).
    """
    y, b = types.astype(str).to_numpy(), batch.astype(str).to_numpy()
    neighbours = own_neighbours(z, 15)
    scores = {}
    for name in np.unique(y):
        rows = np.flatnonzero(y == name)
        if len(np.unique(b[rows])) < 2 or len(rows) < 30:
            continue
        scores[str(name)] = _mixing(neighbours, b, rows)
    return scores


def _mixing(neighbours: np.ndarray, b: np.ndarray, rows: np.ndarray) -> float:
    own = (b[neighbours[rows]] == b[rows][:, None]).mean()
    _, counts = np.unique(b[rows], return_counts=True)
    return float(np.clip((1.0 - own) / (1.0 - ((counts / counts.sum()) ** 2).sum()), 0.0, 1.0))


def type_mixing_picture(before: dict[str, float], after: dict[str, float]) -> "Figure":
    """Bars of the mixing of every type, before and after."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(7, 0.8 + 0.32 * max(len(before), 1)))
        axis = figure.subplots()
        y = np.arange(len(before))
        axis.barh(y + 0.2, list(before.values()), 0.36, label="before", color="#b7bcc4")
        axis.barh(y - 0.2, [after[name] for name in before], 0.36, label="after")
        axis.set(yticks=y, yticklabels=list(before), xlim=(0, 1), xlabel="mixing where due")
        axis.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)  # bars that reach 1 leave no room within
    return figure


def training_picture(records: list[dict[str, float | int]]) -> "Figure":
    """How well the batch was read, and where they were measured phantom mixing and strength.

    Parameters
    ----------
    records
        Records of the training with ``step`` and ``readability``.
    """
    from matplotlib.figure import Figure

    steps, moved = [record["step"] for record in records], "strength" in records[-1]
    with style():
        figure = Figure(figsize=(7 if moved else 4, 2.6))
        left, *right = figure.subplots(1, 2 if moved else 1, squeeze=False)[0]
        left.plot(steps, [record["readability"] for record in records], label="readability")
        if "phantom" in records[-1]:
            left.plot(steps, [record["phantom"] for record in records], label="phantom mixing")
        left.axhline(0.0, color="#8a8f98", linewidth=0.8)
        left.set(xlabel="step")
        left.legend()
        for axis in right:
            axis.plot(steps, [record["strength"] for record in records], color="#c2417c")
            axis.set(xlabel="step", ylabel="strength", yscale="log")
    return figure


def strength_picture(curve: "pd.DataFrame") -> "Figure":
    """Scores over the strength, a line an adversary.

    Parameters
    ----------
    curve
        Scores by adversary and strength, of `strength_curve`.
    """
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(2.6 * curve.shape[1], 2.6))
        axes = figure.subplots(1, curve.shape[1], squeeze=False)[0]
        for axis, name in zip(axes, curve.columns, strict=True):
            for kind, part in curve.groupby(level="adversary"):
                strengths = part.index.get_level_values("strength").to_numpy(float)
                axis.plot(strengths, part[name].to_numpy(float), marker="o", markersize=3, label=str(kind))
            axis.set(title=name, xlabel="strength")
            axis.set_xscale("symlog", linthresh=0.03)
        axes[0].legend()
    return figure
