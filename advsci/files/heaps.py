"""Heaps of HDF5: where texts of any length lie, whose damage makes the HDF5 library go round for ever.

A global heap collection is ``GCOL``, version 1, three zeros and its size, then objects of a header of 16 bytes (index,
references, four zeros, size) and their content, padded to eight bytes. The object of index 0 is what is free, header
included, up to the end. The library steps over it by its size: where damage made an index 0 of size 0, it never ends.
(HDF5 file format specification 3.0, III.E.)
"""

import mmap
import struct
from pathlib import Path

__all__ = ["damaged_heap"]

_START = b"GCOL\x01\0\0\0"
_HEADER = struct.Struct("<HH4xQ")
WINDOW = 2**26
"""Bytes that are looked at together, a multiple of a page; their memory is given back before the next."""


def damaged_heap(path: str | Path) -> str:
    """Look through a file's heaps; the file is mapped, not read into memory.

    Parameters
    ----------
    path
        An HDF5 file.

    Returns
    -------
    str
        What is wrong, in words; empty where every heap can be stepped through.

    Examples
    --------
    >>> import tempfile, h5py
    >>> path = tempfile.mkdtemp() + "/texts.h5"
    >>> with h5py.File(path, "w") as file:
    ...     file["names"] = ["a", "bc"]
    >>> damaged_heap(path)
    ''
    """
    with open(path, "rb") as file:
        if not file.seek(0, 2):
            return ""
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for begin in range(0, len(content), WINDOW):
                end = begin + WINDOW + len(_START) - 1
                at = content.find(_START, begin, end)
                while at >= 0:
                    if problem := _problem(content, at):
                        return f"its heap of texts at byte {at} {problem}"
                    at = content.find(_START, at + len(_START), end)
                if hasattr(mmap, "MADV_DONTNEED"):
                    content.madvise(mmap.MADV_DONTNEED, begin, min(WINDOW, len(content) - begin))
    return ""


def _problem(content: mmap.mmap, start: int) -> str:
    """What is wrong with the collection that begins at a byte."""
    if start + 16 > len(content):
        return "is cut short"
    (size,) = struct.unpack_from("<Q", content, start + 8)
    end = start + size
    if end > len(content):
        return "is cut short"
    at = start + 16
    while at + _HEADER.size <= end:
        index, _, length = _HEADER.unpack_from(content, at)
        if index == 0:
            return "" if at + length == end else "has a hole"
        at += _HEADER.size + -(-length // 8) * 8
        if at > end:
            return "has a text that is longer than the heap"
    return ""
