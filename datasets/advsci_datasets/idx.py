"""The IDX format of MNIST and its kin: a big-endian header of sizes, then the bytes."""

import gzip
import struct
from math import prod
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from advsci.errors import DataError
from advsci.files.named import reading

__all__ = ["read_idx"]

_LARGEST = 2**30
"""Bytes, unpacked; MNIST has 47 million."""


def read_idx(path: Path) -> UInt8[np.ndarray, "..."]:
    """The array of unsigned bytes in a gzipped IDX file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    array
        uint8, of the shape that the file states.

    Raises
    ------
    DataError
        If the file is no gzip, no IDX of bytes, or shorter or longer than its header says.
    """
    with reading(path, "an IDX file, gzipped", "fetch it again"), gzip.open(path) as file:
        raw = file.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise DataError(f"{path}: got over {_LARGEST:,} bytes; expected an IDX file. Try: fetch it again.")
    if len(raw) < 4 or raw[:3] != b"\x00\x00\x08" or len(raw) < 4 + 4 * raw[3]:
        raise DataError(
            f"{path} is no IDX file of bytes: got the header {raw[:4].hex()}, expected 000008. Try: fetch it again."
        )
    shape = struct.unpack(f">{raw[3]}I", raw[4 : 4 + 4 * raw[3]])
    body = raw[4 + 4 * raw[3] :]
    if len(body) != prod(shape):
        raise DataError(
            f"{path} is truncated or altered: got {len(body)} bytes, expected {prod(shape)} for shape {shape}. "
            "Try: fetch it again."
        )
    return np.frombuffer(body, np.uint8).reshape(shape)
