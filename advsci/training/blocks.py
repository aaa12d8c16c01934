r"""The order of samples that lie on a disk: random blocks of them are read together and shuffled among themselves.

Sample by sample, a random order reads a piece of the disk for each; in the order of the disk, a batch holds what was
written together. In between, the :math:`n` samples are cut into blocks of :math:`k`; every pass takes the blocks in a
random order, :math:`m` at a time, and shuffles the :math:`k m` samples of such a window. A player that moves several
times a step meets the samples of a window again, in another order each time: what was read once serves all moves, and
every move of a step sees each sample once a pass.
"""

from dataclasses import dataclass

import numpy as np

from advsci.streams import Stream

__all__ = ["BlockOrder", "Window"]


@dataclass(frozen=True)
class Window:
    """Samples that are read together.

    Attributes
    ----------
    epoch, number
        Of the pass, and of the window in it.
    rows
        Row numbers, increasing.
    """

    epoch: int
    number: int
    rows: np.ndarray

    @property
    def key(self) -> tuple[int, int]:
        """Pass and window, by which it is known again."""
        return self.epoch, self.number


class BlockOrder:
    """Windows and places in them at consecutive positions, a pure function of the stream and the position.

    Parameters
    ----------
    n
        Number of samples.
    stream
        Key of the order.
    block
        Samples in a block, neighbours on the disk.
    together
        Blocks in a window.
    stride
        Samples of a batch, over all processes.
    turns
        Batches of a step. Each turn has an order of its own, in the same windows.

    Examples
    --------
    >>> order = BlockOrder(10, Stream(0), block=2, together=2, stride=5, turns=3)
    >>> seen = [window.rows[places] for start in (0, 15) for window, places in order(start, 5)]
    >>> sorted(np.concatenate(seen).tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """

    def __init__(self, n: int, stream: Stream, *, block: int, together: int, stride: int, turns: int = 1):
        self.n, self.stream = n, stream
        self.block, self.together, self.stride, self.turns = block, together, stride, turns
        self._epoch: tuple[int, list[np.ndarray], np.ndarray] = (-1, [], np.empty(0, np.int64))
        self._shuffled: dict[tuple[int, int, int], np.ndarray] = {}

    def __call__(self, start: int, count: int) -> list[tuple[Window, np.ndarray]]:
        """The samples at some positions, all of one batch.

        Parameters
        ----------
        start
            The first position: steps follow each other, within a step its turns, within a turn the batch.
        count
            How many.

        Returns
        -------
        list of (Window, numpy.ndarray)
            Windows and places (int64) in their rows, in order; two windows where one ends.
        """
        step, rest = divmod(start, self.stride * self.turns)
        turn, offset = divmod(rest, self.stride)
        at, parts = step * self.stride + offset, []
        while count > 0:
            epoch, place = divmod(at, self.n)
            blocks, ends = self._windows(epoch)
            number = int(np.searchsorted(ends, place, side="right"))
            first = int(ends[number - 1]) if number else 0
            taken = min(count, int(ends[number]) - place)
            window = Window(epoch, number, self._rows(blocks[number]))
            parts.append((window, self._places(window, turn)[place - first : place - first + taken]))
            at, count = at + taken, count - taken
        return parts

    def _windows(self, epoch: int) -> tuple[list[np.ndarray], np.ndarray]:
        """Blocks of every window of a pass, and the place after its last sample."""
        if self._epoch[0] != epoch:
            count = -(-self.n // self.block)
            blocks = self.stream.at("blocks", epoch).permutation(count).numpy()
            windows = [np.sort(blocks[i : i + self.together]) for i in range(0, count, self.together)]
            sizes = [len(w) * self.block - (w[-1] == count - 1) * (count * self.block - self.n) for w in windows]
            self._epoch = (epoch, windows, np.cumsum(sizes))
        return self._epoch[1:]

    def _rows(self, blocks: np.ndarray) -> np.ndarray:
        rows = (blocks[:, None] * self.block + np.arange(self.block)).ravel()
        return rows[rows < self.n]

    def _places(self, window: Window, turn: int) -> np.ndarray:
        key = (*window.key, turn)
        if key not in self._shuffled:
            while len(self._shuffled) > 2 * self.turns:  # those of the last window, where a batch reaches into two
                self._shuffled.pop(next(iter(self._shuffled)))
            self._shuffled[key] = self.stream.at("window", *key).permutation(len(window.rows)).numpy()
        return self._shuffled[key]
