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

__all__ = ["Neighbourhoods", "mutual_pairs", "nearest", "nearest_distances"]


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


def mutual_pairs(cells: np.ndarray, batch: np.ndarray, k: int) -> list[tuple[int, int, np.ndarray, np.ndarray]]:
    """Mutual nearest neighbours of batches that `partners_of` compares: (p, q, rows of p, rows of q), each pair once.

    A pair is two cells of which each is among the ``k`` nearest to the other in the other's batch (fewer in small
    batches, `size_of`).
    """
    rows = {int(b): np.flatnonzero(batch == b) for b in np.unique(batch)}
    partners = partners_of(np.stack([cells[r].mean(axis=0) for r in rows.values()]))

    def sees(p: int, q: int) -> sparse.csr_matrix:
        """Cells of batch ``q`` among the nearest of every cell of batch ``p``, as a sparse matrix of ones."""
        found = nearest(cells[rows[q]], cells[rows[p]], size_of(len(rows[q]), k))
        pointer = np.arange(len(found) + 1) * found.shape[1]
        return sparse.csr_matrix((np.ones(found.size, np.int8), found.ravel(), pointer), (len(found), len(rows[q])))

    out = []
    names = list(rows)
    for i, j in partners:
        p, q = names[i], names[j]
        mutual = sees(p, q).multiply(sees(q, p).T).tocoo()
        out.append((p, q, rows[p][mutual.row], rows[q][mutual.col]))
    return out


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
class Neighbourhoods:
    """Reference cells, and how far each reaches into every batch.

    Attributes
    ----------
    cells, batch
        Aligned components (n d) and batch numbers (n) of the reference.
    radius
        Distance of every reference cell to its k-th nearest cell of every batch (n b).
    k
        Largest size of a neighbourhood (`size_of`).
    """

    cells: np.ndarray
    batch: np.ndarray
    radius: np.ndarray
    k: int

    @classmethod
    def fit(cls, cells: np.ndarray, batch: np.ndarray, batches: int, k: int = 30) -> "Neighbourhoods":
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
        Neighbourhoods
            The cells with their radii.
        """
        radius = np.zeros((len(cells), batches), np.float32)
        for b in np.unique(batch):
            members = cells[batch == b]
            radius[:, b] = nearest_distances(members, cells, size_of(len(members), k))[0][:, -1]
        return cls(cells, batch, radius, k)

    def weights(
        self,
        query: np.ndarray,
        batch: np.ndarray | None,
        posterior: np.ndarray | None = None,
        reference_posterior: np.ndarray | None = None,
    ) -> sparse.csr_matrix:
        """Row-stochastic weights (m n): every batch with neighbours counts alike.

        Parameters
        ----------
        query, batch
            Aligned components (m d) and batch numbers; no batch: unseen ones, whose neighbours need not agree.
        posterior, reference_posterior
            Probabilities of types: an edge counts as far as its two ends agree.
        """
        total = sparse.csr_matrix((len(query), len(self.cells)), dtype=np.float32)
        own_radius = self.radius[np.arange(len(self.cells)), self.batch]
        found_in = {
            b: nearest_distances(self.cells[members], query, size_of(len(members), self.k))
            for b, members in self._members()
        }
        reach = np.zeros(len(query))
        for b, (distance, _) in found_in.items():
            if batch is not None:
                reach[batch == b] = distance[batch == b, -1]
        for b, members in self._members():
            distance, found = found_in[b]
            columns = members[found]
            kept = np.ones(columns.shape, np.float32)
            if batch is not None:
                own = (batch == b)[:, None]
                far = np.minimum(self.radius[columns, batch[:, None]], np.sqrt(reach[:, None] * own_radius[columns]))
                kept = (own | (distance <= far * (1.0 + 1e-5))).astype(np.float32)
            if posterior is not None and reference_posterior is not None:
                kept *= np.einsum("mc,mkc->mk", posterior, reference_posterior[columns]) + 1e-3
            mass = kept.sum(axis=1, keepdims=True)
            share = kept / np.maximum(mass, 1e-9) * (mass > 0)
            rows = np.repeat(np.arange(len(query)), columns.shape[1])
            total = total + sparse.csr_matrix((share.ravel(), (rows, columns.ravel())), shape=total.shape)
        weight = np.asarray(total.sum(axis=1)).ravel()
        return sparse.csr_matrix(sparse.diags(1.0 / np.maximum(weight, 1e-9)) @ total)

    def _members(self) -> list[tuple[int, np.ndarray]]:
        """Every batch and the row numbers of its cells."""
        return [(int(b), np.flatnonzero(self.batch == b)) for b in np.unique(self.batch)]
