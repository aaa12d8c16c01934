r"""Biology kept within types, by measures that no method is tuned to.

*Held-out counts*: every count is thinned binomially into two halves, :math:`c = a + b`; one half is embedded, and the
mean profile :math:`p_i` of 15 neighbours in the embedding, drawn half-way to the type's, predicts the other half. With
the Poisson deviance :math:`D`,

.. math:: R = 1 - \frac{\sum_i D(b_i, n_i p_i)}{\sum_i D(b_i, n_i \bar p_{t(i) b(i)})}

over the types of every batch: 0 if an embedding knows no more of a cell than its type. Neighbours come from the own
batch, or from all others; there the batch effect on a type's mean is taken off the profile first.

*Order within types*: the share of a cell's 15 nearest cells of its own type and batch that are still its nearest after
a correction.
"""

from typing import Any

import numpy as np

from advsci_singlecell.embedding.neighbours import nearest

__all__ = ["explained_by_neighbours", "order_within_types", "thinned"]

GENES = 600
LEAST, LEAST_POOL, LEAST_ORDERED = 40, 60, 60


def thinned(counts: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Counts in two halves that are independent if counts are Poisson.

    Parameters
    ----------
    counts
        Dense counts (n g).
    rng
        Source of randomness.

    Returns
    -------
    first, second
        (n g); they sum to ``counts``.

    Examples
    --------
    >>> first, second = thinned(np.full((2, 3), 10), np.random.default_rng(0))
    >>> (first + second).tolist()
    [[10, 10, 10], [10, 10, 10]]
    """
    first = rng.binomial(np.asarray(counts).astype(np.int64), 0.5)
    return first, np.asarray(counts).astype(np.int64) - first


def explained_by_neighbours(
    z: np.ndarray, first: np.ndarray, second: np.ndarray, batch: Any, types: Any, *, own: bool, k: int = 15
) -> float:
    """Share of the held-out counts' deviance within types that neighbours explain.

    Parameters
    ----------
    z
        Embedding (n d) made of the first halves.
    first, second
        The halves (n g), as `thinned` makes them.
    batch, types
        Names (n).
    own
        Whether neighbours come from the cell's own batch, or from all others.
    k
        How many neighbours.

    Returns
    -------
    float
        At most 1; NaN where no type has forty cells in a batch.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> state = rng.random(400)
    >>> counts = rng.poisson(np.stack([5 + 30 * state, 35 - 30 * state], axis=1))
    >>> first, second = thinned(counts, rng)
    >>> names = np.full(400, "one"), np.full(400, "T")
    >>> bool(explained_by_neighbours(first, first, second, *names, own=True) > 0.3)
    True
    """
    y, b = np.asarray(types).astype(str), np.asarray(batch).astype(str)
    chosen = np.argsort(-second.mean(axis=0))[:GENES]
    library = second.sum(axis=1, keepdims=True)
    total = first.sum(axis=1)
    left = whole = 0.0
    for t in np.unique(y):
        for name in np.unique(b):
            cells, pool = np.flatnonzero((y == t) & (b == name)), np.flatnonzero((b == name) == own)
            if len(cells) < LEAST or len(pool) < LEAST_POOL:
                continue
            found = pool[nearest(z[pool], z[cells], k + int(own))]
            if own:
                self_ = found == cells[:, None]
                self_[~self_.any(axis=1), -1] = True
                found = found[~self_].reshape(len(cells), k)
            base = first[cells][:, chosen].sum(axis=0) / total[cells].sum()
            profile = first[:, chosen][found].sum(axis=1) / total[found].sum(axis=1)[:, None]
            if not own:
                source = first[found.ravel()][:, chosen].sum(axis=0) / total[found.ravel()].sum()
                profile = profile * (base + 1e-8) / (source + 1e-8)
            x = second[cells][:, chosen]
            left += _deviance(x, 0.5 * (profile + base) * library[cells])
            whole += _deviance(x, base[None] * library[cells])
    return 1.0 - left / whole if whole else float("nan")


def order_within_types(z: np.ndarray, components: np.ndarray, batch: Any, types: Any, *, k: int = 15) -> float:
    """Share of the nearest cells of the own type and batch that are still the nearest in the embedding.

    Parameters
    ----------
    z, components
        Embedding (n d), and components before any correction (n e).
    batch, types
        Names (n).
    k
        Size of a neighbourhood.

    Returns
    -------
    float
        Mean over the types of every batch with sixty cells; NaN where there is none.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(80, 3))
    >>> order_within_types(2.0 * x, x, np.full(80, "one"), np.full(80, "T"))
    1.0
    """
    y, b = np.asarray(types).astype(str), np.asarray(batch).astype(str)
    kept = []
    for t in np.unique(y):
        for name in np.unique(b):
            rows = np.flatnonzero((y == t) & (b == name))
            if len(rows) < LEAST_ORDERED:
                continue
            before, after = (nearest(x[rows], x[rows], k + 1)[:, 1:] for x in (components, z))
            kept.append(np.mean([len(np.intersect1d(p, q)) / k for p, q in zip(before, after, strict=True)]))
    return float(np.mean(kept)) if kept else float("nan")


def _deviance(x: np.ndarray, mean: np.ndarray) -> float:
    mean = np.maximum(mean, 1e-9)
    return float(2.0 * (np.where(x > 0, x * np.log(np.maximum(x, 1e-12) / mean), 0.0) - (x - mean)).sum())
