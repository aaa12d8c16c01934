"""XML of strangers: no entities, which can exhaust memory or read files, and no nesting that overflows a stack."""

import re
from pathlib import Path
from xml.parsers import expat

from advsci.errors import DataError
from advsci.files.text import read_text

__all__ = ["check_xml", "read_xml"]

_DEEPEST = 300
"""Nested elements; parsers of models recurse in C, where too deep is a crash. Real files nest about thirty deep."""


def read_xml(path: str | Path, *, expected: str = "XML") -> str:
    """The text of an XML file that is safe to hand to a parser.

    Parameters
    ----------
    path
        The file, also gzipped.
    expected
        What it should hold, in words.

    Returns
    -------
    str
        The text.

    Raises
    ------
    DataError
        As `read_text`, and `check_xml`.
    """
    text = read_text(path, expected=expected)
    check_xml(text, Path(path).name)
    return text


def check_xml(text: str, name: str) -> None:
    """Refuse XML with a document type or entity definitions, that is nested too deep, or that is not well formed.

    Parameters
    ----------
    text
        The XML.
    name
        The file's name, for errors.

    Raises
    ------
    DataError
        With the line, where the text is not well formed.

    Examples
    --------
    >>> check_xml("<a><b/></a>", "small.xml")
    """
    found = re.search(r"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE)
    if found:
        raise DataError(
            f"got the XML declaration {found[1].upper()} in {name}: entities can exhaust memory; expected plain XML. "
            "Try: remove the declaration."
        )
    depth = deepest = 0

    def opens(*_: object) -> None:
        nonlocal depth, deepest
        depth += 1
        deepest = max(deepest, depth)
        if depth > _DEEPEST:
            raise DataError(
                f"got XML in {name} nested over {_DEEPEST} deep; expected a flatter file. Try: split long formulas."
            )

    def closes(*_: object) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler, parser.EndElementHandler = opens, closes
    try:
        parser.Parse(text.encode("utf-8", "surrogatepass"), True)
    except DataError:
        raise
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise DataError(
            f"got XML in {name} that does not parse ({error}); expected a well-formed file. Try: export it again."
        ) from None
