"""Neighbours of every cell in its own batch: searched once for the same coordinates, and read by all that need them.

Residuals of the equaliser, the noise of the metric, lonely cells, agreement of labels and the neighbours whose counts
the decoder explains are all statements about one graph per set of coordinates.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from advsci_singlecell.embedding.neighbours import members_of, nearest, nearest_distances, size_of

__all__ = ["OwnNeighbours"]

LEAST = 11  # a cell and the ten neighbours whose counts may stand for its own
CHUNK = 4096


@dataclass(frozen=True)
class OwnNeighbours:
    """Cells and the nearest of their own batch.

    Attributes
    ----------
    cells, batch
        Components (n d) and batch numbers (n).
    k
        Largest size of a neighbourhood; of a batch it is that of `size_of`.
    rows
        Row numbers of the cells of every batch.
    found, distance
        For every batch, row numbers (n_b m) of the nearest, the cell itself among them, nearest first, and how far they
        are; ``m`` is at least the size of the neighbourhood and that of a cell with its ten neighbours.

    Examples
    --------
    >>> own = OwnNeighbours.fit(np.array([[0.0], [0.1], [5.0], [5.1]]), np.array([0, 0, 1, 1]), 30)
    >>> own.means().ravel().round(2).tolist()
    [0.05, 0.05, 5.05, 5.05]
    """

    cells: np.ndarray
    batch: np.ndarray
    k: int
    rows: tuple[np.ndarray, ...]
    found: tuple[np.ndarray, ...]
    distance: tuple[np.ndarray, ...]

    @classmethod
    def fit(cls, cells: np.ndarray, batch: np.ndarray, k: int = 30) -> "OwnNeighbours":
        """Search once in every batch.

        Parameters
        ----------
        cells
            Components (n d).
        batch
            Batch numbers (n).
        k
            Largest size of a neighbourhood.

        Returns
        -------
        OwnNeighbours
            The cells with their neighbours.
        """
        rows, found, distance = [], [], []
        for members in members_of(batch):
            x = cells[members]
            far, near = nearest_distances(x, x, max(size_of(len(members), k), LEAST))
            rows.append(members)
            found.append(members[near])
            distance.append(far)
        return cls(cells, batch, k, tuple(rows), tuple(found), tuple(distance))

    def neighbourhoods(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Of every batch (rows, found, distance), cut to the size of its neighbourhoods."""
        for rows, found, distance in zip(self.rows, self.found, self.distance, strict=True):
            size = size_of(len(rows), self.k)
            yield rows, found[:, :size], distance[:, :size]

    def means(self) -> np.ndarray:
        """Mean (n d) of every cell's neighbourhood."""
        means = np.empty(self.cells.shape, np.float32)
        for rows, found, _ in self.neighbourhoods():
            for part in np.array_split(np.arange(len(rows)), len(rows) // CHUNK + 1):
                means[rows[part]] = self.cells[found[part]].mean(axis=1)
        return means

    def others(self, k: int) -> np.ndarray:
        """Row numbers (n k) of the nearest other cells of the own batch; where there are fewer, some more than once.

        Parameters
        ----------
        k
            How many, at most ten of them different.

        Returns
        -------
        numpy.ndarray
            (n k); a cell that is alone in its batch is its own neighbour.

        Examples
        --------
        >>> x, batch = np.array([[0.0], [0.1], [5.0], [5.1]]), np.array([0, 0, 1, 1])
        >>> OwnNeighbours.fit(x, batch).others(2).tolist()
        [[1, 1], [0, 0], [3, 3], [2, 2]]
        """
        out = np.empty((len(self.cells), k), np.int64)
        for rows, found in zip(self.rows, self.found, strict=True):
            others = found[:, 1:] if found.shape[1] > 1 else found
            out[rows] = others[:, np.arange(k) % min(others.shape[1], LEAST - 1)]
        return out

    def others_of(self, cells: np.ndarray, batch: np.ndarray, k: int, number: np.ndarray | None = None) -> np.ndarray:
        """The same for other cells: row numbers (m k) of the nearest of the own batch among those here.

        Parameters
        ----------
        cells, batch
            Components (m d) and batch numbers (m).
        k
            How many, at most ten of them different.
        number
            Row numbers (m) of cells that are among those here, -1 of others: none is its own neighbour.

        Returns
        -------
        numpy.ndarray
            (m k); zeros where the batch has no cell here.

        Examples
        --------
        >>> own = OwnNeighbours.fit(np.array([[0.0], [0.1], [5.0], [5.1]]), np.array([0, 0, 1, 1]))
        >>> own.others_of(np.array([[0.02], [0.1]]), np.array([0, 0]), 2, np.array([-1, 1])).tolist()
        [[0, 1], [0, 0]]
        """
        out = np.zeros((len(cells), k), np.int64)
        number = np.full(len(cells), -1) if number is None else number
        for rows in self.rows:
            here = np.flatnonzero(batch == self.batch[rows[0]])
            if not len(here):
                continue
            found = rows[nearest(self.cells[rows], cells[here], min(LEAST, len(rows)))]
            itself = found == number[here, None]
            found = np.take_along_axis(found, np.argsort(itself, axis=1, kind="stable"), axis=1)  # itself comes last
            different = np.clip(found.shape[1] - itself.any(axis=1), 1, LEAST - 1)
            out[here] = np.take_along_axis(found, np.arange(k) % different[:, None], axis=1)
        return out
