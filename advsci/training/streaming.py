r"""Batches of a stream of samples, read ahead by worker processes: batch b is made by worker :math:`b \bmod k`.

Each of the k workers iterates over its own copy of the stream from the start. Where the copies are alike, a worker
keeps every k-th batch; where they divide the samples among themselves, it keeps its b-th batch as number
:math:`\lfloor b / k \rfloor` of its own. Both are functions of b alone, so a resumed training gets the batches that an
uninterrupted one would have had.
"""

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from advsci.errors import DataError
from advsci.games.game import Batch
from advsci.training.data import StreamSource

__all__ = ["Read", "ReadAhead", "StreamedAhead"]

Read = Callable[[int, int], Batch]
"""Takes the first position and the number of samples; gives the batch. Positions of calls only grow."""


class ReadAhead:
    """What reads by worker processes; they end where nothing holds ``batches`` any more."""

    batches: Iterator[Any] | None = None


class StreamedAhead(ReadAhead):
    """Reads the workers' batches in turn, from that of the first position on.

    Parameters
    ----------
    source
        With at least one worker.
    stride
        Positions between one batch and the next.
    count
        Samples in a batch.
    """

    def __init__(self, source: StreamSource, stride: int, count: int):
        self.source, self.stride, self.count = source, stride, count
        self.next = 0  # number of the batch that comes next

    def __call__(self, position: int, count: int) -> Batch:
        number, offset = divmod(position, self.stride)
        if self.batches is None:
            self.next = number - number % self.source.workers  # where the first worker's turn is
            self.batches = self._started(offset)
        while self.next < number:
            next(self.batches)
            self.next += 1
        self.next += 1
        return next(self.batches)

    def _started(self, offset: int) -> Iterator[Batch]:
        source = self.source
        loader = DataLoader(
            _Turns(source, self.stride, offset, self.count, self.next),
            batch_size=None,
            num_workers=source.workers,
            pin_memory=source.pin_memory,
            generator=torch.Generator(),  # its own: torch's would be moved by the start of the workers
        )
        batches = iter(loader)
        self._check([next(batches) for _ in range(source.workers)])
        return batches

    def _check(self, starts: list[Batch]) -> None:
        """Refuse copies that are not what ``split`` says of them, by their first samples."""
        source = self.source
        if not source.split:
            here = source.batch(list(islice(iter(source), self.count)))
            if not all(_same(start, here) for start in starts):
                raise DataError(
                    "got other samples from a stream in a worker process than in this one; expected the same in each. "
                    "Try: StreamSource(samples, split=True) where it divides them among workers, or workers=0 where "
                    "they are random."
                )
        elif any(_same(a, b) for i, a in enumerate(starts) for b in starts[:i]):
            raise DataError(
                "got the same samples from two workers; expected a stream that divides them by "
                "torch.utils.data.get_worker_info. Try: StreamSource(samples, workers=...), which gives each its turn."
            )


class _Turns(IterableDataset):
    """What one worker makes: the stream's first batch, to be compared, then its batches without end."""

    def __init__(self, source: StreamSource, stride: int, offset: int, count: int, start: int):
        self.source, self.stride, self.offset, self.count, self.start = source, stride, offset, count, start

    def __iter__(self) -> Iterator[Any]:
        worker: Any = get_worker_info()
        samples = iter(self.source)
        head = list(islice(samples, self.count))
        yield self.source.batch(head)
        samples, had = chain(head, samples), 0
        number = self.start + worker.id
        while True:
            own = number // worker.num_workers if self.source.split else number
            position = own * self.stride + self.offset
            taken = list(islice(samples, position - had, position - had + self.count))
            yield self.source.batch(taken)
            had, number = position + self.count, number + worker.num_workers


def _same(a: Batch, b: Batch) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
