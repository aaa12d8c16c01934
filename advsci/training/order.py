"""The order of the samples: a pure function of (seed, position), in constant memory."""

import numpy as np
import torch
from torch import Tensor

from advsci.streams import Stream

__all__ = ["Order", "keyed_permutation"]

_SMALL = 2**16
_ROUNDS = 8
_BLOCK = 4096


class Order:
    """Indices of the samples at consecutive positions: position p is entry ``p % n`` of permutation ``p // n``.

    Every sample comes equally often. Up to 65,536 samples the permutation is drawn and kept; beyond, its entries are
    computed where they are asked for (`keyed_permutation`), so that 10^8 samples cost no more than 10^5.

    Parameters
    ----------
    n
        Number of samples.
    stream
        Key of the order.

    Examples
    --------
    >>> Order(4, Stream(0))(0, 8).reshape(2, 4).sort(1).values.tolist()
    [[0, 1, 2, 3], [0, 1, 2, 3]]
    """

    def __init__(self, n: int, stream: Stream):
        self.n = n
        self.stream = stream
        self._held = (-1, 0, torch.empty(0, dtype=torch.int64))  # epoch, offset of the first entry, entries

    def __call__(self, start: int, count: int) -> Tensor:
        """The indices at some positions.

        Parameters
        ----------
        start
            The first position.
        count
            How many.

        Returns
        -------
        Tensor
            (count,), int64, on the CPU.
        """
        parts = []
        while count > 0:
            epoch, offset = divmod(start, self.n)
            part = self._entries(epoch, offset, min(count, self.n - offset))
            parts.append(part)
            start, count = start + len(part), count - len(part)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _entries(self, epoch: int, offset: int, count: int) -> Tensor:
        held, first, entries = self._held
        if held != epoch or not first <= offset or offset + count > first + len(entries):
            stream = self.stream.at("epoch", epoch)
            if self.n <= _SMALL:
                first, entries = 0, stream.permutation(self.n)
            else:
                first = offset
                block = np.arange(offset, min(self.n, offset + max(count, _BLOCK)), dtype=np.uint64)
                entries = torch.from_numpy(keyed_permutation(block, self.n, stream).astype(np.int64))
            self._held = (epoch, first, entries)
        return entries[offset - first : offset - first + count]


def keyed_permutation(x: np.ndarray, n: int, stream: Stream) -> np.ndarray:
    r"""Entries of a pseudo-random permutation of 0 ... n-1, each computed on its own.

    A Feistel network permutes :math:`\{0, ..., 2^{2b} - 1\}`, the smallest such set that holds n numbers:
    :math:`(l, r) \leftarrow (r,\ l \oplus F_i(r))` with eight keyed round functions; numbers from n on are permuted
    again until they fall below n (cycle walking: Black & Rogaway 2002, "Ciphers with arbitrary finite domains"),
    which makes it a permutation of the n numbers.

    Parameters
    ----------
    x
        Positions, uint64, all below n.
    n
        Size of the permuted set, below 2^62.
    stream
        Key of the permutation.

    Returns
    -------
    numpy.ndarray
        As ``x``: the entries at these positions.
    """
    half = np.uint64(max(1, (int(n - 1).bit_length() + 1) // 2))
    mask = np.uint64((1 << int(half)) - 1)
    keys = stream.numpy().integers(0, 2**63, size=_ROUNDS, dtype=np.uint64)
    x = _feistel(x.astype(np.uint64), half, mask, keys)
    while (beyond := x >= n).any():
        x[beyond] = _feistel(x[beyond], half, mask, keys)
    return x


def _feistel(x: np.ndarray, half: np.uint64, mask: np.uint64, keys: np.ndarray) -> np.ndarray:
    left, right = x >> half, x & mask
    for key in keys:
        left, right = right, left ^ (_mixed(right, key) & mask)
    return (left << half) | right


def _mixed(x: np.ndarray, key: np.uint64) -> np.ndarray:
    """The finaliser of splitmix64 (Steele, Lea & Flood 2014) on ``x + key``."""
    with np.errstate(over="ignore"):
        x = x + key
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
