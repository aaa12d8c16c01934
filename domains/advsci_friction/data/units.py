"""Quantities with units: text is parsed with pint and becomes a number in SI."""

from functools import cache
from typing import Any

from advsci.errors import MissingDependencyError, UnitError

__all__ = ["Quantity", "si"]

Quantity = float | int | str


@cache
def _registry() -> Any:
    try:
        import pint
    except ImportError as error:
        raise MissingDependencyError.of("pint", "friction") from error
    return pint.UnitRegistry()


def si(value: Quantity, unit: str, name: str = "quantity") -> float:
    """A quantity as a number in the SI unit ``unit``.

    Parameters
    ----------
    value
        Text with a unit (``"50 MPa"``, ``"50MPa"``, ``"0.2 um"``), or a number that is in ``unit`` already.
    unit
        An SI unit without prefix: ``"Pa"``, ``"m"``, ``"J/m^2"``; ``""`` for a pure number.
    name
        What it is, for the error message.

    Raises
    ------
    UnitError
        Text without a unit, with an unknown one, or with one of another dimension.

    Examples
    --------
    >>> si("50MPa", "Pa")
    50000000.0
    """
    if isinstance(value, int | float):
        return float(value)
    registry = _registry()
    try:
        quantity = registry.Quantity(value)
    except Exception as error:  # pint raises a dozen kinds for text that is no quantity
        raise UnitError(
            f"got {name}='{value}', which is no quantity ({error}); expected text like '5 {unit}'."
        ) from error
    if quantity.dimensionless and unit and str(quantity.units) == "dimensionless":
        raise UnitError(f"got {name}='{value}' without a unit; expected one of {unit}. Try: '{value} {unit}'.")
    try:
        return float(quantity.to(unit or "dimensionless").magnitude)
    except Exception as error:
        raise UnitError(
            f"got {name}='{value}' in {quantity.units}; expected a unit of {unit or 'a pure number'}."
        ) from error
