r"""Neighbourhoods that reach across batches only where both sides agree.

A cell's neighbours within its own batch are its ``k`` nearest. Its neighbours in another batch are those of the
``k`` nearest there that also count it among *their* ``k`` nearest here (mutual nearest neighbours, Haghverdi et al.
2018, doi 10.1038/nbt.4091). A type that another batch lacks finds no partner there, because the cells it is nearest
to have nearer ones of their own.

Diffusion along the graph, :math:`s \leftarrow (1 - \alpha) z + \alpha A s`, averages what cells of one kind do not
share: noise.
"""

import numpy as np
from scipy import sparse

from advsci.errors import MissingDependencyError

__all__ = ["diffuse", "mutual_graph", "nearest"]


def nearest(reference: np.ndarray, query: np.ndarray, k: int) -> np.ndarray:
    """Row numbers (m k) of the ``k`` nearest rows of ``reference`` for every row of ``query``."""
    try:
        from sklearn.neighbors import NearestNeighbors
    except ImportError as error:
        raise MissingDependencyError.of("scikit-learn", "singlecell") from error
    search = NearestNeighbors(n_neighbors=min(k, len(reference)), algorithm="brute").fit(reference)
    return search.kneighbors(query, return_distance=False)


def mutual_graph(z: np.ndarray, batch: np.ndarray, k: int = 15) -> sparse.csr_matrix:
    """Row-stochastic weights (n n): a cell's own batch and every batch with mutual neighbours count alike."""
    n = len(z)
    members = [np.flatnonzero(batch == b) for b in np.unique(batch)]
    directed = {}
    for here, mine in enumerate(members):
        for there, theirs in enumerate(members):
            own = here == there
            found = nearest(z[theirs], z[mine], k + own)
            columns = theirs[found]
            rows = np.repeat(mine, columns.shape[1])
            edges = sparse.csr_matrix((np.ones(columns.size, np.float32), (rows, columns.ravel())), shape=(n, n))
            directed[here, there] = edges
    graph = sparse.csr_matrix((n, n), dtype=np.float32)
    for (here, there), edges in directed.items():
        kept = edges if here == there else edges.minimum(directed[there, here].T)
        graph = graph + _rows_to_one(kept)
    return _rows_to_one(graph)


def diffuse(z: np.ndarray, graph: sparse.csr_matrix, rate: float = 0.8, steps: int = 5) -> np.ndarray:
    """``steps`` of :math:`s \\leftarrow (1 - \\alpha) z + \\alpha A s` at rate :math:`\\alpha`, from s = z."""
    s = z
    for _ in range(steps):
        s = (1.0 - rate) * z + rate * (graph @ s)
    return np.asarray(s, dtype=np.float32)


def _rows_to_one(graph: sparse.csr_matrix) -> sparse.csr_matrix:
    total = np.asarray(graph.sum(axis=1)).ravel()
    return sparse.csr_matrix(sparse.diags(1.0 / np.maximum(total, 1e-12)) @ graph)
