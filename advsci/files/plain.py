"""JSON and TOML of strangers: plain data, of bounded size and depth, without numbers of a thousand digits."""

import json
import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from advsci.errors import AdvsciError, DataError
from advsci.files.text import LARGEST_TEXT, read_text

__all__ = ["check_plain", "parse_json", "parse_toml", "read_json"]

_DEEPEST = 64
_LARGEST_INTEGER = 2**128


def read_json(
    path: str | Path,
    kind: type = dict,
    *,
    expected: str = "JSON",
    most: int = LARGEST_TEXT,
    error: type[AdvsciError] = DataError,
) -> Any:
    """What a JSON file holds.

    Parameters
    ----------
    path
        The file, in UTF-8.
    kind
        ``dict`` or ``list``: what must stand at its top; ``object`` takes anything.
    expected
        What it should hold, in words.
    most
        Largest size [bytes].
    error
        The kind of error that is raised.

    Returns
    -------
    dict or list
        Plain data.

    Raises
    ------
    AdvsciError
        The file is missing, empty, too large, not UTF-8, no JSON, nested too deep, or holds another kind.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "card.json"
    >>> _ = file.write_text('{"width": 64}')
    >>> read_json(file)
    {'width': 64}
    """
    return parse_json(
        read_text(path, expected=expected, most=most, error=error), str(path), kind, expected=expected, error=error
    )


def parse_json(
    text: str | bytes, name: str, kind: type = dict, *, expected: str = "JSON", error: type[AdvsciError] = DataError
) -> Any:
    """As `read_json`, of text that is here already.

    Parameters
    ----------
    text
        JSON.
    name
        Where it comes from, for errors.
    kind, expected, error
        As for `read_json`.

    Returns
    -------
    dict or list
        Plain data.

    Raises
    ------
    AdvsciError
        As `read_json`.

    Examples
    --------
    >>> parse_json("[1, 2]", "a list", list)
    [1, 2]
    """
    return _parsed(json.loads, text, name, kind, expected, error)


def parse_toml(
    text: str, name: str, *, expected: str = "a TOML file", error: type[AdvsciError] = DataError
) -> dict[str, Any]:
    """The tables of TOML text.

    Parameters
    ----------
    text
        TOML.
    name
        Where it comes from, for errors.
    expected, error
        As for `read_json`.

    Returns
    -------
    dict
        Plain data.

    Raises
    ------
    AdvsciError
        The text is no TOML, is nested too deep, or holds a number that is no number of 64 bits.

    Examples
    --------
    >>> parse_toml("steps = 3", "settings.toml")
    {'steps': 3}
    """
    return _parsed(tomllib.loads, text, name, dict, expected, error)


def _parsed(
    parse: Callable[[Any], Any], text: str | bytes, name: str, kind: type, expected: str, error: type[AdvsciError]
) -> Any:
    try:
        value = parse(text)
    except RecursionError:
        raise error(
            f"{name}: got data nested over {_DEEPEST} deep; expected {expected}. Try: a flatter file."
        ) from None
    except (ValueError, MemoryError, OverflowError) as problem:
        said = str(problem).rstrip(".")[:200]
        raise error(
            f"{name}: got text that cannot be read ({said}); expected {expected}. Try: mend it there."
        ) from None
    if not isinstance(value, kind):
        raise error(
            f"{name}: got {type(value).__name__} at the top; expected {expected}, which is a {kind.__name__}. "
            "Try: the file that was written."
        )
    problem = check_plain(value)
    if problem:
        raise error(f"{name}: got {problem}; expected {expected}. Try: the file that was written.")
    return value


def check_plain(value: Any) -> str | None:
    """What is wrong with plain data, in words; None where nothing is.

    Parameters
    ----------
    value
        Dicts, lists, strings and numbers, in any order.

    Returns
    -------
    str or None
        Nested over 64 deep, or an integer of more than 128 bits.

    Examples
    --------
    >>> check_plain({"seed": 10**50})
    'an integer of 51 digits'
    """
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, int) and abs(item) > _LARGEST_INTEGER:
                return f"an integer of {int(item.bit_length() * math.log10(2)) + 1} digits"
        if not below:
            return None
        level = below
    return f"data nested over {_DEEPEST} deep"
