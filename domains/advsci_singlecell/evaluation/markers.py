r"""Marker genes before and after a correction: what tells types apart must stay, what tells batches apart must go.

A gene's effect between two groups is the difference of its means over the pooled standard deviation (Cohen's
:math:`d`). After a correction the difference is still measured in spreads of the expression *before*: what a model
expects has little spread of its own, and would make every difference look large. Markers of a type are the genes of
largest effect against all other cells; a gene *differs between batches* if within the type its effect between two
batches exceeds one half.
"""

from typing import TYPE_CHECKING

import numpy as np

from advsci_singlecell.data.cells import known_labels
from advsci_singlecell.data.matrix import chunks, log_normalise

if TYPE_CHECKING:
    import pandas as pd

    from advsci_singlecell.model.model import Model

__all__ = ["batch_genes", "compared_markers", "effects", "marker_table", "markers"]

LEAST = 10
LARGE = 0.5


def effects(x: np.ndarray, group: np.ndarray, measured: np.ndarray | None = None) -> np.ndarray:
    """Cohen's d of every gene (g) for the rows in ``group`` (n, boolean) against the others.

    Parameters
    ----------
    x, measured
        Log-expression (n g) whose means are compared, and the one whose spread is the unit (default: the same).
    """
    unit = x if measured is None else measured
    within = (group.sum() * unit[group].var(axis=0) + (~group).sum() * unit[~group].var(axis=0)) / len(x)
    return (x[group].mean(axis=0) - x[~group].mean(axis=0)) / np.sqrt(np.maximum(within, 1e-6))


def markers(x: np.ndarray, types: np.ndarray, n: int = 20, measured: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Columns of the ``n`` genes of largest effect for every type with ten cells, best first.

    Parameters
    ----------
    x
        Log-expression (n g).
    types
        Names of the types (n).
    measured
        Log-expression (n g) whose spread is the unit (default: `x`).
    """
    names, counts = np.unique(types, return_counts=True)
    found = [name for name, count in zip(names, counts, strict=True) if LEAST <= count <= len(types) - LEAST]
    return {str(name): effects(x, types == name, measured).argsort()[::-1][:n] for name in found}


def batch_genes(
    x: np.ndarray, types: np.ndarray, batch: np.ndarray, name: str, measured: np.ndarray | None = None
) -> float:
    """Share of genes that differ between batches within the type ``name``, a mean over pairs; NaN without a pair.

    Parameters
    ----------
    x
        Log-expression (n g).
    types
        Names of the types (n).
    batch
        Names of the batches (n).
    measured
        Log-expression (n g) whose spread is the unit (default: `x`).
    """
    rows = types == name
    sizes = {b: int((rows & (batch == b)).sum()) for b in np.unique(batch)}
    kept = [b for b, size in sizes.items() if size >= LEAST]
    shares, unit = [], x if measured is None else measured
    for i, a in enumerate(kept):
        for b in kept[:i]:
            pair = rows & np.isin(batch, (a, b))
            shares.append((np.abs(effects(x[pair], batch[pair] == a, unit[pair])) > LARGE).mean())
    return float(np.mean(shares)) if shares else float("nan")


def marker_table(
    before: np.ndarray, after: np.ndarray, genes: "pd.Index | np.ndarray", types: np.ndarray, batch: np.ndarray
) -> list[dict[str, object]]:
    """A row a type: its markers before and after, how many of 20 stay, and the genes that differ between batches.

    Parameters
    ----------
    before, after
        Log-expression (n g), as measured and corrected.
    types
        Names of the types (n).
    batch
        Names of the batches (n).
    """
    types, batch, names = np.asarray(types).astype(str), np.asarray(batch).astype(str), np.asarray(genes).astype(str)
    old, new = markers(before, types), markers(after, types, measured=before)
    return [
        {
            "type": name,
            "markers before": ", ".join(names[old[name][:5]]),
            "markers after": ", ".join(names[new[name][:5]]),
            "of 20 kept": len(set(old[name]) & set(new[name])),
            "genes that differ between batches, before": batch_genes(before, types, batch, name),
            "after": batch_genes(after, types, batch, name, before),
        }
        for name in old
    ]


def compared_markers(
    model: "Model", types: "pd.Series", rows: np.ndarray, unlabeled_category: str = "Unknown"
) -> list[dict[str, object]]:
    """`marker_table` of a trained model's selected genes, on some of its cells.

    Parameters
    ----------
    model
        A trained model.
    types
        Types of its cells (n).
    rows
        Numbers of the cells to take.
    unlabeled_category
        Type that means "not known": such cells are left out.
    """
    rows = rows[known_labels(types.iloc[rows], unlabeled_category)]
    cells, genes = model.cells, model.fitted()[0].genes
    parts = [log_normalise(block) if cells.counts else block for _, block in chunks(cells.matrix, rows)]
    before = np.concatenate([np.asarray(part[:, genes].todense(), dtype=np.float32) for part in parts])
    every = list(range(len(cells.batches)))
    after = model.explained().corrected(model.embed_rows(rows), every, [int(g) for g in genes])
    if cells.counts:
        after = np.log1p(after)
    return marker_table(
        before, after, cells.var_names[genes], types.iloc[rows].astype(str).to_numpy(), cells.batch[rows].astype(str)
    )
