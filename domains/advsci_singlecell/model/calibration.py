r"""How unlike the reference a cell of a new batch is: conformal p-values, calibrated on batches held out.

Let :math:`d_v(z)` be the distance to the k-th nearest reference cell that is not of batch :math:`v`, and :math:`\rho`
the median distance of a batch's cells to the k-th nearest of their own batch. A batch :math:`v` of the reference is
placed as if it were new, which gives its cells the scores :math:`s_i = d_v(z_i) / \rho_v`. A cell :math:`z` of a new
batch gets

.. math:: p = \frac{1}{|V|} \sum_v \frac{1 + \#\{i \in v : s_i \ge d_v(z) / \rho\}}{1 + n_v}

(cross-conformal prediction, Vovk 2015, doi 10.1007/s10472-013-9368-4, with batches as folds: a new batch is to the
reference what each of its batches is to the others). Reference cells among their own batch are no measure of that: they
are nearer to it than any new batch comes. The scores are divided by :math:`\rho` because a noisy batch is far from
everything, itself included.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from advsci_singlecell.embedding.neighbours import nearest_distances

__all__ = ["Calibration"]

LEAST = 20  # cells of a batch of which a radius is told, or that calibrate
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
        held: Float[np.ndarray, "n d"],
        batch: Int[np.ndarray, " n"],
        types: Int[np.ndarray, " n"] | None = None,
        k: int = 15,
    ) -> "Calibration":
        """Score the reference's batches.

        Parameters
        ----------
        cells
            Embedding of the reference.
        held
            The same cells, each placed as if its batch were new.
        batch
            Batch numbers.
        types
            Type numbers, -1 unknown: cells of a type that no other batch has do not calibrate, since they are unlike
            the rest; None: all calibrate.
        k
            Which nearest cell a distance is to.

        Returns
        -------
        Calibration
            Ready for queries.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> cells, batch = rng.normal(size=(400, 3)), np.arange(400) % 4
        >>> found = Calibration.fit(cells, cells, batch)
        >>> p = found.p_values(np.concatenate([rng.normal(size=(200, 3)), np.full((1, 3), 9.0)]), np.zeros(201, int))
        >>> bool(0.0 < (p[:-1] < 0.05).mean() < 0.1), bool(p[-1] < 0.02)
        (True, True)
        """
        held = np.asarray(held, np.float32)
        usable = _shared(batch, types)
        sizes = np.bincount(batch[usable], minlength=int(batch.max()) + 1)
        chosen = np.flatnonzero(sizes >= LEAST)
        if not len(chosen):
            chosen, usable = np.unique(batch), np.ones(len(batch), bool)
        radii = {int(b): _radius(held[batch == b], k) for b in np.unique(batch)}
        told = [radius for radius in radii.values() if radius]
        common = float(np.mean(told)) if told else 1.0
        scores = {}
        for v in chosen:
            near = _distances(cells[batch != v], batch[batch != v], held[(batch == v) & usable], k)
            scores[int(v)] = np.sort(_kth(near, None, k) / (radii[int(v)] or common))
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
            near, total = _distances(self.cells, self.batch, z[part], self.k), 0.0
            for v, scores in self.scores.items():
                beyond = len(scores) - np.searchsorted(scores, _kth(near, v, self.k) / radius[part], side="left")
                total = total + (1.0 + beyond) / (1.0 + len(scores))
            out[part] = total / len(self.scores)
        return out


def _shared(batch: np.ndarray, types: np.ndarray | None) -> np.ndarray:
    """Which cells (n) are of a type that another batch has as well, or of none that is known."""
    out = np.ones(len(batch), bool)
    if types is not None:
        for t in np.unique(types[types >= 0]):
            if len(np.unique(batch[types == t])) < 2:
                out[types == t] = False
    return out


def _radius(z: np.ndarray, k: int) -> float:
    """Median distance of a batch's cells (n d) to the k-th nearest other; 0 where they are too few, or all alike."""
    if len(z) < max(LEAST, k + 1):
        return 0.0
    return float(np.median(nearest_distances(z, z, k + 1)[0][:, -1]))


def _distances(cells: np.ndarray, batch: np.ndarray, z: np.ndarray, k: int) -> dict[int, np.ndarray]:
    """Distances (m k) of ``z`` to the nearest cells of every batch."""
    return {int(b): nearest_distances(cells[batch == b], z, k)[0] for b in np.unique(batch)}


def _kth(near: dict[int, np.ndarray], without: int | None, k: int) -> np.ndarray:
    """Distance (m) to the k-th nearest cell of all batches but one; to the farthest found where they are fewer."""
    others = [d for b, d in near.items() if b != without]
    found = np.concatenate(others or list(near.values()), axis=1)
    last = min(k, found.shape[1]) - 1
    return np.partition(found, last, axis=1)[:, last]
