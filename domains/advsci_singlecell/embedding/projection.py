r"""From counts to principal components, without ever making the whole matrix dense.

.. math:: y_{ig} = \log\left(1 + \ell \, x_{ig} / \sum_g x_{ig}\right), \qquad p_i = (y_i - \bar y) V

with :math:`V` the leading eigenvectors of the covariance of the selected genes. The library :math:`\ell` is 10,000, or
the median of the cells: less weight to single counts where cells have few (Ahlmann-Eltze & Huber 2023, doi
10.1038/s41592-023-01814-1), which tells similar types apart better, but may show more of the batch. Which of the two
is taken is measured: the one of whose components batches make up the smaller share,

.. math:: \frac{\sum_b n_b \|\bar p_b - \bar p\|^2}{\sum_i \|p_i - \bar p\|^2}.

Sums run over chunks of cells, so that a backed or zarr matrix of any length takes memory for one chunk. Genes are
selected by their variance in excess of the mean-variance trend, ranked within every batch, so that a batch effect
cannot select its own genes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from advsci.errors import DataError
from advsci_singlecell.data.matrix import LIBRARY, chunks, log_normalise, median_library
from advsci_singlecell.embedding.neighbours import members_of

__all__ = ["Projection", "batch_share", "select_genes"]

RANKED = 64


def batch_share(x: np.ndarray, batch: np.ndarray) -> float:
    """Share of the variance of components (n d) that lies between the batches.

    Parameters
    ----------
    x
        Components (n d).
    batch
        Batch numbers (n) of all cells.
    """
    centred = np.asarray(x, np.float64) - x.mean(axis=0, dtype=np.float64)
    between = sum(len(rows) * (centred[rows].mean(axis=0) ** 2).sum() for rows in members_of(batch))
    return float(between / max((centred**2).sum(), 1e-300))


def select_genes(matrix: Any, batch: np.ndarray, n: int, *, counts: bool, rows: np.ndarray | None = None) -> np.ndarray:
    """Column numbers of the ``n`` most variable genes: by median rank over the batches of the excess variance.

    Of many batches the 64 largest rank the genes: a table of every gene in every batch would outgrow the counts.

    Parameters
    ----------
    matrix
        Expression as it is stored (n g).
    batch
        Batch numbers (n) of all cells.
    counts
        Whether the matrix holds counts (else log-expression).
    rows
        Row numbers to use (default: all).
    """
    genes = matrix.shape[1]
    if genes <= n:
        return np.arange(genes)
    names, cells = np.unique(batch if rows is None else batch[rows], return_counts=True)
    names = np.sort(names[np.argsort(-cells, kind="stable")[:RANKED]])
    total, square = np.zeros((len(names), genes)), np.zeros((len(names), genes))
    size = np.zeros(len(names))
    place = np.full(int(batch.max()) + 1, -1)
    place[names] = np.arange(len(names))
    for part, block in chunks(matrix, rows):
        block = log_normalise(block) if counts else block
        here = place[batch[part]]
        for k in np.unique(here[here >= 0]):
            chosen = block[here == k]
            total[k] += np.asarray(chosen.sum(axis=0)).ravel()
            square[k] += np.asarray(chosen.multiply(chosen).sum(axis=0)).ravel()
            size[k] += chosen.shape[0]
    mean = total / np.maximum(size, 1)[:, None]
    variance = np.maximum(square / np.maximum(size, 1)[:, None] - mean**2, 0.0)
    ranks = np.full((len(names), genes), np.nan)
    for k in range(len(names)):
        if size[k] >= 20 or len(names) == 1:
            ranks[k] = _excess(mean[k], variance[k]).argsort()[::-1].argsort()
    with np.errstate(invalid="ignore"):
        rank = np.nanmedian(ranks, axis=0) if np.isfinite(ranks).any() else -variance.mean(axis=0)
    return np.sort(rank.argsort(kind="stable")[:n])


def _excess(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Dispersion standardised within up to 20 bins of equal size (at least 50 genes) of the mean."""
    dispersion = np.where(mean > 0, np.log(np.maximum(variance, 1e-12) / np.maximum(mean, 1e-12)), -np.inf)
    seen = np.isfinite(dispersion) & (mean > 0)
    score = np.full(len(mean), -np.inf)
    order = np.flatnonzero(seen)[mean[seen].argsort()]
    for part in np.array_split(order, int(np.clip(len(order) // 50, 1, 20))):
        if len(part):
            spread = dispersion[part].std() or 1.0
            score[part] = (dispersion[part] - dispersion[part].mean()) / spread
    return score


@dataclass(frozen=True)
class Projection:
    """Principal components of log-normalised expression, as a map that new cells can take too.

    Attributes
    ----------
    genes
        Column numbers of the selected genes (g).
    mean, axes
        Mean expression (g) and loadings (g d).
    library
        Counts are log-normalised to this library first; None: the input is log-expression.
    """

    genes: np.ndarray
    mean: np.ndarray
    axes: np.ndarray
    library: float | None

    @classmethod
    def fit(
        cls,
        matrix: Any,
        genes: np.ndarray,
        dimensions: int,
        *,
        counts: bool,
        rows: np.ndarray | None = None,
        library: float | None = LIBRARY,
    ):
        """Principal components over the cells ``rows`` (default: all); ``library`` None: their median.

        Parameters
        ----------
        matrix
            Expression as it is stored (n g).
        genes
            Column numbers of the genes.
        dimensions
            How many components.
        counts
            Whether the matrix holds counts (else log-expression).

        Raises
        ------
        DataError
            There are fewer than 3 cells.
        """
        if not counts:
            library = None
        elif library is None:
            library = median_library(matrix, rows)
        covariance, total, n = np.zeros((len(genes), len(genes))), np.zeros(len(genes)), 0
        for _, block in chunks(matrix, rows):
            y = _expression(block, genes, library)
            covariance += y.T @ y
            total += y.sum(axis=0)
            n += len(y)
        if n < 3:
            raise DataError(f"got {n} cells; expected at least 3. Try: check the filter before it.")
        mean = total / n
        values, vectors = np.linalg.eigh(covariance / n - np.outer(mean, mean))
        axes = vectors[:, ::-1][:, : min(dimensions, n - 1, len(genes))]
        axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])  # eigenvectors have no sign
        return cls(genes, mean.astype(np.float32), axes.astype(np.float32), library)

    @classmethod
    def of_least_batch(
        cls, matrix: Any, genes: np.ndarray, dimensions: int, *, batch: np.ndarray, rows: np.ndarray | None = None
    ) -> "Projection":
        """Of counts: with a library of 10,000 or the median, whichever shows less of the batch (of all cells).

        Parameters
        ----------
        matrix
            Expression as it is stored (n g).
        genes
            Column numbers of the genes.
        dimensions
            How many components.
        rows
            Row numbers to use (default: all).
        """
        fixed = cls.fit(matrix, genes, dimensions, counts=True, rows=rows)
        median = median_library(matrix, rows)
        if median == LIBRARY:
            return fixed
        adapted = cls.fit(matrix, genes, dimensions, counts=True, rows=rows, library=median)
        chosen = batch if rows is None else batch[rows]
        return min(fixed, adapted, key=lambda projection: batch_share(projection(matrix, rows), chosen))

    def __call__(self, matrix: Any, rows: np.ndarray | None = None) -> np.ndarray:
        """Components of the cells.

        Parameters
        ----------
        matrix, rows
            Expression as it is stored, and the row numbers wanted (default: all).

        Returns
        -------
        numpy.ndarray
            (n d).
        """
        whole, done = np.empty((matrix.shape[0] if rows is None else len(rows), self.axes.shape[1]), np.float32), 0
        for _, block in chunks(matrix, rows):
            part = (_expression(block, self.genes, self.library) - self.mean) @ self.axes
            whole[done : done + len(part)] = part  # no second copy of what may be large
            done += len(part)
        return whole

    def selected(self, matrix: Any, rows: np.ndarray | None = None) -> sparse.csr_matrix:
        """The selected genes as they are stored, sparse.

        Parameters
        ----------
        matrix, rows
            As for a call.

        Returns
        -------
        scipy.sparse.csr_matrix
            (n g).
        """
        parts = [sparse.csr_matrix(block[:, self.genes], dtype=np.float32) for _, block in chunks(matrix, rows)]
        return sparse.csr_matrix(sparse.vstack(parts))

    def both(self, matrix: Any, rows: np.ndarray) -> tuple[np.ndarray, sparse.csr_matrix]:
        """Components and selected genes of some cells, which are read once.

        Parameters
        ----------
        matrix, rows
            As for a call.

        Returns
        -------
        components, selected
            (m d) and (m g).
        """
        components, selected = [], []
        for _, block in chunks(matrix, rows):
            components.append((_expression(block, self.genes, self.library) - self.mean) @ self.axes)
            selected.append(sparse.csr_matrix(block[:, self.genes], dtype=np.float32))
        return np.concatenate(components).astype(np.float32), sparse.csr_matrix(sparse.vstack(selected))


def _expression(block: sparse.csr_matrix, genes: np.ndarray, library: float | None) -> np.ndarray:
    """Dense expression of the selected genes for one chunk; totals are those of all genes."""
    block = log_normalise(block, library) if library is not None else block
    return np.asarray(block[:, genes].todense(), dtype=np.float32)
