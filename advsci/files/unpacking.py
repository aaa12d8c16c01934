r"""How much packed bytes unpack to, found without making it: a chunk of a kilobyte can hold gigabytes of zeros.

Deflate packs at most 1,032 to 1, LZMA about 7,000, Zstandard 32,768 (a block of one repeated byte takes four bytes and
gives 128 KiB: RFC 8878, section 3.1.1.2), bzip2 over a million. A library that unpacks into a buffer which it doubles
until all fits in has no limit, so that the size is counted here first: streams are unpacked piece by piece and the
pieces dropped; where a format states sizes (Zstandard's blocks, Blosc, LZ4), only its headers are read.
"""

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator

__all__ = ["LARGEST_RATIO", "unpacked_size"]

LARGEST_RATIO = {
    **dict.fromkeys(("zlib", "gzip"), 1032),
    "lzf": 100,
    "lz4": 2**31,
    "lzma": 2**14,
    "zstd": 2**15,
    "bz2": 2**21,
    "blosc": 2**31,
}
"""Codec -> at most so many bytes come out of one; codecs whose header states a size may state any."""

_PIECE = 2**24
_BLOCK = 2**17
_MAGIC, _SKIPPABLE = 0xFD2FB528, 0x184D2A50


def unpacked_size(codec: str, packed: bytes, most: int) -> int:
    """Bytes that a chunk unpacks to; counting ends above ``most``.

    Parameters
    ----------
    codec
        ``"zlib"``, ``"gzip"``, ``"bz2"``, ``"lzma"``, ``"zstd"``, ``"lz4"`` (with numcodecs' header) or ``"blosc"``.
    packed
        The chunk.
    most
        Where counting may end [bytes].

    Returns
    -------
    int
        The size, or some number above ``most``; for Zstandard an upper bound, at most 128 KiB per block too large.

    Raises
    ------
    ValueError, EOFError
        The bytes are none of this codec, or are cut short.

    Examples
    --------
    >>> unpacked_size("zlib", zlib.compress(bytes(5000)), most=10_000)
    5000
    >>> unpacked_size("zlib", zlib.compress(bytes(2**25)), most=10_000) > 10_000
    True
    """
    try:
        if codec in ("zlib", "gzip"):
            return _streamed(_Deflated, packed, most)
        if codec == "bz2":
            return _streamed(bz2.BZ2Decompressor, packed, most)
        if codec == "lzma":
            return _streamed(lambda: lzma.LZMADecompressor(memlimit=max(most, 2**27)), packed, most)
        if codec == "zstd":
            return _counted(_zstd_blocks(packed), most)
        if codec == "lz4":
            return struct.unpack("<I", packed[:4])[0]
        return struct.unpack("<I", packed[4:8])[0]  # blosc
    except (zlib.error, lzma.LZMAError, struct.error, OSError, IndexError) as error:
        raise ValueError(f"no chunk of {codec}: {error}") from None


class _Deflated:
    """zlib's decompressor, of zlib and gzip alike, in the manner of those of bz2 and lzma."""

    def __init__(self):
        self.inner = zlib.decompressobj(wbits=47)

    @property
    def eof(self) -> bool:
        return self.inner.eof

    @property
    def unused_data(self) -> bytes:
        return self.inner.unused_data

    def decompress(self, data: bytes, most: int) -> bytes:
        """At most ``most`` of the next bytes, of what was left over or else of ``data``."""
        return self.inner.decompress(self.inner.unconsumed_tail or data, most)


def _streamed(decompressor: Callable[[], object], packed: bytes, most: int) -> int:
    """Bytes of all members that follow one another; what follows the last and is none is not read."""
    size, members = 0, 0
    while packed and size <= most:
        stream, data = decompressor(), packed
        while not stream.eof:  # type: ignore[attr-defined]
            try:
                piece = stream.decompress(data, _PIECE)  # type: ignore[attr-defined]
            except (zlib.error, lzma.LZMAError, OSError):
                if members:  # a checksum, or another tail
                    return size
                raise
            data, size = b"", size + len(piece)
            if size > most:
                return size
            if not piece and not stream.eof:  # type: ignore[attr-defined]
                raise EOFError("cut short") if not members else ValueError("bytes behind the end")
        packed, members = stream.unused_data, members + 1  # type: ignore[attr-defined]
    return size


def _counted(sizes: Iterator[int], most: int) -> int:
    total = 0
    for size in sizes:
        total += size
        if total > most:
            break
    return total


def _zstd_blocks(packed: bytes) -> Iterator[int]:
    """Largest size of each block of all frames; a stated size that exceeds what the blocks give comes too."""
    at = 0
    while at < len(packed):
        (magic,) = struct.unpack_from("<I", packed, at)
        if magic & 0xFFFFFFF0 == _SKIPPABLE:
            at += 8 + struct.unpack_from("<I", packed, at + 4)[0]
            continue
        if magic != _MAGIC:
            raise ValueError("no frame of zstd")
        described = packed[at + 4]
        single = described >> 5 & 1
        at += 5 + (1 - single) + (0, 1, 2, 4)[described & 3]
        width = (single, 2, 4, 8)[described >> 6]
        stated = int.from_bytes(packed[at : at + width], "little") + 256 * (width == 2)
        at, given, last = at + width, 0, False
        while not last:
            head = int.from_bytes(packed[at : at + 3], "little")
            last, kind, size = bool(head & 1), head >> 1 & 3, head >> 3
            if kind == 3 or at + 3 > len(packed):
                raise ValueError("a block of zstd that is none")
            found = _BLOCK if kind == 2 else size
            at, given = at + 3 + (1 if kind == 1 else size), given + found
            yield found
        yield max(0, stated - given)
        at += 4 * (described >> 2 & 1)
