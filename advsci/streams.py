"""Counter-based randomness: every draw comes from a stream keyed by (seed, purpose, counters).

A draw does not depend on what was drawn before it, so a training that is killed and resumed equals the uninterrupted
one bit for bit on the same device, and the order of the data does not depend on the number of processes. On the CPU
the bits are Philox-4x64 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") keyed with 128 bits of
the hashed path; accelerators use torch's own Philox with 64 bits of it.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b

import numpy as np
import torch
from torch import Tensor

__all__ = ["Stream"]

_thread = threading.local()


class Stream:
    """An immutable key from which any number of independent draws derive.

    Parameters
    ----------
    seed
        Root of the stream.
    shard
        ``(rank, world)``: draws of n rows are rows ``rank*n ... (rank+1)*n`` of the draw of ``world*n`` rows, so that
        the processes of a distributed training together see exactly what one process would.

    Examples
    --------
    >>> stream = Stream(0)
    >>> bool((stream.at("latent", 3).normal((2,)) == stream.at("latent", 3).normal((2,))).all())
    True
    >>> bool((stream.at("latent", 3).normal((2,)) == stream.at("latent", 4).normal((2,))).any())
    False
    """

    __slots__ = ("_hash", "shard")

    def __init__(self, seed: int, *, shard: tuple[int, int] = (0, 1)):
        self._hash = blake2b(str(int(seed)).encode(), digest_size=16)
        self.shard = shard

    def at(self, purpose: str, *counters: int) -> "Stream":
        """The stream for one purpose and, where given, one step, call, epoch..."""
        child = Stream.__new__(Stream)
        child._hash = self._hash.copy()
        child._hash.update(f"/{purpose}{counters}".encode())
        child.shard = self.shard
        return child

    def whole(self) -> "Stream":
        """The same stream without shards: every process draws the same."""
        return self.sharded(0, 1)

    def sharded(self, rank: int, world: int) -> "Stream":
        """The same stream for another part of the rows.

        Parameters
        ----------
        rank, world
            Which part, of how many.

        Returns
        -------
        Stream
            With ``shard = (rank, world)``.
        """
        child = self.at("")
        child._hash, child.shard = self._hash.copy(), (rank, world)
        return child

    def key(self) -> int:
        """128 bits that name this stream."""
        return int.from_bytes(self._hash.digest(), "little")

    def numpy(self) -> np.random.Generator:
        """A numpy generator at the start of this stream (never sharded)."""
        return np.random.Generator(np.random.Philox(key=self._words()))

    def _words(self) -> np.ndarray:
        key = self.key()
        # as uint64: a plain tuple of such numbers goes through float64 in numpy and loses their low bits
        return np.array([key & (2**64 - 1), key >> 64], dtype=np.uint64)

    def _reused(self) -> np.random.Generator:
        """`numpy` on this thread's one generator: setting its state costs a twentieth of making a new one."""
        if not hasattr(_thread, "generator"):
            _thread.generator = np.random.Generator(np.random.Philox(key=0))
            _thread.state = _thread.generator.bit_generator.state
        _thread.state["state"]["key"][:] = self._words()
        _thread.generator.bit_generator.state = _thread.state
        return _thread.generator

    def generator(self, device: torch.device | str = "cpu") -> torch.Generator:
        """A torch generator at the start of this stream (never sharded).

        Parameters
        ----------
        device
            Torch device of the result.
        """
        return torch.Generator(device).manual_seed(self.key() & (2**63 - 1))

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """Within the context torch's own random numbers, such as networks' first parameters, come from this stream.

        The state of torch's generators is put back afterwards, so that nothing is seeded globally.

        Examples
        --------
        >>> with Stream(0).at("networks").seeded():
        ...     a = torch.nn.Linear(2, 1)
        >>> with Stream(0).at("networks").seeded():
        ...     b = torch.nn.Linear(2, 1)
        >>> bool((a.weight == b.weight).all())
        True
        """
        # without an index list torch would wake up (and warn of) accelerators that nobody uses
        devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
        with torch.random.fork_rng(devices=list(devices)):
            torch.manual_seed(self.key() & (2**63 - 1))
            yield

    def normal(
        self, shape: Sequence[int], *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
    ) -> Tensor:
        """Standard normal draws of the given shape.

        Parameters
        ----------
        device
            Torch device of the result.
        dtype
            Type of the result; None takes torch's default.
        """
        return self._draw("normal", shape, device, dtype)

    def uniform(
        self, shape: Sequence[int], *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
    ) -> Tensor:
        """Draws uniform on [0, 1).

        Parameters
        ----------
        shape
            Shape of the result; its first axis counts the samples.
        device
            Torch device of the result.
        dtype
            Type of the result; None takes torch's default.
        """
        return self._draw("uniform", shape, device, dtype)

    def integers(self, high: int, shape: Sequence[int], *, device: torch.device | str = "cpu") -> Tensor:
        """Draws uniform on {0, ..., high - 1}, int64.

        Parameters
        ----------
        shape
            Shape of the result; its first axis counts the samples.
        device
            Torch device of the result.
        """
        return self._draw("integers", shape, device, torch.int64, high)

    def permutation(self, n: int) -> Tensor:
        """A permutation of 0 ... n-1 on the CPU (never sharded)."""
        return torch.from_numpy(self._reused().permutation(n))

    def _draw(self, kind: str, shape: Sequence[int], device, dtype: torch.dtype | None, high: int = 0) -> Tensor:
        device = torch.device(device)
        dtype = dtype or torch.get_default_dtype()
        if device.type == "meta":
            return torch.empty(tuple(shape), dtype=dtype, device=device)
        rank, world = self.shard
        if world > 1:
            rows = shape[0]
            whole = self._whole(kind, (rows * world, *shape[1:]), device, dtype, high)
            return whole[rank * rows : (rank + 1) * rows]
        return self._whole(kind, tuple(shape), device, dtype, high)

    def _whole(self, kind: str, shape: tuple[int, ...], device: torch.device, dtype: torch.dtype, high: int) -> Tensor:
        if device.type == "cpu":
            numpy = self._reused()
            real = np.float64 if dtype == torch.float64 else np.float32
            if kind == "normal":
                return torch.from_numpy(np.asarray(numpy.standard_normal(shape, dtype=real))).to(dtype)
            if kind == "uniform":
                return torch.from_numpy(np.asarray(numpy.random(shape, dtype=real))).to(dtype)
            return torch.from_numpy(np.asarray(numpy.integers(high, size=shape)))
        generator = self.generator(device)
        if kind == "normal":
            return torch.randn(shape, generator=generator, device=device, dtype=dtype)
        if kind == "uniform":
            return torch.rand(shape, generator=generator, device=device, dtype=dtype)
        return torch.randint(high, shape, generator=generator, device=device)
