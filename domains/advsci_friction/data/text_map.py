"""Heights as text: a matrix, columns of x, y and height, or the text export of Gwyddion, with point or comma.

Separators are spaces, tabs, semicolons or commas; a comma is the decimal comma where another separator stands. Lines
that begin with ``#`` may state width, height and the unit of the values, as Gwyddion writes them.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from advsci.errors import DataError
from advsci.files.text import unpacked
from advsci_friction.data.units import si

__all__ = ["TextMap", "read_text_map"]

LARGEST = 500_000_000
"""Bytes of a text of heights."""


@dataclass(frozen=True)
class TextMap:
    """What a text file says.

    Attributes
    ----------
    heights
        (ny, nx) heights in the file's unit.
    size
        Width and height of the map as the file states them, or None.
    length_unit, height_unit
        Units of size and heights as the file states them, or None.
    """

    heights: Float[np.ndarray, "ny nx"]
    size: tuple[float, float] | None = None
    length_unit: str | None = None
    height_unit: str | None = None


def read_text_map(path: str | Path) -> TextMap:
    """Read a text file of heights.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    TextMap
        Heights, and what the file states about size and units.

    Raises
    ------
    DataError
        An empty file, a word among the numbers, lines of unequal length, a profile, or points that fill no grid.
    UnitError
        Width and height in two units that are not both lengths.
    """
    path = Path(path)
    raw = unpacked(path, LARGEST)
    try:
        lines = raw.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        lines = raw.decode("latin-1").splitlines()
    header = {}
    rows: list[tuple[int, list[str]]] = []
    separator, comma = _separator(lines)
    for i, line in enumerate(lines, 1):
        text = line.strip()
        if text.startswith("#"):
            key, _, value = text.lstrip("# ").partition(":")
            header[key.strip().lower()] = value.strip()
        elif text and (rows or re.match(r"[+-]?[\d.,]|nan|bad|--", text, re.I)):
            rows.append((i, [t for t in re.split(separator, text) if t]))
    if not rows:
        raise DataError(f"{path}: got no numbers; expected a matrix of heights. Try: the text export of your program.")
    table = np.array(_numbers(path, rows, comma))
    if table.shape[1] in (2,) or 1 in table.shape:
        raise DataError(
            f"{path}: got a profile of {len(table)} lines; expected a map. Try: solve_contact(heights, ..., size=(L,))."
        )
    if table.shape[1] == 3 and len(table) > 9:
        heights, size = _grid(path, table)
        return TextMap(heights, size)
    size, unit = _stated_size(header)
    return TextMap(table, size, unit, header.get("value units"))


def _separator(lines: list[str]) -> tuple[str, bool]:
    """The regular expression that splits a line, and whether a comma is a decimal comma."""
    body = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    if ";" in body:
        return r"\s*;\s*", "," in body
    spaced = re.search(r"\d[ \t]+[+-]?\d", body)
    if "," in body and spaced and "." not in body:
        return r"[ \t]+", True
    return r"[,\s]+", False


def _numbers(path: Path, rows: list[tuple[int, list[str]]], comma: bool) -> list[list[float]]:
    width = len(rows[0][1])
    table = []
    for i, words in rows:
        values = []
        for word in words:
            try:
                values.append(float(word.replace(",", ".") if comma else word))
            except ValueError:
                if word.lower() in ("bad", "--", "n/a", "na", "***"):
                    values.append(np.nan)
                    continue
                raise DataError(
                    f"{path}, line {i}: got '{word}' among the heights; expected numbers, or nan where a pixel is "
                    "undefined. Try: mend the line."
                ) from None
        if len(values) != width:
            raise DataError(
                f"{path}, line {i}: got {len(values)} values; expected {width} as in the lines before. "
                "Try: export the map again, whole."
            )
        table.append(values)
    return table


def _grid(path: Path, table: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """Points (x, y, height) on a regular grid as a map, with its size."""
    x, y = np.unique(table[:, 0]), np.unique(table[:, 1])
    step = [np.diff(v) for v in (x, y)]
    even = all(len(d) and np.ptp(d) < 0.01 * d.mean() for d in step)
    if len(x) * len(y) != len(table) or not even:
        raise DataError(
            f"{path}: got {len(table)} points on {len(x)} x {len(y)} places; expected a regular grid of points. "
            "Try: interpolate them to a grid in the instrument's program."
        )
    heights = np.full((len(y), len(x)), np.nan)
    heights[np.searchsorted(y, table[:, 1]), np.searchsorted(x, table[:, 0])] = table[:, 2]
    return heights, (len(x) * float(step[0].mean()), len(y) * float(step[1].mean()))


def _stated_size(header: dict[str, str]) -> tuple[tuple[float, float] | None, str | None]:
    """Width and height that a header states, in the width's unit.

    Gwyddion writes the names in the user's language and each length in a unit of its own; where the names are not
    English, the two lengths of the header are they, the width first.
    """
    lengths = [header[key] for key in ("width", "height") if key in header]
    lengths = lengths or [value for value in header.values() if re.fullmatch(r"[\d.,eE+-]+\s*[a-zA-Zµμ]?m", value)]
    found = [re.fullmatch(r"([\d.,eE+-]+)\s*(\S+)", value) for value in lengths]
    if len(found) != 2 or found[0] is None or found[1] is None:
        return None, None
    width, height = (float(length[1].replace(",", ".")) for length in found if length)
    unit, other = found[0][2], found[1][2]
    if {unit, other} & {"px", "pixel", "pixels"}:  # pint takes a pixel for a length: 1/96 of an inch
        return None, None
    if other != unit:
        height *= si(f"1 {other}", "m", "height of the map") / si(f"1 {unit}", "m", "width of the map")
    return (width, height), unit
