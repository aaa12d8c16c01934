r"""Neighbourhoods that reach across batches only where both sides agree, and what diffuses along them.

A cell's neighbours in its own batch are its ``k`` nearest there. In another batch they are those of the ``k``
nearest that also count it among *their* ``k`` nearest (mutual nearest neighbours, Haghverdi et al. 2018, doi
10.1038/nbt.4091), and only as far away as neighbours are in the two cells' own batches, :math:`d_{ij}^2 \le \rho_i
\rho_j` with the distance :math:`\rho` to a cell's k-th nearest in its own batch. A type that another batch lacks finds
no partner there, because the cells it is nearest to have nearer ones of their own. Kept as the radius within which a
reference cell counts cells of a batch as its own, the rule holds for new cells too.

Diffusion, :math:`s \leftarrow (1 - \alpha) c + \alpha A s`, averages what neighbours do not share: noise. A new cell
takes one such step into the reference.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial.distance import cdist

from advsci.errors import needs

__all__ = ["Neighbourhoods", "Seen", "members_of", "mutual_pairs", "nearest", "nearest_distances"]


FEW = 10_000
ALL_PAIRS = 16
PARTNERS = 8


def nearest_distances(reference: np.ndarray, query: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(distances, row numbers) (m k) of the ``k`` nearest rows of ``reference`` for every row of ``query``."""
    if len(reference) * len(query) <= FEW:  # many small batches: a search object each would cost more than the search
        distance = cdist(query, reference)
        found = np.argsort(distance, axis=1, kind="stable")[:, : min(k, len(reference))]
        return np.take_along_axis(distance, found, axis=1), found
    with needs("scikit-learn", "singlecell"):
        from sklearn.neighbors import NearestNeighbors
    return NearestNeighbors(n_neighbors=min(k, len(reference)), algorithm="brute").fit(reference).kneighbors(query)


def nearest(reference: np.ndarray, query: np.ndarray, k: int) -> np.ndarray:
    """Row numbers (m k) of the ``k`` nearest rows of ``reference`` for every row of ``query``."""
    return nearest_distances(reference, query, k)[1]


def size_of(batch: int, k: int) -> int:
    """Neighbours sought in a batch of this many cells: ``k``, but at most a twentieth of it, for rare types."""
    return max(5, min(k, batch // 20))


def members_of(batch: np.ndarray) -> list[np.ndarray]:
    """Row numbers of the cells of every batch that has some, by number of the batch.

    Parameters
    ----------
    batch
        Batch numbers (n).

    Returns
    -------
    list of numpy.ndarray
        Increasing row numbers.

    Examples
    --------
    >>> [rows.tolist() for rows in members_of(np.array([2, 0, 2]))]
    [[1], [0, 2]]
    """
    order = np.argsort(batch, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(batch[order])) + 1)


def mutual_pairs(cells: np.ndarray, batch: np.ndarray, k: int) -> list[tuple[int, int, np.ndarray, np.ndarray]]:
    """Mutual nearest neighbours of batches that `partners_of` compares: (p, q, rows of p, rows of q), each pair once.

    A pair is two cells of which each is among the ``k`` nearest to the other in the other's batch (fewer in small
    batches, `size_of`).
    """
    rows = {int(batch[members[0]]): members for members in members_of(batch)}
    within = {b: cells[members] for b, members in rows.items()}
    partners = partners_of(np.stack([x.mean(axis=0) for x in within.values()]))
    out, names = [], list(rows)
    for i, j in partners:
        p, q = names[i], names[j]
        of_p, of_q = _mutual(within[p], within[q], k)
        out.append((p, q, rows[p][of_p], rows[q][of_q]))
    return out


def _mutual(p: np.ndarray, q: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of pairs of cells of ``p`` and ``q``, each among the nearest of the other."""
    of_p, of_q = min(size_of(len(q), k), len(q)), min(size_of(len(p), k), len(p))
    if len(p) * len(q) <= FEW:  # one matrix of distances serves both sides
        distance = cdist(p, q)
        mutual = np.zeros(distance.shape, bool)
        np.put_along_axis(mutual, np.argsort(distance, axis=1, kind="stable")[:, :of_p], True, axis=1)
        seen = np.zeros(distance.shape, bool)
        np.put_along_axis(seen, np.argsort(distance, axis=0, kind="stable")[:of_q], True, axis=0)
        found = np.nonzero(mutual & seen)
        return found[0], found[1]
    there, back = nearest(q, p, of_p), nearest(p, q, of_q)
    pairs = (np.arange(len(p))[:, None] * len(q) + there).ravel()
    again = (back * len(q) + np.arange(len(q))[:, None]).ravel()
    shared = np.intersect1d(pairs, again, assume_unique=True)
    return shared // len(q), shared % len(q)


def partners_of(centres: np.ndarray) -> list[tuple[int, int]]:
    """Which batches are compared: all with all where they are few, else each with those of nearest mean.

    Parameters
    ----------
    centres
        Means of the batches (b d).

    Returns
    -------
    list of tuple
        Pairs of row numbers, the smaller first; batches that follow each other are always a pair, so that all batches
        hang together.

    Examples
    --------
    >>> partners_of(np.arange(3.0)[:, None])
    [(0, 1), (0, 2), (1, 2)]
    >>> len(partners_of(np.arange(200.0)[:, None])) < 200 * PARTNERS
    True
    """
    count = len(centres)
    if count <= ALL_PAIRS:
        return [(i, j) for i in range(count) for j in range(i + 1, count)]
    near = np.argsort(cdist(centres, centres), axis=1, kind="stable")[:, 1 : PARTNERS + 1]
    pairs = {(min(i, int(j)), max(i, int(j))) for i in range(count) for j in near[i] if i != j}
    return sorted(pairs | {(i, i + 1) for i in range(count - 1)})


@dataclass(frozen=True)
class Seen:
    """The nearest cells of one group of batches.

    Attributes
    ----------
    batch
        Number of the group.
    distance, found
        How far the nearest are, and their row numbers in the reference (m k).
    """

    batch: int
    distance: np.ndarray
    found: np.ndarray


@dataclass(frozen=True)
class Neighbourhoods:
    """Reference cells, and how far each reaches into every batch.

    Attributes
    ----------
    cells, batch
        Aligned components (n d) of the reference, and the numbers of its groups of batches (n).
    radius
        Distance of every reference cell to its k-th nearest cell of every group (n g).
    k
        Largest size of a neighbourhood (`size_of`).

    Notes
    -----
    A group is a batch where these are few. More than sixteen are dealt into sixteen groups, and a group counts as a
    batch does: five neighbours in each of hundreds of batches would be found in types that many of them lack, and
    searches and radii would grow with the number of batches.
    """

    cells: np.ndarray
    batch: np.ndarray
    radius: np.ndarray
    k: int

    @classmethod
    def fit(
        cls, cells: np.ndarray, batch: np.ndarray, batches: int, k: int = 30
    ) -> "tuple[Neighbourhoods, list[Seen]]":
        """Measure the radii.

        Parameters
        ----------
        cells
            Aligned components of the reference (n d).
        batch
            Batch numbers (n).
        batches
            How many batches there are.
        k
            Largest size of a neighbourhood.

        Returns
        -------
        neighbourhoods, seen
            The cells with their radii; what they see of each other, so that nobody need search again.
        """
        radius = np.zeros((len(cells), min(batches, ALL_PAIRS)), np.float32)
        neighbourhoods = cls(cells, batch % radius.shape[1], radius, k)
        seen = neighbourhoods.look(cells)
        for one in seen:
            radius[:, one.batch] = one.distance[:, -1]
        return neighbourhoods, seen

    def group(self, batch: np.ndarray) -> np.ndarray:
        """Numbers of the groups of batches: as many as batches where these are few, else all are dealt into sixteen.

        Parameters
        ----------
        batch
            Batch numbers (m).

        Returns
        -------
        numpy.ndarray
            Numbers of the groups (m).
        """
        return batch % self.radius.shape[1]

    def look(self, query: np.ndarray) -> list[Seen]:
        """Search for the nearest cells of every group.

        Parameters
        ----------
        query
            Aligned components (m d).

        Returns
        -------
        list of Seen
            One for every group.
        """
        out = []
        for members in members_of(self.batch):
            distance, found = nearest_distances(self.cells[members], query, size_of(len(members), self.k))
            out.append(Seen(int(self.batch[members[0]]), distance, members[found]))
        return out

    def weights(
        self,
        seen: list[Seen],
        batch: np.ndarray | None,
        posterior: np.ndarray | None = None,
        reference_posterior: np.ndarray | None = None,
    ) -> sparse.csr_matrix:
        """Row-stochastic weights (m n): every batch with neighbours counts alike.

        Parameters
        ----------
        seen, batch
            What `look` found of cells, and their batch numbers (m); no batch: unseen ones, whose neighbours need not
            agree.
        posterior, reference_posterior
            Probabilities of types: an edge counts as far as its two ends agree.
        """
        size = len(seen[0].found)
        own_radius = self.radius[np.arange(len(self.cells)), self.batch]
        group = None if batch is None else self.group(batch)
        reach = np.zeros(size)
        if group is not None:
            for one in seen:
                reach[group == one.batch] = one.distance[group == one.batch, -1]
        shares, lines, columns = [], [], []
        for one in seen:
            kept = np.ones(one.found.shape, np.float32)
            if group is not None:
                far = np.minimum(
                    self.radius[one.found, group[:, None]], np.sqrt(reach[:, None] * own_radius[one.found])
                )
                kept = ((group == one.batch)[:, None] | (one.distance <= far * (1.0 + 1e-5))).astype(np.float32)
            if posterior is not None and reference_posterior is not None:
                kept *= np.einsum("mc,mkc->mk", posterior, reference_posterior[one.found]) + 1e-3
            mass = kept.sum(axis=1, keepdims=True)
            share = (kept / np.maximum(mass, 1e-9) * (mass > 0)).ravel()
            edge = share > 0
            shares.append(share[edge])
            lines.append(np.repeat(np.arange(size), one.found.shape[1])[edge])
            columns.append(one.found.ravel()[edge])
        place = np.concatenate(lines), np.concatenate(columns)
        total = sparse.csr_matrix((np.concatenate(shares), place), shape=(size, len(self.cells)))
        weight = np.asarray(total.sum(axis=1)).ravel()
        return sparse.csr_matrix(sparse.diags(1.0 / np.maximum(weight, 1e-9)) @ total)
