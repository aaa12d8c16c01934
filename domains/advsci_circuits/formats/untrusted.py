"""Reading text that a stranger wrote: size first, and no XML that defines entities."""

import re
from pathlib import Path

from advsci.errors import DataError

__all__ = ["LARGEST_FILE", "read_text", "read_xml"]

LARGEST_FILE = 20_000_000
"""Bytes; a circuit of a hundred genes needs a hundredth of it."""


def read_text(path: str | Path) -> str:
    """The text of a file.

    Raises
    ------
    DataError
        Where the file is missing, empty, over 20 MB, or not UTF-8.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"got no file at {path}; expected a circuit. Try: check the path")
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise DataError(f"got {path.name} of {size} bytes; expected at most {LARGEST_FILE}. Try: a sub-model")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"got bytes in {path.name} that are not UTF-8; expected a text format") from error
    if not text.strip():
        raise DataError(f"got the empty file {path.name}; expected a circuit")
    return text


def read_xml(path: str | Path) -> str:
    """The text of an XML file without a document type or entity definitions (an entity bomb, or a file read).

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
            "expected plain XML. Try: remove the declaration"
        )
    return text
