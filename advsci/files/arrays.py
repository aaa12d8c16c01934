"""Arrays on disk: npz and npy of strangers within a budget and without pickles; ours with their hash inside.

An npz file is a zip of arrays, each of which declares its shape; a file of a few kilobytes can declare, and unpack to,
any size. What is declared is compared with the budget before anything is unpacked.
"""

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from advsci.errors import AdvsciError, CheckpointError, DataError
from advsci.files.budget import memory_budget, require_room
from advsci.files.named import reading
from advsci.files.writing import write_whole

__all__ = ["read_array", "read_arrays", "read_npy", "write_arrays"]

_HASH = "sha256"
_NUMBERS_AND_TEXT = "biufcUSM"


def write_arrays(path: str | Path, arrays: Mapping[str, Any], error: type[AdvsciError] = CheckpointError) -> Path:
    """Write arrays to one npz file, with the hash of all of them inside.

    Parameters
    ----------
    path
        The file, which ends in ``.npz``.
    arrays
        Name -> array of numbers or text.
    error
        The kind of error that is raised.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    AdvsciError
        The file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> file = write_arrays(tempfile.mkdtemp() + "/designs.npz", {"slope": np.array([0.1, 0.2])})
    >>> read_arrays(file, whole=True)["slope"]
    array([0.1, 0.2])
    """
    held = {name: np.asarray(array) for name, array in arrays.items()}
    content = io.BytesIO()
    np.savez_compressed(content, **{**held, _HASH: np.array(_digest(held))})  # type: ignore[arg-type]
    return write_whole(path, content.getvalue(), error)


def read_arrays(
    path: str | Path,
    names: Iterable[str] | None = None,
    *,
    whole: bool = False,
    expected: str = "an npz file of arrays",
    try_: str = "numpy.savez_compressed",
    error: type[AdvsciError] = DataError,
    budget: int | None = None,
) -> dict[str, np.ndarray]:
    """The arrays of an npz file.

    Parameters
    ----------
    path
        The file.
    names
        Only these, as far as they are there; None reads all.
    whole
        The file must carry the hash that `write_arrays` put inside. Where a hash is inside it is verified in any case
        in which all arrays are read.
    expected, try_
        What the file should be and the advice, in words.
    error
        The kind of error that is raised.
    budget
        Most bytes that the arrays may fill together; None takes `advsci.files.memory_budget`.

    Returns
    -------
    dict
        Name -> array of numbers or text.

    Raises
    ------
    AdvsciError
        No such file; no npz; truncated or altered; pickled objects; more bytes than the budget.

    Examples
    --------
    >>> import tempfile
    >>> file = tempfile.mkdtemp() + "/mine.npz"
    >>> np.savez(file, x=np.zeros(3))
    >>> read_arrays(file)["x"].shape
    (3,)
    """
    wanted = None if names is None or whole else set(names)
    with reading(path, expected, try_, error), zipfile.ZipFile(path) as file:
        found = [info for info in file.infolist() if info.filename.endswith(".npy")]
        titles = [info.filename.removesuffix(".npy") for info in found]
        if len(set(titles)) < len(titles):
            raise ValueError("two arrays of one name")
        chosen = [(t, i) for t, i in zip(titles, found, strict=True) if wanted is None or t in wanted]
        room = memory_budget() if budget is None else budget
        require_room(path, sum(info.file_size for _, info in chosen), "arrays", room)
        arrays = {}
        for title, info in chosen:
            with file.open(info) as member:
                arrays[title] = read_npy(member, info.file_size)
    stated = arrays.pop(_HASH, None) if wanted is None else None
    if stated is None and whole:
        raise error(f"{path}: got no sha256 inside; expected {expected} as it was written. Try: {try_}.")
    if stated is not None and str(stated) != _digest(arrays):
        raise error(
            f"{path} was altered: got arrays that differ from the sha256 inside; expected {expected} as it was "
            f"written. Try: {try_}."
        )
    return arrays


def read_array(
    path: str | Path,
    *,
    expected: str = "an npy file of one array",
    try_: str = "numpy.save",
    error: type[AdvsciError] = DataError,
    budget: int | None = None,
) -> np.ndarray:
    """The array of an npy file.

    Parameters
    ----------
    path
        The file.
    expected, try_, error, budget
        As for `read_arrays`.

    Returns
    -------
    numpy.ndarray
        Numbers or text.

    Raises
    ------
    AdvsciError
        As `read_arrays`.

    Examples
    --------
    >>> import tempfile
    >>> file = tempfile.mkdtemp() + "/mine.npy"
    >>> np.save(file, np.zeros(3))
    >>> read_array(file).shape
    (3,)
    """
    with reading(path, expected, try_, error), open(path, "rb") as file:
        size = Path(path).stat().st_size
        require_room(path, size, "an array", budget)
        return read_npy(file, size)


def read_npy(file: Any, size: int) -> np.ndarray:
    """An array in npy's format whose header agrees with its size; pickles are never read.

    Parameters
    ----------
    file
        A binary file at the start of the array.
    size
        Bytes of the array with its header.

    Returns
    -------
    numpy.ndarray
        Numbers or text.

    Raises
    ------
    ValueError, EOFError
        Another version, objects in it, or a shape that does not fill the size.
    """
    version = np.lib.format.read_magic(file)
    header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if header is None:
        raise ValueError(f"an array of version {version}")
    shape, fortran, kind = header(file)
    if kind.hasobject or any(part.kind not in _NUMBERS_AND_TEXT for part in _parts(kind)):
        raise ValueError(f"an array of {kind}, which is no array of numbers or text")
    count = math.prod(shape)
    if file.tell() + count * kind.itemsize != size:
        raise ValueError(f"an array of shape {shape} and type {kind} in {size:,} bytes")
    flat = np.empty(count, kind)
    view, done = memoryview(flat.view(np.uint8).reshape(-1).data) if flat.nbytes else memoryview(b""), 0
    while done < flat.nbytes:
        read = file.readinto(view[done:])
        if not read:
            raise EOFError(f"{done:,} bytes of {flat.nbytes:,}")
        done += read
    while file.read(2**16):  # a zip member is compared with its checksum at its end
        pass
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


def _parts(kind: np.dtype) -> list[np.dtype]:
    return [part for name in kind.names for part in _parts(kind[name])] if kind.names else [kind.base]


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    """sha256 over every array's name, type, shape and bytes, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(json.dumps([name, array.dtype.str, list(arrays[name].shape)]).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
