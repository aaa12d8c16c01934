r"""Cells of unlike depth made equally noisy: residuals about neighbours of the own batch, scaled to the quietest batch.

Where one batch was sequenced deeper, its cells scatter less about the same biology. Far from any batch's mean, in many
dimensions, the quiet cells are then *everybody's* nearest neighbours, their own batch's first of all: no shift of means
mixes such batches, and a type that the deep batch lacks or has alone is pulled into it. With the mean :math:`m_i` of a
cell's neighbours in its own batch,

.. math:: x_i \mapsto m_i + D_{b(i)} (x_i - m_i), \qquad D_b \leftarrow D_b \sqrt{\min_{b'} v_{b'} / v_b}, \qquad
          v_b \leftarrow \frac{n_b v_b + k \bar v}{n_b + k}

component by component, with the variance :math:`v_b` of a batch's residuals, drawn to that of all cells by as much as
the batch is small. Neighbours are neighbours in part by their noise, so that :math:`m_i` has some of it: the residuals
are measured again on what came out, and :math:`D` moved, a few times. Neighbours' means are not touched, and with them
what tells types apart; batches are compared by noise alone, never by composition.
"""

from dataclasses import dataclass

import numpy as np

from advsci_singlecell.embedding.neighbours import nearest, size_of
from advsci_singlecell.embedding.own import OwnNeighbours

__all__ = ["Equaliser", "agreement", "lonely", "neighbour_means"]

ROUNDS = 3


@dataclass(frozen=True)
class Equaliser:
    """The reference's components, and the factor of every batch's residuals.

    Attributes
    ----------
    cells, batch
        Components (n d) and batch numbers (n) of the reference.
    factor
        Of the residuals of every batch (b d), at most one.
    quietest, common
        Variance of the residuals (d): of the quietest batch, and of all cells.
    k
        Largest size of a neighbourhood (`size_of`).
    """

    cells: np.ndarray
    batch: np.ndarray
    factor: np.ndarray
    quietest: np.ndarray
    common: np.ndarray
    k: int

    @classmethod
    def fit(cls, own: OwnNeighbours, batches: int) -> "Equaliser":
        """Measure the residuals of components.

        Parameters
        ----------
        own
            Components, batch numbers and neighbours of the reference.
        batches
            How many batches there are.

        Returns
        -------
        Equaliser
            The map to equally noisy components.
        """
        x, batch, k, mean = own.cells, own.batch, own.k, own.means()
        variance = residual_variance(x - mean, batch, batches, k)
        quietest = variance.min(axis=0)
        common = np.bincount(batch, minlength=batches) @ variance / len(batch)
        return cls(x, batch, _factors(x, mean, variance, batch, k, quietest), quietest, common, k)

    def even(self, own: OwnNeighbours) -> np.ndarray:
        """Equally noisy components (n d) of the reference, whose neighbours are known.

        Parameters
        ----------
        own
            What `fit` got.

        Returns
        -------
        numpy.ndarray
            The same as a call with the reference's cells, without a search.
        """
        mean = own.means()
        return (mean + self.factor[own.batch] * (own.cells - mean)).astype(np.float32)

    def __call__(self, x: np.ndarray, batch: np.ndarray) -> np.ndarray:
        """Equally noisy components (n d) of cells of known batches."""
        mean = neighbour_means(self.cells, self.batch, x, batch, self.k)
        return (mean + self.factor[batch] * (x - mean)).astype(np.float32)

    def cleared(self, own: OwnNeighbours, even: OwnNeighbours, rate: float, labels: np.ndarray) -> np.ndarray:
        """The reference's equally noisy components (n d) with only ``1 - rate`` of their residuals.

        Lonely cells keep all, and so do others by as much as their neighbours' labels (n, -1 unknown) contradict
        theirs: a type of fewer cells than a neighbourhood is not blurred into its surroundings.

        Parameters
        ----------
        own, even
            The reference as it was, and equally noisy.
        """
        rate_of = np.where(lonely(even), 0.0, rate * agreement(even, labels))
        return (even.cells + rate_of[:, None] * (own.means() - even.cells)).astype(np.float32)

    def unseen(self, x: np.ndarray, batch: np.ndarray) -> np.ndarray:
        """Components (n d) of cells of *new* batches (numbered from 0), no noisier than the reference's.

        Parameters
        ----------
        x
            Components (n d).
        batch
            Batch numbers (n).
        """
        mean = OwnNeighbours.fit(x, batch, self.k).means()
        variance = residual_variance(x - mean, batch, int(batch.max()) + 1, self.k, self.common)
        factor = _factors(x, mean, variance, batch, self.k, self.quietest, self.common)
        return (mean + factor[batch] * (x - mean)).astype(np.float32)


def _factors(x, mean, variance, batch, k, quietest, common=None) -> np.ndarray:
    """Factors (b d) after which the residuals of all batches have the variance ``quietest``, or less."""
    factor = np.ones_like(variance)
    for round_ in range(ROUNDS):
        if round_:
            even = (mean + factor[batch] * (x - mean)).astype(np.float32)
            residual = even - OwnNeighbours.fit(even, batch, k).means()
            variance = residual_variance(residual, batch, len(factor), k, common)
        factor = np.minimum(factor * np.sqrt(quietest / np.maximum(variance, 1e-30)), 1.0)
    return factor


def neighbour_means(
    reference: np.ndarray, reference_batch: np.ndarray, x: np.ndarray, batch: np.ndarray, k: int
) -> np.ndarray:
    """Means (m d) of the nearest reference cells of the own batch of every row of ``x`` (m d); a reference cell is
    among its own.

    Parameters
    ----------
    reference_batch
        Batch numbers of the reference (n).
    k
        Largest size of a neighbourhood.
    """
    means = np.empty(x.shape, np.float32)
    for b in np.unique(batch):
        members, rows = reference[reference_batch == b], np.flatnonzero(batch == b)
        for part in np.array_split(rows, len(rows) // 4096 + 1):
            means[part] = members[nearest(members, x[part], size_of(len(members), k))].mean(axis=1)
    return means


def lonely(own: OwnNeighbours) -> np.ndarray:
    """Cells (n) whose neighbours in the own batch are far compared with how far *these* have their own: the median of
    that ratio lies beyond Tukey's upper fence, the third quartile and 1.5 times the distance between the quartiles.

    Parameters
    ----------
    own
        Cells and their neighbours.
    """
    out, reach = np.zeros(len(own.cells), bool), np.zeros(len(own.cells))
    for rows, found, distance in own.neighbourhoods():
        if distance.shape[1] < 2:
            continue
        reach[rows] = np.maximum(distance[:, -1], 1e-30)
        ratio = np.median(distance[:, 1:] / reach[found[:, 1:]], axis=1)
        low, high = np.quantile(ratio, [0.25, 0.75])
        out[rows] = ratio > high + 1.5 * (high - low)
    return out


def agreement(own: OwnNeighbours, labels: np.ndarray) -> np.ndarray:
    """Share (n) of a cell's neighbours in its own batch whose label (-1 unknown) is not another than its own.

    Parameters
    ----------
    own
        Cells and their neighbours.
    labels
        Type numbers, -1 unknown (n).
    """
    out = np.ones(len(own.cells))
    if (labels < 0).all():
        return out
    for rows, found, _ in own.neighbourhoods():
        near, mine = labels[found], labels[rows][:, None]
        out[rows] = ((near == mine) | (near < 0) | (mine < 0)).mean(axis=1)
    return out


def residual_variance(
    residual: np.ndarray, batch: np.ndarray, batches: int, k: int, common: np.ndarray | None = None
) -> np.ndarray:
    """Variances (b d) of residuals (n d), free of the cell's share in its own mean, drawn to ``common`` (default: of
    all cells) as if that were ``k`` cells more.

    Parameters
    ----------
    residual
        Components less the mean of the neighbours (n d).
    batch
        Batch numbers (n).
    batches
        How many batches there are.
    """
    size = np.bincount(batch, minlength=batches)
    total = np.zeros((batches, residual.shape[1]))
    np.add.at(total, batch, np.asarray(residual, np.float64) ** 2)
    used = np.array([min(size_of(int(n), k), max(int(n), 1)) for n in size])
    own = np.maximum(1.0 - 1.0 / used, 0.5)[:, None]
    total /= own
    shared = total.sum(axis=0) / len(batch) if common is None else common
    return (total + k * shared) / (size[:, None] + k)
