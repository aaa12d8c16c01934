r"""The expression matrix in chunks of cells, whatever holds it, and its log-normalisation.

.. math:: y_{ig} = \log\left(1 + \ell \, x_{ig} / \sum_g x_{ig}\right)

A backed or zarr matrix of any length takes the memory of one chunk.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

__all__ = ["LIBRARY", "chunks", "log_normalise", "median_library"]

LIBRARY = 1e4
CHUNK = 4096


def chunks(
    matrix: Any, rows: np.ndarray | None = None, size: int = CHUNK
) -> Iterator[tuple[np.ndarray, sparse.csr_matrix]]:
    """(row numbers, rows as CSR) of a dense, sparse, backed or zarr matrix, ``size`` cells at a time.

    A matrix on the disk is read in whole windows, of which the rows are taken: single rows would decompress a block
    each. The parts are the same whatever holds the matrix, so that sums over them are the same to the last bit.
    """
    rows = np.arange(matrix.shape[0]) if rows is None else np.asarray(rows)
    here = isinstance(matrix, np.ndarray) or sparse.issparse(matrix) or (np.diff(rows) <= 0).any()
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        yield part, _csr(matrix[part]) if here else _windows(matrix, part, size)


def _windows(matrix: Any, rows: np.ndarray, size: int) -> sparse.csr_matrix:
    """Increasing rows, read from the disk a window at a time."""
    parts = []
    for part in np.split(rows, np.flatnonzero(np.diff(rows // size)) + 1):
        first, last = int(part[0]), int(part[-1]) + 1
        parts.append(sparse.csr_matrix(_csr(matrix[first:last])[part - first]))
    return parts[0] if len(parts) == 1 else sparse.csr_matrix(sparse.vstack(parts))


def _csr(block: Any) -> sparse.csr_matrix:
    """A part of a matrix in memory, every entry once; a dask array is computed, half precision made single."""
    block = block.compute() if hasattr(block, "compute") else block
    if getattr(block, "dtype", None) == np.float16:  # scipy has no such sparse matrix
        block = block.astype(np.float32)
    out = sparse.csr_matrix(block)
    out.sum_duplicates()  # entries of one place add up: the logarithm of each would not
    return out


def log_normalise(
    counts: sparse.csr_matrix, library: float = LIBRARY, totals: np.ndarray | None = None
) -> sparse.csr_matrix:
    """``log(1 + library x / total)`` of every cell; zeros stay zeros. Cells without counts stay empty.

    Parameters
    ----------
    counts
        Counts (n g).
    library
        What a cell's total becomes.
    totals
        Totals (n); None: of the counts.

    Returns
    -------
    scipy.sparse.csr_matrix
        (n g).

    Examples
    --------
    >>> counts = sparse.csr_matrix([[1.0, 3.0]])
    >>> np.expm1(log_normalise(counts, 8.0).toarray()).round(3).tolist()
    [[2.0, 6.0]]
    """
    if totals is None:
        totals = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    scale = library / np.where(totals > 0, totals, 1.0)
    normalised = sparse.csr_matrix(counts, dtype=np.float32, copy=True)
    normalised.data = np.log1p(normalised.data * np.repeat(scale, np.diff(counts.indptr)).astype(np.float32))
    return normalised


def median_library(matrix: Any, rows: np.ndarray | None = None) -> float:
    """Median total count of the cells, at most 10,000.

    Parameters
    ----------
    matrix
        Expression as it is stored (n g).
    rows
        Row numbers to use (default: all).
    """
    totals = [np.asarray(block.sum(axis=1), dtype=np.float64).ravel() for _, block in chunks(matrix, rows)]
    return float(np.clip(np.median(np.concatenate(totals)), 1.0, LIBRARY))
