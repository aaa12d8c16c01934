"""Signs of regulators from a truth table: never believed, always computed."""

from collections.abc import Sequence

import numpy as np

from advsci.errors import DataError

__all__ = ["MOST_INPUTS", "table_signs", "truth_columns"]

MOST_INPUTS = 18
"""2^18 rows of a truth table."""


def truth_columns(names: Sequence[str], where: str) -> dict[str, np.ndarray]:
    """One boolean column per name: all combinations of them, the first name fastest.

    Parameters
    ----------
    names
        The regulators of one rule.
    where
        Which rule, for the error.

    Raises
    ------
    DataError
        On more than 18 names.
    """
    if len(names) > MOST_INPUTS:
        raise DataError(
            f"got a rule with {len(names)} regulators in {where}; expected at most {MOST_INPUTS}. Try: split the rule."
        )
    bits = np.arange(1 << len(names))
    return {name: (bits >> k) & 1 == 1 for k, name in enumerate(names)}


def table_signs(table: np.ndarray, names: Sequence[str]) -> dict[str, int]:
    """Sign of every regulator that has an effect.

    Parameters
    ----------
    table : boolean array, shape [2^regulators]
        The rule's values in the order of `truth_columns`.
    names
        The regulators.

    Returns
    -------
    dict
        +1, -1, or 0 where a regulator acts both ways; those without effect are left out.

    Examples
    --------
    >>> columns = truth_columns(["a", "b"], "an example")
    >>> table_signs(columns["a"] & ~columns["b"], ["a", "b"])
    {'a': 1, 'b': -1}
    """
    cube = table.reshape((2,) * len(names))
    signs: dict[str, int] = {}
    for k, name in enumerate(names):
        off, on = np.split(cube, 2, axis=len(names) - 1 - k)
        rises, falls = bool((~off & on).any()), bool((off & ~on).any())
        if rises or falls:
            signs[name] = int(rises) - int(falls)
    return signs
