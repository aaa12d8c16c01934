"""Building a network from a card: what a card declares is bounded by the weights that lie beside it.

A card of a hundred bytes can declare a million blocks. Networks are built as far as the file's weights can fill them,
and no further.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from advsci.errors import CheckpointError
from advsci.files.named import reading

__all__ = ["building"]

_SLACK_VALUES, _SLACK_TENSORS = 10_000_000, 400
"""What a network may make beside its weights: buffers, and initial values that are thrown away."""
_PER_WEIGHT = 40


@contextmanager
def building(
    path: str | Path, tensors: Mapping[str, Tensor], kind: str = "network", try_: str = "train it anew"
) -> Iterator[None]:
    """A block that builds and fills networks; each failure in it is a `CheckpointError` that names the file.

    Parameters
    ----------
    path
        The file that card and weights came from.
    tensors
        The weights.
    kind
        What is built, in a word.
    try_
        The advice, without a full stop.

    Raises
    ------
    CheckpointError
        The card declares more than the weights can fill, or the network cannot be built or filled.

    Examples
    --------
    >>> with building("net.safetensors", {"weight": torch.ones(2, 2)}):
    ...     torch.nn.Sequential(*[torch.nn.Linear(64, 64) for _ in range(10**6)])
    Traceback (most recent call last):
    advsci.errors.CheckpointError: net.safetensors: got a card of a network that its weights cannot fill; expected a \
network as it was written. Try: train it anew.
    """
    with reading(path, f"a {kind} as it was written", try_, CheckpointError), _Bounded(path, tensors, kind, try_):
        yield


class _Bounded(TorchDispatchMode):
    """Counts the tensors that are made from nothing, and their values, before they are made."""

    def __init__(self, path: str | Path, tensors: Mapping[str, Tensor], kind: str, try_: str):
        super().__init__()
        self.values = _SLACK_VALUES + 4 * sum(t.numel() for t in tensors.values())
        self.count = _SLACK_TENSORS + _PER_WEIGHT * len(tensors)
        self.refusal = (
            f"{path}: got a card of a {kind} that its weights cannot fill; expected a {kind} as it was written. "
            f"Try: {try_}."
        )

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
        size = args[0] if args and isinstance(args[0], list | tuple) else ()
        if size and all(isinstance(n, int) for n in size):  # empty, zeros, ones, full, rand, randn
            self.values -= math.prod(size)
            self.count -= 1
        elif args and isinstance(args[-1], int) and func.overloadpacket in _RANGES:
            self.values -= args[-1]
            self.count -= 1
        if self.values < 0 or self.count < 0:
            raise CheckpointError(self.refusal)
        return func(*args, **(kwargs or {}))


_RANGES = (torch.ops.aten.arange, torch.ops.aten.linspace, torch.ops.aten.eye)
