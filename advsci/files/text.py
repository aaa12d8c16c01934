"""Text that a stranger wrote: its size first, also of what a gzip file unpacks to, then its encoding."""

import gzip
import zlib
from pathlib import Path

from advsci.errors import AdvsciError, DataError

__all__ = ["LARGEST_TEXT", "read_text", "unpacked"]

LARGEST_TEXT = 20_000_000
"""Bytes, unpacked, where nothing else is said."""


def unpacked(path: str | Path, most: int, error: type[AdvsciError] = DataError, *, expected: str = "a file") -> bytes:
    """The bytes of a file, unpacked where its name ends in ``.gz``; no more than ``most`` are ever made.

    Parameters
    ----------
    path
        The file.
    most
        Largest size [bytes].
    error
        The kind of error that is raised.
    expected
        What it should be, in words.

    Returns
    -------
    bytes
        All of them.

    Raises
    ------
    AdvsciError
        The file is missing, cannot be read, is no gzip file though its name says so, or is larger.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "numbers.txt"
    >>> _ = file.write_text("1 2 3")
    >>> unpacked(file, most=10)
    b'1 2 3'
    """
    path = Path(path)
    if not path.is_file():
        raise error(f"got no file at {path}; expected {expected}. Try: check the path.")
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            raw = file.read(most + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise error(
            f"got {path.name} that gzip cannot unpack ({problem}); expected a gzip file. Try: gzip -t."
        ) from problem
    except OSError as problem:
        raise error(f"got {path}: {problem}; expected a readable file. Try: check its permissions.") from problem
    if len(raw) > most:
        raise error(f"got over {most:,} bytes in {path.name}; expected at most so many. Try: a part of it.")
    return raw


def read_text(
    path: str | Path, *, expected: str = "text", most: int = LARGEST_TEXT, error: type[AdvsciError] = DataError
) -> str:
    """The text of a file, unpacked where its name ends in ``.gz``.

    Parameters
    ----------
    path
        The file.
    expected
        What it should hold, in words.
    most
        Largest size [bytes].
    error
        The kind of error that is raised.

    Returns
    -------
    str
        Without a byte order mark.

    Raises
    ------
    AdvsciError
        As `unpacked`, and where the file is empty or not UTF-8.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "circuit.bnet"
    >>> _ = file.write_text("A, !B", encoding="utf-8-sig")
    >>> read_text(file)
    'A, !B'
    """
    raw = unpacked(path, most, error, expected=expected)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise error(
            f"got bytes in {Path(path).name} that are not UTF-8; expected {expected}. Try: save it as UTF-8."
        ) from problem
    if not text.strip():
        raise error(f"got the empty file {Path(path).name}; expected {expected}. Try: export it again.")
    return text
