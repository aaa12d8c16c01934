"""Reading a source in its order: in this process, or ahead of time by worker processes."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from advsci.games.game import Batch
from advsci.streams import Stream
from advsci.training.data import ItemSource, OrderedSource, Source, StreamSource
from advsci.training.order import Order
from advsci.training.streaming import Read, ReadAhead, StreamedAhead

__all__ = ["reader"]


def reader(source: Source, stream: Stream, stride: int, count: int) -> Read:
    """How the batches of a source are read, each a pure function of the stream and the position.

    Parameters
    ----------
    source
        What `advsci.training.data.as_source` gave.
    stream
        Key of the order, and of the randomness of samples (augmentation), alike for any number of workers.
    stride
        Positions between one batch and the next.
    count
        Samples in a batch.

    Returns
    -------
    callable
        ``read(position, count)``.
    """
    if isinstance(source, StreamSource):
        return StreamedAhead(source, stride, count) if source.workers else _Streamed(source)
    if isinstance(source, OrderedSource):
        return source.reader(stream, stride)
    order = Order(len(source), stream)
    if isinstance(source, ItemSource):
        return _Ahead(source, order, stream.at("items"), stride, count)
    return lambda position, count: source[order(position, count)]


class _Streamed:
    """The samples of a stream from a position on; what lies before it is read and dropped."""

    def __init__(self, source: StreamSource):
        self.source, self.samples, self.position = source, iter(source), 0

    def __call__(self, position: int, count: int) -> Batch:
        while self.position < position:
            next(self.samples)
            self.position += 1
        self.position += count
        return self.source.batch([next(self.samples) for _ in range(count)])


class _Ahead(ReadAhead):
    """Batches of a data set, read ahead by torch's workers where there are some."""

    def __init__(self, source: ItemSource, order: Order, stream: Stream, stride: int, count: int):
        self.source, self.order, self.stride, self.count = source, order, stride, count
        self.keyed = _Keyed(source.items, stream)
        self.position = -1

    def __call__(self, position: int, count: int) -> Batch:
        if not self.source.workers:
            return self.source.batch(self.keyed.__getitems__(_wanted(self.order, position, count)))
        if self.batches is None or position < self.position or (position - self.position) % self.stride:
            self.batches, self.position = iter(self._loader(position)), position
        while self.position < position:  # a solver that drew less than it might: those batches are not wanted
            next(self.batches)
            self.position += self.stride
        self.position += self.stride
        return next(self.batches)

    def _loader(self, position: int) -> DataLoader:
        return DataLoader(
            self.keyed,
            batch_sampler=_Windows(self.order, position, self.stride, self.count),  # type: ignore[arg-type]
            num_workers=self.source.workers,
            collate_fn=self.source.batch,
            pin_memory=self.source.pin_memory,
            generator=torch.Generator(),  # its own: torch's would be moved by the start of the workers
        )


class _Windows:
    """The (position, index) pairs of one batch after another, without end.

    It does not know its reader: workers end as soon as nobody reads, which a circle of references would put off.
    """

    def __init__(self, order: Order, position: int, stride: int, count: int):
        self.order, self.position, self.stride, self.count = order, position, stride, count

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        position = self.position
        while True:
            yield _wanted(self.order, position, self.count)
            position += self.stride


def _wanted(order: Order, position: int, count: int) -> list[tuple[int, int]]:
    """(position, index) of each sample of a batch."""
    return list(enumerate(order(position, count).tolist(), position))


class _Keyed(torch.utils.data.Dataset):
    """Samples whose randomness (of torch, numpy and random) is keyed by their position, in any process."""

    def __init__(self, items: Any, stream: Stream):
        self.items, self.stream = items, stream

    def __getitem__(self, at: tuple[int, int]) -> Any:
        return self.__getitems__([at])[0]

    def __getitems__(self, wanted: list[tuple[int, int]]) -> list:
        before = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
        try:
            if hasattr(self.items, "__getitems__"):
                self._seed(wanted[0][0])
                return self.items.__getitems__([index for _, index in wanted])
            samples = []
            for position, index in wanted:
                self._seed(position)
                samples.append(self.items[index])
            return samples
        finally:
            torch.set_rng_state(before[0])
            np.random.set_state(before[1])  # noqa: NPY002
            random.setstate(before[2])

    def _seed(self, position: int) -> None:
        key = self.stream.at("sample", position).key()
        torch.default_generator.manual_seed(key & (2**63 - 1))
        np.random.seed(key & (2**32 - 1))  # noqa: NPY002
        random.seed(key)
