"""All cells as a source of the game, in memory or on the disk: random blocks are read together, shuffled, and dropped.

Memory holds one window of blocks, two while a batch reaches into the next. What the game needs of a cell beside its
counts is found when its window is read, once for all moves of a pass.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from advsci.games import Batch
from advsci.streams import Stream
from advsci.training.blocks import BlockOrder
from advsci_singlecell.data.cells import Cells
from advsci_singlecell.embedding.projection import Projection
from advsci_singlecell.game.columns import Columns
from advsci_singlecell.game.conditions import Conditions

__all__ = ["BLOCK", "TOGETHER", "EveryCell", "Part", "StreamedCells"]

BLOCK, TOGETHER = 512, 32
"""Cells in a block, and blocks that are shuffled together."""


@dataclass(frozen=True)
class EveryCell:
    """All cells of a data set, their counts wherever they lie.

    Attributes
    ----------
    cells, columns
        The cells, in memory or not, and their further columns.
    projection
        From counts to components.
    sketch
        Row numbers of the cells on which everything but the networks is fitted, increasing.
    """

    cells: Cells
    columns: Columns
    projection: Projection
    sketch: np.ndarray


@dataclass(frozen=True)
class Part:
    """Some cells in memory.

    Attributes
    ----------
    tensors
        What the game needs of them, by name.
    counts
        Their counts (n g); None where nothing explains them.
    """

    tensors: dict[str, Tensor]
    counts: sparse.csr_matrix | None

    def __getitem__(self, places: np.ndarray) -> Batch:
        """A batch of the cells at these places, their counts dense."""
        found = {key: tensor[torch.from_numpy(places)] for key, tensor in self.tensors.items()}
        if self.counts is not None:
            part: Any = self.counts[places]
            found["counts"] = torch.from_numpy(part.toarray())
        return found


class StreamedCells:
    """A source of the training with an order of its own, a function of the seed.

    Parameters
    ----------
    every
        The cells.
    conditions
        What was found on the sketch.
    explained
        Whether a decoder needs the counts.
    turns
        Batches of a step; each turn sees every cell once a pass.
    block, together
        Cells in a block, and blocks that are shuffled together.
    """

    def __init__(
        self,
        every: EveryCell,
        conditions: Conditions,
        *,
        explained: bool = True,
        turns: int = 1,
        block: int = BLOCK,
        together: int = TOGETHER,
    ):
        self.every, self.conditions, self.explained = every, conditions, explained
        self.turns, self.block, self.together = turns, block, together
        self._supports = conditions.supports(every.cells.batch)
        self._number = np.full(len(self), -1)
        self._number[every.sketch] = np.arange(len(every.sketch))

    def __len__(self) -> int:
        return len(self.every.cells.batch)

    def __getitem__(self, indices: Tensor) -> Batch:
        """Some cells, each read from where it lies; for looks at the data, not for training."""
        rows, places = np.unique(indices.cpu().numpy(), return_inverse=True)
        return self.read(rows)[places]

    def reader(self, stream: Stream, stride: int) -> "Callable[[int, int], Batch]":
        """How batches are read in the order of the stream.

        Parameters
        ----------
        stream
            Key of the order.
        stride
            Cells of a batch, over all processes.

        Returns
        -------
        callable
            ``read(position, count)``.
        """
        return _Reader(self, stream, stride)

    def read(self, rows: np.ndarray) -> "Part":
        """Read cells, and find what else the game needs of them.

        Parameters
        ----------
        rows
            Row numbers, increasing.

        Returns
        -------
        Part
            These cells in memory.
        """
        cells, counts = self.every.cells, None
        if self.explained:
            components, counts = self.every.projection.both(cells.matrix, rows)
        else:
            components = self.every.projection(cells.matrix, rows)
        tensors = self.conditions.of(
            components,
            cells.batch[rows],
            cells.labels[rows],
            self.every.columns.rows(rows),
            self._number[rows],
            self._supports,
        )
        return Part(tensors, counts)


class _Reader:
    """Batches in the order of the stream; holds the windows that the last one was of."""

    def __init__(self, source: StreamedCells, stream: Stream, stride: int):
        given = {"block": source.block, "together": source.together, "stride": stride, "turns": source.turns}
        self.source, self.order = source, BlockOrder(len(source), stream, **given)
        self.held: dict[tuple[int, int], Part] = {}

    def __call__(self, position: int, count: int) -> Batch:
        wanted = self.order(position, count)
        new = [window for window, _ in wanted if window.key not in self.held]
        if new:
            for key in set(self.held) - {window.key for window, _ in wanted}:  # before more is read
                del self.held[key]
            for window in new:
                self.held[window.key] = self.source.read(window.rows)
        parts = [self.held[window.key][places] for window, places in wanted]
        return parts[0] if len(parts) == 1 else {key: torch.cat([p[key] for p in parts]) for key in parts[0]}
