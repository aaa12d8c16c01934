r"""How unlike the reference a cell of a new batch is: conformal p-values, calibrated on batches held out.

Let :math:`d_v(z)` be the distance to the k-th nearest reference cell that is not of batch :math:`v`, and :math:`\rho`
the median distance of a batch's cells to the k-th nearest of 200 cells of their own. A batch :math:`v` of the
reference is held out: the method is fitted to the others, genes and components included, and the cells of :math:`v`
are mapped as a query is, which gives them the scores :math:`s_i = d(z_i) / \rho_v`. A cell :math:`z` of a new batch
gets

.. math:: p = \frac{1}{|V|} \sum_v \frac{1 + \#\{i \in v : s_i \ge d_v(z) / \rho\}}{1 + n_v}

(cross-conformal prediction, Vovk 2015, doi 10.1007/s10472-013-9368-4, with batches as folds: a new batch is to the
reference what each of its batches is to the others). Components that were fitted with a batch fit it better than a new
one, so that scores of a batch that was there in the fit are too small; those of a reference cell among its own batch
are smaller still. The scores are divided by :math:`\rho` because a noisy batch is far from everything, itself included,
and because a ratio of distances is the same in embeddings of unlike scale.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from advsci_singlecell.embedding.neighbours import nearest_distances

__all__ = ["Calibration"]

LEAST = 20  # cells of a batch of which a radius is told, or that calibrate
MOST = 5  # batches that are held out, the largest ones: each costs a fit
SOME = 200  # cells of which a radius is told: distances to the k-th nearest are shorter among more
CHUNK = 4096


@dataclass(frozen=True)
class Calibration:
    """The reference, and the scores of its batches held out.

    Attributes
    ----------
    cells, batch
        Embedding (n d) and batch numbers (n) of the reference.
    scores
        Sorted scores of every batch that calibrates, by its number.
    radius
        Mean over the batches of their median radius: for query batches of too few cells to tell their own.
    k
        Which nearest cell a distance is to.
    """

    cells: np.ndarray
    batch: np.ndarray
    scores: dict[int, np.ndarray]
    radius: float
    k: int

    @classmethod
    def fit(
        cls,
        cells: Float[np.ndarray, "n d"],
        batch: Int[np.ndarray, " n"],
        hold: Callable[[int], tuple[np.ndarray, np.ndarray]],
        types: Int[np.ndarray, " n"] | None = None,
        k: int = 15,
    ) -> "Calibration":
        """Score the reference's batches, each held out; the five largest where there are more.

        Parameters
        ----------
        cells, batch
            Embedding and batch numbers of the reference.
        hold
            Batch number -> embedding (n - m, d) of the other batches' cells, fitted without it, and its own cells'
            (m d), mapped there as a query; both in the order of ``cells``.
        types
            Type numbers, -1 unknown: cells of a type that no other batch has do not calibrate, since they are unlike
            the rest; None: all calibrate.
        k
            Which nearest cell a distance is to.

        Returns
        -------
        Calibration
            Ready for queries. Where the batches are too small to hold one out, it calls no cell unlike.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> cells, batch = rng.normal(size=(400, 3)), np.arange(400) % 4
        >>> found = Calibration.fit(cells, batch, lambda v: (cells[batch != v], cells[batch == v]))
        >>> p = found.p_values(np.concatenate([rng.normal(size=(200, 3)), np.full((1, 3), 9.0)]), np.zeros(201, int))
        >>> bool(0.0 < (p[:-1] < 0.05).mean() < 0.1), bool(p[-1] < 0.02)
        (True, True)
        """
        radii = [_radius(cells[batch == b], k) for b in np.unique(batch)]
        common = float(np.mean([radius for radius in radii if radius] or [1.0]))
        scores = {}
        for v, usable in _held_out(batch, types):
            rest, held = hold(v)
            near = _distances(rest, np.zeros(len(rest), int), held[usable[batch == v]], k)
            scores[v] = np.sort(_kth(near, None, k) / (_radius(held, k) or _radius(rest, k) or 1.0))
        return cls(cells, batch, scores, common, k)

    def p_values(self, z: Float[np.ndarray, "m d"], batch: Int[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
        """How usual the cells of new batches are; small: like nothing in the reference.

        Parameters
        ----------
        z
            Embedding of the query.
        batch
            Numbers of its batches.

        Returns
        -------
        numpy.ndarray
            A p-value per cell.
        """
        radius = np.empty(len(z))
        for b in np.unique(batch):
            radius[batch == b] = _radius(z[batch == b], self.k) or self.radius
        out = np.empty(len(z))
        for start in range(0, len(z), CHUNK):
            part = slice(start, start + CHUNK)
            if not self.scores:
                out[part] = 1.0
                continue
            near, total = _distances(self.cells, self.batch, z[part], self.k), 0.0
            for v, scores in self.scores.items():
                beyond = len(scores) - np.searchsorted(scores, _kth(near, v, self.k) / radius[part], side="left")
                total = total + (1.0 + beyond) / (1.0 + len(scores))
            out[part] = total / len(self.scores)
        return out


def _held_out(batch: np.ndarray, types: np.ndarray | None) -> list[tuple[int, np.ndarray]]:
    """Batches to hold out, the largest first, and which cells (n) calibrate: those of types that others have."""
    usable = _shared(batch, types)
    sizes = np.bincount(batch[usable], minlength=int(batch.max()) + 1)
    if sizes.max() < LEAST:  # many small batches: a few of them calibrate together
        sizes, usable = np.bincount(batch), np.ones(len(batch), bool)
    least = min(LEAST, int(sizes.max()))
    order = np.argsort(-sizes, kind="stable")
    return [(int(v), usable) for v in order if sizes[v] >= least and (batch != v).sum() >= LEAST][:MOST]


def _shared(batch: np.ndarray, types: np.ndarray | None) -> np.ndarray:
    """Which cells (n) are of a type that another batch has as well, or of none that is known."""
    out = np.ones(len(batch), bool)
    if types is not None:
        for t in np.unique(types[types >= 0]):
            if len(np.unique(batch[types == t])) < 2:
                out[types == t] = False
    return out


def _radius(z: np.ndarray, k: int) -> float:
    """Median distance of a batch's cells (n d) to the k-th nearest of 200 of them; 0 where they are too few, or all
    alike. Of fewer cells the same share are neighbours: a batch of many cells must not seem less noisy than it is."""
    z = z[np.unique(np.linspace(0, len(z) - 1, min(len(z), SOME)).round().astype(int))]
    if len(z) < LEAST:
        return 0.0
    return float(np.median(nearest_distances(z, z, max(1, round(k * len(z) / SOME)) + 1)[0][:, -1]))


def _distances(cells: np.ndarray, batch: np.ndarray, z: np.ndarray, k: int) -> dict[int, np.ndarray]:
    """Distances (m k) of ``z`` to the nearest cells of every batch."""
    return {int(b): nearest_distances(cells[batch == b], z, k)[0] for b in np.unique(batch)}


def _kth(near: dict[int, np.ndarray], without: int | None, k: int) -> np.ndarray:
    """Distance (m) to the k-th nearest cell of all batches but one; to the farthest found where they are fewer."""
    others = [d for b, d in near.items() if b != without]
    found = np.concatenate(others or list(near.values()), axis=1)
    last = min(k, found.shape[1]) - 1
    return np.partition(found, last, axis=1)[:, last]
