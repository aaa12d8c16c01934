"""Quantities with units: text is parsed with pint and becomes a number in SI.

A comma is a decimal comma (``"50,5 MPa"`` is 50.5 MPa); where it could separate thousands (``"1,500 MPa"``) the text is
refused, since no rule tells the two apart.
"""

import math
import numbers
import re
from functools import cache
from typing import Any

import numpy as np

from advsci.errors import UnitError, needs

__all__ = ["Quantity", "lengths", "number", "si"]

_POWER = re.compile(r"(\^|\*\*)\s*-?\d(\.\d)?(?!\s*(\^|\*\*|\d))")
Quantity = float | int | str | np.floating | np.integer


@cache
def _registry() -> Any:
    with needs("pint", "friction"):
        import pint
    return pint.UnitRegistry()


def number(text: str, name: str = "number") -> float:
    """A number as written by people and instruments, with decimal point or decimal comma.

    Parameters
    ----------
    text
        Digits, such as ``"50.5"``, ``"50,5"`` or ``"1e-9"``.
    name
        What it is, for the error message.

    Returns
    -------
    float
        The number.

    Raises
    ------
    UnitError
        No number, or a comma that may separate thousands.

    Examples
    --------
    >>> number("50,5")
    50.5
    """
    found = text.strip()
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+", found):
        raise UnitError(
            f"got {name}='{found}', whose comma may separate thousands or decimals; expected one reading. "
            f"Try: '{found.replace(',', '')}' or '{found.replace(',', '.', 1)}'."
        )
    try:
        return float(found.replace(",", ".") if found.count(",") == 1 and "." not in found else found)
    except ValueError as error:
        raise UnitError(
            f"got {name}='{found}', which is no number; expected digits with a point or a comma. Try: '50.5'."
        ) from error


def si(value: Quantity, unit: str, name: str = "quantity") -> float:
    """A quantity as a number in the SI unit ``unit``.

    Parameters
    ----------
    value
        Text with a unit (``"50 MPa"``, ``"50MPa"``, ``"0,2 um"``), or a number (numpy's too) in ``unit`` already.
    unit
        An SI unit without prefix: ``"Pa"``, ``"m"``, ``"J/m^2"``; ``""`` for a pure number.
    name
        What it is, for the error message.

    Returns
    -------
    float
        The number in ``unit``.

    Raises
    ------
    UnitError
        Text without a unit, with an unknown one, with one of another dimension, or a number that is NaN.

    Examples
    --------
    >>> si("50MPa", "Pa")
    50000000.0
    """
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        if math.isnan(value):
            raise UnitError(f"got {name}=nan; expected a number. Try: the missing value with its unit, '50 {unit}'.")
        return float(value)
    wanted = f"a quantity in {unit}" if unit else "a number without unit"
    if not isinstance(value, str):
        raise UnitError(
            f"got {name}={value!r}; expected {wanted}. Try: text like '50 {unit or ''}'.".replace(" '.", "'.")
        )
    parts = re.fullmatch(r"\s*([+-]?(?:inf|nan|[\d.,]+(?:[eE][+-]?\d+)?))\s*(.*?)\s*", value)
    if parts is None:
        raise UnitError(f"got {name}='{value}', which is no quantity; expected {wanted}. Try: '50 {unit or ''}'.")
    magnitude, symbol = number(parts[1], name), parts[2].replace("µ", "u").replace("μ", "u")
    if math.isnan(magnitude):
        raise UnitError(f"got {name}='{value}'; expected a number. Try: '50 {unit}'.")
    if len(symbol) > 40 or re.search(r"\^|\*\*|\d{3}", _POWER.sub(" ", symbol)):  # a tower of powers never ends
        raise UnitError(f"got {name}='{value[:60]}', which is no quantity; expected {wanted}. Try: '50 {unit}'.")
    if not symbol and unit:
        raise UnitError(f"got {name}='{value}' without a unit; expected {wanted}. Try: '{value.strip()} {unit}'.")
    registry = _registry()
    try:
        factor = registry.Quantity(1.0, symbol or "dimensionless").to(unit or "dimensionless").magnitude
    except Exception as error:  # pint raises a dozen kinds for a text that is no unit, and for another dimension
        raise UnitError(f"got {name}='{value}'; expected {wanted}. Try: {_nearest(parts[1], symbol, unit)}.") from error
    return magnitude * float(factor)


def _nearest(magnitude: str, symbol: str, unit: str) -> str:
    """The same number with the unit that was probably meant: another case, or an SI unit of the right dimension."""
    order = ("n", "u", "m", "k", "M", "G", "") if unit == "m" else ("M", "G", "k", "m", "u", "n", "")
    known = [prefix + unit for prefix in order] if unit else [""]
    alike = [u for u in known if u.casefold() == symbol.casefold()]
    return f"'{magnitude} {(alike or known[-1:])[0]}'".replace(" '", "'")


def lengths(value: Quantity, name: str = "size") -> tuple[float, ...]:
    """One length, or width and height of a map, in metres.

    Parameters
    ----------
    value
        ``"2 um"``, ``"2 um x 1 um"``, ``"2 x 1 um"``, or a number in metres.
    name
        What it is, for the error message.

    Returns
    -------
    tuple
        (width,) or (width, height) [m].

    Raises
    ------
    UnitError
        No positive lengths, or more than two.

    Examples
    --------
    >>> lengths("2 x 1 um")
    (2e-06, 1e-06)
    """
    if isinstance(value, str):
        parts = [p.strip() for p in re.split(r"\s*[x×]\s*", value.strip())]
        unit = re.search(r"[^\d.,\s]+$", parts[-1])
        found = tuple(
            si(p if re.search(r"[a-zA-Zµμ]", p) else f"{p} {unit[0] if unit else ''}", "m", name) for p in parts
        )
    else:
        found = (si(value, "m", name),)
    if len(found) > 2 or not all(0.0 < length < math.inf for length in found):
        raise UnitError(f"got {name}='{value}'; expected one or two positive lengths. Try: '2 um' or '2 um x 1 um'.")
    return found
