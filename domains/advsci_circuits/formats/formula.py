"""Values of SBML formulas: libsbml's trees on numbers or arrays."""

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from advsci.errors import DataError

__all__ = ["FUNCTIONS", "TIME", "check_supported", "evaluate", "kind_of", "names_in"]

TIME = "\0time"
"""Key of the time among the values: no gene can be named so."""
DEEPEST = 200
"""Nested formulas."""
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "AST_FUNCTION_EXP": np.exp, "AST_FUNCTION_LN": np.log, "AST_FUNCTION_ABS": np.abs, "AST_FUNCTION_SIN": np.sin,
    "AST_FUNCTION_COS": np.cos, "AST_FUNCTION_TAN": np.tan, "AST_FUNCTION_SINH": np.sinh, "AST_FUNCTION_COSH": np.cosh,
    "AST_FUNCTION_TANH": np.tanh, "AST_FUNCTION_ARCTAN": np.arctan, "AST_FUNCTION_ARCSIN": np.arcsin,
    "AST_FUNCTION_ARCCOS": np.arccos, "AST_FUNCTION_FLOOR": np.floor, "AST_FUNCTION_CEILING": np.ceil,
    "AST_FUNCTION_MAX": lambda *x: np.maximum.reduce(np.broadcast_arrays(*x)),
    "AST_FUNCTION_MIN": lambda *x: np.minimum.reduce(np.broadcast_arrays(*x)),
    "AST_POWER": np.power, "AST_FUNCTION_POWER": np.power, "AST_DIVIDE": np.divide,
    "AST_RELATIONAL_LT": np.less, "AST_RELATIONAL_LEQ": np.less_equal, "AST_RELATIONAL_GT": np.greater,
    "AST_RELATIONAL_GEQ": np.greater_equal, "AST_RELATIONAL_EQ": np.equal, "AST_RELATIONAL_NEQ": np.not_equal,
    "AST_LOGICAL_NOT": np.logical_not, "AST_LOGICAL_AND": lambda *x: np.logical_and.reduce(np.broadcast_arrays(*x)),
    "AST_LOGICAL_OR": lambda *x: np.logical_or.reduce(np.broadcast_arrays(*x)),
    "AST_LOGICAL_XOR": lambda *x: np.logical_xor.reduce(np.broadcast_arrays(*x)),
    "AST_FUNCTION_ROOT": lambda *x: np.power(x[-1], 1 / (x[0] if len(x) > 1 else 2)),
    "AST_FUNCTION_LOG": lambda *x: np.log(x[-1]) / np.log(x[0] if len(x) > 1 else 10.0),
}  # fmt: skip
NUMBERS = ("AST_INTEGER", "AST_REAL", "AST_REAL_E", "AST_RATIONAL")
ARITHMETIC = ("AST_PLUS", "AST_TIMES", "AST_MINUS", "AST_FUNCTION_PIECEWISE", "AST_NAME", "AST_NAME_TIME")
CONSTANTS = {
    "AST_CONSTANT_PI": math.pi, "AST_CONSTANT_E": math.e, "AST_CONSTANT_TRUE": True, "AST_CONSTANT_FALSE": False,
    "AST_NAME_AVOGADRO": 6.02214179e23,
}  # fmt: skip


@cache
def _kinds() -> dict[int, str]:
    import libsbml

    return {getattr(libsbml, name): name for name in dir(libsbml) if name.startswith("AST_")}


def kind_of(node: Any) -> str:
    """What a node is, as libsbml's constants name it.

    Parameters
    ----------
    node
        A libsbml ``ASTNode``.

    Returns
    -------
    str
        ``AST_PLUS``, ``AST_NAME`` and so on.
    """
    return _kinds().get(node.getType(), str(node.getType()))


def evaluate(node: Any, values: Mapping[str, Any], depth: int = 0) -> Any:
    """The value of a formula tree.

    Parameters
    ----------
    node
        A libsbml ``ASTNode``.
    values
        Number or array of every name, and of `TIME`.
    depth
        How deep the node is nested; only the recursion sets it.

    Returns
    -------
    number, bool or array

    Raises
    ------
    DataError
        On a name without a value, or an element that has no value at an instant (delays, random numbers).
    """
    if depth > DEEPEST:
        raise DataError(
            f"got a formula nested over {DEEPEST} deep; expected a flatter one. Try: assignment rules for its parts."
        )
    kind = kind_of(node)
    if kind in NUMBERS:
        return float(node.getValue())
    if kind == "AST_NAME":
        if node.getName() not in values:
            raise DataError(
                f"got the unknown name '{node.getName()}' in a formula; expected a species, parameter or compartment. "
                "Try: declare it in the model."
            )
        return values[node.getName()]
    if kind == "AST_NAME_TIME":
        return values.get(TIME, 0.0)
    if kind in CONSTANTS:
        return CONSTANTS[kind]
    children = [evaluate(node.getChild(i), values, depth + 1) for i in range(node.getNumChildren())]
    if kind == "AST_PLUS":
        return sum(children)
    if kind == "AST_TIMES":
        return math.prod(children) if all(np.isscalar(c) for c in children) else _product(children)
    if kind == "AST_MINUS":
        return -children[0] if len(children) == 1 else children[0] - children[1]
    if kind == "AST_FUNCTION_PIECEWISE":
        return _piecewise(children)
    if kind in FUNCTIONS:
        with np.errstate(all="ignore"):
            return FUNCTIONS[kind](*children)
    raise DataError(f"got the formula element '{node.getName() or kind}'; expected arithmetic. Try: check_supported.")


def _product(factors: list[Any]) -> Any:
    value = 1.0
    for factor in factors:
        value = value * factor
    return value


def _piecewise(children: list[Any]) -> Any:
    """``piecewise(value, condition, ..., otherwise)``; the first condition that holds counts."""
    value = children[-1] if len(children) % 2 else np.nan
    for k in reversed(range(0, len(children) - 1, 2)):
        value = np.where(children[k + 1], children[k], value)
    return value


def check_supported(node: Any) -> None:
    """Refuse what `evaluate` cannot do, wherever it stands in a formula.

    Parameters
    ----------
    node
        A libsbml ``ASTNode``.

    Raises
    ------
    DataError
        On delays, random numbers and other elements without a value at an instant.
    """
    kind = kind_of(node)
    if kind not in (*NUMBERS, *CONSTANTS, *FUNCTIONS, *ARITHMETIC):
        raise DataError(
            f"got the formula element '{node.getName() or kind}'; expected arithmetic, comparisons, piecewise, exp, "
            "log "
            "and the like. Try: write delays and random numbers out of the model."
        )
    for i in range(node.getNumChildren()):
        check_supported(node.getChild(i))


def names_in(node: Any) -> set[str]:
    """The names that a formula tree uses.

    Parameters
    ----------
    node
        A libsbml ``ASTNode``.
    """
    found = {node.getName()} if kind_of(node) == "AST_NAME" else set()
    for i in range(node.getNumChildren()):
        found |= names_in(node.getChild(i))
    return found
