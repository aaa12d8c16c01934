"""Data as a source of batches, and their order as a pure function of (seed, position).

Positions 0, 1, 2, ... run through one permutation of the data after another; a batch is a window of positions. So the
order needs no state, does not depend on the number of processes, and every sample comes equally often.
"""

from collections.abc import Mapping
from typing import Protocol, cast, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from advsci.errors import DataError
from advsci.games.game import Batch, as_batch
from advsci.streams import Stream

__all__ = ["Data", "Order", "Source", "TensorSource", "as_source"]


@runtime_checkable
class Source(Protocol):
    """Any object with a length that turns a tensor of indices into a batch (a dict of tensors)."""

    def __len__(self) -> int: ...

    def __getitem__(self, indices: Tensor, /) -> Batch: ...


Data = Tensor | Mapping[str, Tensor] | Source


class TensorSource:
    """Tensors in memory, all with the samples along the first axis.

    Raises
    ------
    DataError
        No samples, unequal lengths, or a value that is not finite.
    """

    def __init__(self, data: Tensor | Batch):
        self.tensors = dict(as_batch(data))
        lengths = {key: tensor.shape[0] if tensor.dim() else 0 for key, tensor in self.tensors.items()}
        if not lengths or min(lengths.values()) == 0:
            raise DataError(
                f"got an empty data set {lengths}; expected at least one sample. Try: check the filter before it."
            )
        if len(set(lengths.values())) > 1:
            raise DataError(
                f"got entries of unequal lengths {lengths}; expected one row a sample in each. Try: align them."
            )
        for key, tensor in self.tensors.items():
            finite = torch.isfinite(tensor).reshape(tensor.shape[0], -1).all(1)
            if not bool(finite.all()):
                first = int((~finite).nonzero()[0])
                raise DataError(
                    f"got NaN or infinity in '{key}' at sample {first} ({int((~finite).sum())} of {len(finite)} "
                    f"samples); "
                    "expected finite numbers. Try: drop or impute them."
                )

    def __len__(self) -> int:
        return next(iter(self.tensors.values())).shape[0]

    def __getitem__(self, indices: Tensor) -> Batch:
        return {key: tensor.index_select(0, indices) for key, tensor in self.tensors.items()}


def as_source(data: Data) -> Source:
    """Tensors become a `TensorSource`; an object with ``__len__`` and ``__getitem__`` is one already."""
    if isinstance(data, Tensor | Mapping):
        return TensorSource(cast("Tensor | Batch", data))
    if not isinstance(data, Source) or isinstance(data, list | tuple | str | bytes | np.ndarray):
        raise DataError(
            f"got data of type {type(data).__name__}; expected a tensor, a dict of tensors, or an object with "
            f"__len__ and "
            "__getitem__(indices). Try: torch.as_tensor(data)."
        )
    if len(data) == 0:
        raise DataError("got an empty data set; expected at least one sample. Try: check the filter before it.")
    return data


class Order:
    """Indices of the samples at consecutive positions: position p is entry ``p % n`` of permutation ``p // n``."""

    def __init__(self, n: int, stream: Stream):
        self.n = n
        self.stream = stream
        self._epoch = -1
        self._permutation = torch.empty(0, dtype=torch.int64)

    def __call__(self, start: int, count: int) -> Tensor:
        """The indices at positions ``start ... start + count - 1``, int64 on the CPU."""
        parts = []
        while count > 0:
            epoch, offset = divmod(start, self.n)
            if epoch != self._epoch:
                self._epoch, self._permutation = epoch, self.stream.at("epoch", epoch).permutation(self.n)
            part = self._permutation[offset : offset + count]
            parts.append(part)
            start, count = start + len(part), count - len(part)
        return parts[0] if len(parts) == 1 else torch.cat(parts)
