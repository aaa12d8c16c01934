"""The chunks of a zarr array: which are missing, and to how much each unpacks.

What an array declares binds nobody who writes a chunk: a chunk of a kilobyte may unpack to gigabytes, and one of text
says in its first four bytes how many texts it holds, for each of which the reader makes room. Both are counted before
zarr opens a chunk (`advsci.files.unpacking`).
"""

import math
import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from advsci.files.unpacking import LARGEST_RATIO, unpacked_size

__all__ = ["audit_chunks", "codec_name", "missing_chunk"]

_TEXT = ("vlen-utf8", "vlen-bytes", "vlen-array")
_BY_HEADER = ("blosc", "lz4")
_SUMS_AHEAD = ("crc32", "adler32")
_NOTHING = 2**64 - 1


def codec_name(item: Any) -> str:
    """Name of a codec in the description of an array, of either version of zarr.

    Parameters
    ----------
    item
        What stands there: ``{"id": ...}``, ``{"name": ...}`` or a name.

    Returns
    -------
    str
        Without the prefix of numcodecs.

    Examples
    --------
    >>> codec_name({"name": "numcodecs.zlib"})
    'zlib'
    """
    found = item.get("id", item.get("name")) if isinstance(item, dict) else item
    return str(found).removeprefix("numcodecs.")


def missing_chunk(where: Path, about: Mapping[str, Any], shape: Sequence[int], chunk: Sequence[int]) -> str:
    """Path of the first chunk that is not there, relative to the array.

    Parameters
    ----------
    where
        Folder of the array.
    about
        Its description.
    shape, chunk
        Of the array and of one chunk.

    Returns
    -------
    str
        Empty where all are there.
    """
    if about.get("zarr_format") == 2:
        start, separator = "", about.get("dimension_separator", ".")
    else:
        keys = about["chunk_key_encoding"]
        default = keys["name"] == "default"
        separator = (keys.get("configuration") or {}).get("separator", "/" if default else ".")
        start = f"c{separator}" if default else ""
    counts = [-(-n // c) for n, c in zip(shape, chunk, strict=True)]
    for number in range(math.prod(counts)):  # a damaged shape may promise more places than memory could list
        index = []
        for count in reversed(counts):
            number, place = divmod(number, count)
            index.append(str(place))
        key = start + separator.join(reversed(index))
        if not (where / key).is_file():
            return key
    return ""


def audit_chunks(where: Path, about: Mapping[str, Any], count: int, budget: int) -> Iterator[str]:
    """What is wrong with the chunks of an array, in words; the first that is wrong ends the search.

    Parameters
    ----------
    where
        Folder of the array.
    about
        Its description.
    count
        Values in one chunk.
    budget
        Most bytes that a chunk, or all text of the array, may fill.

    Yields
    ------
    str
        At most one sentence.
    """
    version2 = about.get("zarr_format") == 2
    chain = [*(about.get("filters") or []), about.get("compressor")] if version2 else about.get("codecs", [])
    chain = [item for item in chain if item is not None]
    shards = [item for item in chain if codec_name(item) == "sharding_indexed"]
    total = 0
    try:
        if shards and len(chain) > 1:
            raise ValueError("is packed round its shards, which is not known")
        inner = shards[0]["configuration"] if shards else None
        form = _Form.of([codec_name(item) for item in (inner["codecs"] if inner else chain)])
        held = math.prod(int(n) for n in inner["chunk_shape"]) if inner else count
        for path in _files(where):
            parts = _shard(path, inner, count // max(held, 1)) if inner else [(0, path.stat().st_size)]
            for start, size in parts:
                total += form.size(path, start, size, held, budget)
                if total > budget and form.text:
                    raise ValueError(f"holds text of over {budget / 1e9:.3g} GB")
    except Exception as error:  # a description may hold anything, and so may a chunk
        yield str(error) if str(error).startswith(("is ", "has ", "holds ")) else f"has a chunk that is none: {error}"


class _Form:
    """How the chunks of an array are packed."""

    def __init__(self, packing: str | None, ahead: int, text: bool):
        self.packing, self.ahead, self.text = packing, ahead, text

    @classmethod
    def of(cls, names: Sequence[str]) -> "_Form":
        """The form that the ``names`` of a chain of codecs describe; a `ValueError` where two of them pack."""
        packing = [name for name in names if name in LARGEST_RATIO]
        if len(packing) > 1:
            raise ValueError(f"is packed twice, by {' and '.join(packing)}")
        behind = names[names.index(packing[0]) + 1 :] if packing else ()
        ahead = 4 * sum(name in _SUMS_AHEAD for name in behind)
        return cls(packing[0] if packing else None, ahead, any(name in _TEXT for name in names))

    def size(self, path: Path, start: int, size: int, count: int, budget: int) -> int:
        """Bytes that a chunk unpacks to, where that was counted, else 0; a `ValueError` where it is too much.

        Parameters
        ----------
        path, start, size
            File of the chunk, where in it the chunk begins, and how many bytes it has.
        count
            Values in the chunk.
        budget
            Most bytes that it may unpack to.
        """
        if self.packing is None and not self.text:
            return 0
        ratio = LARGEST_RATIO.get(self.packing or "", 1)
        if size * ratio <= budget and not self.text:
            return 0
        with open(path, "rb") as file:
            file.seek(start + self.ahead)
            packed = file.read(16 if self.packing in _BY_HEADER and not self.text else size - self.ahead)
        unpacked = len(packed) if self.packing is None else unpacked_size(self.packing, packed, budget)
        if unpacked > budget:
            raise ValueError(f"has a chunk {path.name} that unpacks to over {budget / 1e9:.3g} GB")
        if not self.text:
            return unpacked
        stated = struct.unpack("<I", _start(self.packing, packed))[0]
        if stated > count:
            raise ValueError(f"has a chunk {path.name} of {stated:,} texts; expected {count:,}")
        return unpacked + 57 * stated


def _start(packing: str | None, packed: bytes) -> bytes:
    """The first four bytes of a chunk of which it is known that it may be unpacked."""
    if packing is None:
        return packed[:4]
    if packing in ("zlib", "gzip"):
        return zlib.decompressobj(wbits=47).decompress(packed, 4)
    import numcodecs

    codec: Any = numcodecs.get_codec({"id": packing})
    try:
        return bytes(codec.decode(packed))[:4]
    except RuntimeError as error:  # of zstd, lz4 and blosc
        raise ValueError(str(error)) from None


def _files(where: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(where):
        yield from (Path(folder) / name for name in sorted(names) if name[:1] != "." and name != "zarr.json")


def _shard(path: Path, inner: Mapping[str, Any], count: int) -> list[tuple[int, int]]:
    """(place, size) of the chunks of a shard; its index is of plain numbers, perhaps with a crc32c behind them."""
    index = [codec_name(item) for item in inner.get("index_codecs", [])]
    if set(index) - {"bytes", "crc32c"}:
        raise ValueError(f"is a shard with an index of {index}, which is not known")
    length, whole = 16 * count, path.stat().st_size
    behind = length + 4 * ("crc32c" in index)
    with open(path, "rb") as file:
        file.seek(0 if inner.get("index_location", "end") == "start" else max(0, whole - behind))
        numbers = struct.unpack(f"<{2 * count}Q", file.read(length))
    found = [(at, size) for at, size in zip(numbers[::2], numbers[1::2], strict=True) if at != _NOTHING]
    if any(at + size > whole for at, size in found):
        raise ValueError("has a shard whose index leads behind its end")
    return found
