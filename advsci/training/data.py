"""Data as a source of batches: tensors, arrays in memory or on disk, data sets of torch and others, streams."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, default_collate

from advsci.errors import DataError
from advsci.games.game import Batch, as_batch
from advsci.streams import Stream
from advsci.training.described import hashed
from advsci.training.images import ImageFolder
from advsci.training.shards import TarShards

__all__ = [
    "ArraySource",
    "Data",
    "ItemSource",
    "OrderedSource",
    "Source",
    "StreamSource",
    "TensorSource",
    "as_source",
    "content_of",
]

_WHOLE = 2**28
_SAMPLE = 256


@runtime_checkable
class Source(Protocol):
    """Any object with a length that turns a tensor of indices into a batch (a dict of tensors)."""

    def __len__(self) -> int: ...

    def __getitem__(self, indices: Tensor, /) -> Batch: ...


@runtime_checkable
class OrderedSource(Source, Protocol):
    """A source that is read in an order of its own, such as block by block (`advsci.training.blocks`)."""

    def reader(self, stream: Stream, stride: int, /) -> Callable[[int, int], Batch]:
        """``read(position, count)``, a pure function of stream and position; ``stride`` positions make a batch."""
        ...


@runtime_checkable
class Store(Protocol):
    """Arrays on disk or groups of them, as zarr's and HDF5's."""

    def __getitem__(self, key: Any, /) -> Any: ...


Data = Store | Tensor | Mapping[str, Tensor] | Source | np.ndarray | Dataset | DataLoader | Iterable | Path


class TensorSource:
    """Tensors in memory, all with the samples along the first axis; on whichever device they lie, they stay there.

    Parameters
    ----------
    data
        A tensor (n, ...), which becomes ``"x"``, or tensors by name.

    Raises
    ------
    DataError
        No samples, unequal lengths, or a value that is not finite.

    Examples
    --------
    >>> TensorSource(torch.arange(6.0).reshape(3, 2))[torch.tensor([2])]
    {'x': tensor([[4., 5.]])}
    """

    def __init__(self, data: Tensor | Batch):
        self.tensors = dict(as_batch(data))
        lengths = {key: tensor.shape[0] if tensor.dim() else 0 for key, tensor in self.tensors.items()}
        _check_lengths(lengths)
        for key, tensor in self.tensors.items():
            finite = torch.isfinite(tensor).reshape(tensor.shape[0], -1).all(1)
            if not bool(finite.all()):
                first = int((~finite).nonzero()[0])
                raise DataError(
                    f"got NaN or infinity in '{key}' at sample {first} ({int((~finite).sum())} of {len(finite)} "
                    "samples); expected finite numbers. Try: drop or impute them."
                )

    def __len__(self) -> int:
        return next(iter(self.tensors.values())).shape[0]

    def __getitem__(self, indices: Tensor) -> Batch:
        return {key: tensor.index_select(0, indices.to(tensor.device)) for key, tensor in self.tensors.items()}


class ArraySource:
    """Arrays on disk (`numpy.memmap`, zarr, HDF5 and the like), read a batch at a time.

    Parameters
    ----------
    arrays
        Arrays by name, all with the samples along the first axis; ``"x"`` must be among them.

    Raises
    ------
    DataError
        No samples or unequal lengths.
    """

    def __init__(self, arrays: Mapping[str, Any]):
        self.arrays = dict(arrays)
        _check_lengths({key: array.shape[0] if array.ndim else 0 for key, array in self.arrays.items()})

    def __len__(self) -> int:
        return next(iter(self.arrays.values())).shape[0]

    def __getitem__(self, indices: Tensor) -> Batch:
        # HDF5 takes rows that grow only, and every store reads them fastest
        rows, places = np.unique(indices.cpu().numpy(), return_inverse=True)
        chosen = {key: getattr(array, "oindex", array)[rows] for key, array in self.arrays.items()}
        return as_batch({key: torch.from_numpy(np.asarray(values)[places]) for key, values in chosen.items()})


class ItemSource:
    """A data set that gives one sample at a time, as those of torch, torchvision and Hugging Face do.

    Parameters
    ----------
    items
        Has ``__len__`` and ``__getitem__(int)``; a sample is a tensor or array, a dict of them, or a pair of a sample
        and its condition. Where it has ``__getitems__(list of int)``, that is used.
    collate
        Makes a batch of a list of samples; default: torch's, which stacks.
    workers
        Processes that read ahead; 0 reads in this one.
    pin_memory
        Hand batches over in page-locked memory, which a GPU copies faster.

    Raises
    ------
    DataError
        The data set is empty.
    """

    def __init__(
        self,
        items: Any,
        *,
        collate: Callable[[list], Any] = default_collate,
        workers: int = 0,
        pin_memory: bool = False,
    ):
        self.items, self.collate, self.workers, self.pin_memory = items, collate, workers, pin_memory
        if len(items) == 0:
            raise DataError("got an empty data set; expected at least one sample. Try: check the filter before it.")

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, indices: Tensor) -> Batch:
        rows = indices.tolist()
        many = getattr(self.items, "__getitems__", None)
        return self.batch(many(rows) if many else [self.items[i] for i in rows])

    def batch(self, samples: list) -> Batch:
        """The batch that these samples make.

        Parameters
        ----------
        samples
            As the data set gave them.
        """
        return _as_named(_collated(self.collate, samples))


class StreamSource:
    """Samples that come one after another, as from an ``IterableDataset``: their order is their own.

    Iteration starts anew where it ends. A resumed training skips what it has had, so that it goes on where it was.

    Parameters
    ----------
    samples
        Can be iterated over more than once, each time alike, also in another process.
    collate
        As in `ItemSource`. Workers share this work: samples that are cheap to read and costly to decode are decoded
        here.
    workers
        Processes that read ahead; 0 reads in this one.
    pin_memory
        As in `ItemSource`.
    split
        Whether the samples divide themselves among the workers by ``torch.utils.data.get_worker_info``, as those of
        Hugging Face and webdataset do; batches come from the workers in turn, and their order then depends on the
        number of workers. If not, each worker reads all samples and makes every ``workers``-th batch: the order is the
        same for any number.

    Raises
    ------
    DataError
        The stream is empty.
    """

    def __init__(
        self,
        samples: Iterable,
        *,
        collate: Callable[[list], Any] = default_collate,
        workers: int = 0,
        pin_memory: bool = False,
        split: bool = False,
    ):
        self.samples, self.collate = samples, collate
        self.workers, self.pin_memory, self.split = workers, pin_memory, split
        self._first = list(islice(iter(samples), _SAMPLE))
        if not self._first:
            raise DataError("got an empty stream; expected at least one sample. Try: an iterable that can start anew.")

    def __len__(self) -> int:
        """How many samples are known: the first 256 at most."""
        return len(self._first)

    def __getitem__(self, indices: Tensor) -> Batch:
        return self.batch([self._first[i] for i in indices.tolist()])

    def __iter__(self) -> Iterator:
        while True:
            empty = True
            for sample in self.samples:
                empty = False
                yield sample
            if empty:
                raise DataError(
                    "got no samples from a stream that had some; expected one that can be iterated over again. "
                    "Try: an object whose __iter__ starts anew, not a generator."
                )

    def batch(self, samples: list) -> Batch:
        """The batch that these samples make.

        Parameters
        ----------
        samples
            As the stream gave them.
        """
        return _as_named(_collated(self.collate, samples))


def as_source(data: Any) -> Source:
    """Whatever a user has, as a source of batches.

    Parameters
    ----------
    data
        A tensor or array (n, ...) or several by name, also memory maps and arrays and groups of zarr and HDF5, which
        stay on disk; a `Source`; a ``torch.utils.data.Dataset``, ``DataLoader`` (its
        data set, workers and collate function are used, its sampler is not), ``IterableDataset``; a list of samples;
        any object with ``__len__`` and ``__getitem__``; any other iterable; the ``Path`` of a folder of images or of
        tar shards.

    Returns
    -------
    Source
        The same object where it is one already.

    Raises
    ------
    DataError
        Nothing that holds samples, or none in it.
    """
    if isinstance(data, TensorSource | ArraySource | ItemSource | StreamSource):
        return data
    if isinstance(data, Path):
        shards = data.suffix == ".tar" or (data.is_dir() and any(data.glob("*.tar")))
        return ItemSource(TarShards(data) if shards else ImageFolder(data))
    if isinstance(data, DataLoader):
        return _of_loader(data)
    if isinstance(data, TensorDataset):
        return TensorSource(_as_named(list(data.tensors)))
    if isinstance(data, Tensor | np.ndarray) or _on_disk(data):
        data = {"x": data}
    elif _is_group(data):
        data = {key: data[key] for key in data.keys()}
    if isinstance(data, Mapping):
        return _of_mapping(data)
    if isinstance(data, IterableDataset):
        return StreamSource(data)
    if isinstance(data, list | tuple) and data and isinstance(data[0], Tensor | np.ndarray | Mapping | tuple):
        return ItemSource(data)
    if isinstance(data, str | bytes | list | tuple) or not (hasattr(data, "__getitem__") or hasattr(data, "__iter__")):
        raise DataError(
            f"got data of type {type(data).__name__}; expected a tensor, an array, a dict of them, a data set of "
            "torch, or an object with __len__ and __getitem__. Try: torch.as_tensor(data)."
        )
    if not (hasattr(data, "__getitem__") and hasattr(data, "__len__")):
        return StreamSource(data)
    if isinstance(data, Dataset) or hasattr(data, "__getitems__"):
        return ItemSource(data)
    if len(data) == 0:
        raise DataError("got an empty data set; expected at least one sample. Try: check the filter before it.")
    return data


def content_of(source: Source) -> dict[str, Any]:
    """By what a source is known again: number of samples and a hash of the content.

    Tensors up to 256 MB are hashed whole, of all else 256 samples spread over it; a source that gives other values
    when it is read again (random augmentation) is known by its number of samples only.

    Parameters
    ----------
    source
        What `as_source` gave.
    """
    n = len(source)
    if isinstance(source, TensorSource):
        tensors = source.tensors
        if sum(t.numel() * t.element_size() for t in tensors.values()) <= _WHOLE:
            return {"samples": n, "content": {key: hashed(t)[:16] for key, t in sorted(tensors.items())}}
    rows = torch.arange(_SAMPLE) * n // _SAMPLE if n > _SAMPLE else torch.arange(n)
    order = {"workers": source.workers} if isinstance(source, StreamSource) and source.split else {}
    reads = [{key: hashed(t)[:16] for key, t in sorted(source[rows].items())} for _ in range(2)]
    return {"samples": n, "content": reads[0] if reads[0] == reads[1] else "random", **order}


def _of_loader(loader: DataLoader) -> Source:
    collate = cast("Callable[[list], Any]", loader.collate_fn)
    if isinstance(loader.dataset, IterableDataset):
        k, pinned = loader.num_workers, loader.pin_memory
        return StreamSource(loader.dataset, collate=collate, workers=k, pin_memory=pinned, split=k > 1)
    if isinstance(loader.dataset, TensorDataset) and loader.collate_fn is default_collate:
        return as_source(loader.dataset)
    return ItemSource(loader.dataset, collate=collate, workers=loader.num_workers, pin_memory=loader.pin_memory)


def _of_mapping(data: Mapping[str, Any]) -> Source:
    if any(_on_disk(value) for value in data.values()):
        return ArraySource({key: value if _on_disk(value) else np.asarray(value) for key, value in data.items()})
    try:
        return TensorSource({key: torch.as_tensor(value) for key, value in data.items()})
    except (TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        kinds = {key: getattr(value, "dtype", type(value).__name__) for key, value in data.items()}
        raise DataError(
            f"got data that make no tensors ({kinds}); expected numbers. Try: encode text and categories as numbers."
        ) from None


def _on_disk(value: Any) -> bool:
    """Whether this is an array whose values are read when they are asked for."""
    arrays = all(hasattr(value, name) for name in ("shape", "ndim", "dtype", "chunks", "__getitem__"))
    return isinstance(value, np.memmap) or (arrays and not isinstance(value, Tensor | np.ndarray))


def _is_group(data: Any) -> bool:
    """Whether this is a group of zarr, which has names but is no mapping."""
    return not isinstance(data, Mapping) and all(hasattr(data, name) for name in ("keys", "arrays", "attrs"))


def _collated(collate: Callable[[list], Any], samples: list) -> Any:
    try:
        return collate(samples)
    except (TypeError, RuntimeError, ValueError) as error:
        raise DataError(
            f"got samples of type {type(samples[0]).__name__} that cannot be stacked ({str(error).splitlines()[0]}); "
            "expected tensors or arrays of one shape. Try: a transform that gives such, or ItemSource(collate=...)."
        ) from error


def _as_named(batch: Any) -> Batch:
    """A collated batch by names: a pair is a sample and its condition."""
    if isinstance(batch, Sequence) and not isinstance(batch, str):
        if not 1 <= len(batch) <= 2:
            raise DataError(
                f"got samples of {len(batch)} parts; expected one, or two: a sample and its condition. "
                "Try: samples that are dicts with the keys 'x', 'condition', 'weight'."
            )
        batch = dict(zip(("x", "condition"), batch, strict=False))
    if not isinstance(batch, Tensor | Mapping):
        raise DataError(
            f"got a batch of type {type(batch).__name__}; expected a tensor, a pair or a dict of tensors. "
            "Try: another collate function."
        )
    if isinstance(batch, Mapping):  # what webdataset says of a sample, as "__key__", is none of its values
        batch = {key: value for key, value in batch.items() if not str(key).startswith("__")}
    return as_batch(cast("Tensor | Batch", batch))


def _check_lengths(lengths: Mapping[str, int]) -> None:
    if not lengths or min(lengths.values()) == 0:
        raise DataError(
            f"got an empty data set {dict(lengths)}; expected at least one sample. Try: check the filter before it."
        )
    if len(set(lengths.values())) > 1:
        raise DataError(
            f"got entries of unequal lengths {dict(lengths)}; expected one row per sample in each. Try: align them."
        )
