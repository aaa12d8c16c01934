"""A manifest: the sha256 of a file, or of every file of a folder, in one JSON file beside it.

A copy that was interrupted, a file that was altered and one that was added are found by it, in any format.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from advsci.errors import DataError
from advsci.files.plain import read_json
from advsci.files.writing import write_whole

__all__ = ["manifest_of", "record_manifest", "verify_manifest"]


def manifest_of(path: str | Path) -> Path:
    """Where the manifest of a file or folder lies.

    Parameters
    ----------
    path
        The file or folder.

    Returns
    -------
    Path
        ``NAME.sha256.json`` beside it.

    Examples
    --------
    >>> manifest_of("data/cells.zarr").as_posix()
    'data/cells.zarr.sha256.json'
    """
    path = Path(path)
    return path.with_name(f"{path.name}.sha256.json")


def record_manifest(path: str | Path) -> Path:
    """Write down what a file or a folder holds now.

    Parameters
    ----------
    path
        The file or folder.

    Returns
    -------
    Path
        The manifest.

    Raises
    ------
    DataError
        Nothing is there, or a file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "counts.csv"
    >>> _ = file.write_text("1,2")
    >>> _ = record_manifest(file)
    >>> list(verify_manifest(file))
    [('counts.csv', 'ok')]
    """
    found = {name: _sha256(file) for name, file in _files(Path(path))}
    return write_whole(manifest_of(path), json.dumps(found, indent=0), DataError)


def verify_manifest(path: str | Path) -> Iterator[tuple[str, str]]:
    """Compare a file or a folder with its manifest, each file read in full.

    Parameters
    ----------
    path
        The file or folder.

    Yields
    ------
    (str, str)
        Name of a file, and ``"ok"``, ``"altered"``, ``"absent"`` or ``"unknown"`` (the manifest does not list it).

    Raises
    ------
    DataError
        There is no manifest, or it cannot be read.
    """
    listed = read_json(manifest_of(path), expected="a manifest of sha256", most=2**30)
    there = dict(_files(Path(path))) if Path(path).exists() else {}
    for name in sorted({*listed, *there}):
        if name not in there:
            yield name, "absent"
        elif name not in listed:
            yield name, "unknown"
        else:
            yield name, "ok" if _sha256(there[name]) == listed[name] else "altered"


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if path.is_file():
        yield path.name, path
        return
    if not path.is_dir():
        raise DataError(f"got {path}; expected a file or a folder. Try: check the path.")
    for where, _, files in os.walk(path):
        for name in files:
            yield (Path(where) / name).relative_to(path).as_posix(), Path(where) / name


def _sha256(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"got {path}: {error}; expected a readable file. Try: check its permissions.") from None
