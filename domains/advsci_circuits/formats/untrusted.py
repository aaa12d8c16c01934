"""Reading text that a stranger wrote: size first, also of what a gzip file unpacks to, and no XML with entities."""

import gzip
import re
import zlib
from pathlib import Path

from advsci.errors import DataError

__all__ = ["LARGEST_FILE", "read_text", "read_xml"]

LARGEST_FILE = 20_000_000
"""Bytes, unpacked; a circuit of a hundred genes needs a hundredth of it."""


def read_text(path: str | Path) -> str:
    """The text of a file, unpacked where its name ends in ``.gz``.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    str

    Raises
    ------
    DataError
        Where the file is missing, empty, over 20 MB, no gzip file though it is named so, or not UTF-8.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"got no file at {path}; expected a circuit. Try: check the path.")
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"got {path.name} that gzip cannot unpack ({error}); expected a gzip file. Try: gzip -t."
        ) from error
    if len(raw) > LARGEST_FILE:
        raise DataError(f"got over {LARGEST_FILE} bytes in {path.name}; expected at most so many. Try: a sub-model.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"got bytes in {path.name} that are not UTF-8; expected text. Try: save it as UTF-8."
        ) from error
    if not text.strip():
        raise DataError(f"got the empty file {path.name}; expected a circuit. Try: export it again.")
    return text


def read_xml(path: str | Path) -> str:
    """The text of an XML file without a document type or entity definitions (an entity bomb, or a file read).

    Parameters
    ----------
    path
        The file, also gzipped.

    Returns
    -------
    str

    Raises
    ------
    DataError
        As `read_text`, and on any DOCTYPE or ENTITY declaration.
    """
    text = read_text(path)
    found = re.search(r"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE)
    if found:
        raise DataError(
            f"got the XML declaration {found[1].upper()} in {Path(path).name}: entities can exhaust memory; "
            "expected plain XML. Try: remove the declaration."
        )
    return text
