"""Exact derivatives of SBML formulas: the value of a tree and its gradient, carried up together.

``d phi(a, b, ...) = sum_k phi_k da_k`` at every node, with the partial derivatives of `PARTIALS`. Steps (floor,
ceiling, comparisons) have the derivative zero; ``piecewise``, ``min`` and ``max`` that of the piece which counts.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from advsci_circuits.formats.formula import FUNCTIONS, evaluate, kind_of

__all__ = ["PARTIALS", "value_and_slope"]

Slope = np.ndarray | float


def _chosen(best: Callable[..., Any]) -> Callable[..., tuple[float, ...]]:
    """Partials of a minimum or maximum: one for the argument that counts."""
    return lambda *x: tuple(float(k == best(x)) for k in range(len(x)))


def _flat(*x: float) -> tuple[float, ...]:
    """Partials of a step."""
    return (0.0,) * len(x)


def _power(a: float, b: float) -> tuple[float, float]:
    return np.multiply(b, np.power(a, b - 1)), np.multiply(np.power(a, b), np.log(a))


def _root(*x: float) -> tuple[float, ...]:
    n, a = x if len(x) > 1 else (2.0, *x)
    by_a, by_n = _power(a, 1 / n)
    return (-by_n / n**2, by_a) if len(x) > 1 else (by_a,)


def _log(*x: float) -> tuple[float, ...]:
    base, a = x if len(x) > 1 else (10.0, *x)
    by_a = 1 / (a * np.log(base))
    return (-np.log(a) / (base * np.log(base) ** 2), by_a) if len(x) > 1 else (by_a,)


PARTIALS: dict[str, Callable[..., tuple[Any, ...]]] = {
    "AST_FUNCTION_EXP": lambda a: (np.exp(a),),
    "AST_FUNCTION_LN": lambda a: (1 / a,),
    "AST_FUNCTION_ABS": lambda a: (np.sign(a),),
    "AST_FUNCTION_SIN": lambda a: (np.cos(a),),
    "AST_FUNCTION_COS": lambda a: (-np.sin(a),),
    "AST_FUNCTION_TAN": lambda a: (1 + np.tan(a) ** 2,),
    "AST_FUNCTION_SINH": lambda a: (np.cosh(a),),
    "AST_FUNCTION_COSH": lambda a: (np.sinh(a),),
    "AST_FUNCTION_TANH": lambda a: (1 - np.tanh(a) ** 2,),
    "AST_FUNCTION_ARCTAN": lambda a: (1 / (1 + a**2),),
    "AST_FUNCTION_ARCSIN": lambda a: (1 / np.sqrt(1 - a**2),),
    "AST_FUNCTION_ARCCOS": lambda a: (-1 / np.sqrt(1 - a**2),),
    "AST_FUNCTION_FLOOR": _flat,
    "AST_FUNCTION_CEILING": _flat,
    "AST_FUNCTION_MAX": _chosen(np.argmax),
    "AST_FUNCTION_MIN": _chosen(np.argmin),
    "AST_POWER": _power,
    "AST_FUNCTION_POWER": _power,
    "AST_DIVIDE": lambda a, b: (1 / b, -a / b**2),
    "AST_FUNCTION_ROOT": _root,
    "AST_FUNCTION_LOG": _log,
} | {kind: _flat for kind in FUNCTIONS if kind.startswith(("AST_RELATIONAL", "AST_LOGICAL"))}
"""Partial derivatives of every function of `advsci_circuits.formats.formula.FUNCTIONS`."""


def value_and_slope(node: Any, values: Mapping[str, Any], slopes: Mapping[str, np.ndarray]) -> tuple[float, Slope]:
    """A formula's value, and its gradient.

    Parameters
    ----------
    node
        A libsbml ``ASTNode``.
    values
        Number of every name, and of the time.
    slopes
        Gradient, shape [m], of every name that has one; others are constant.

    Returns
    -------
    (value, gradient)
        The gradient is zero, not an array, where no name with one occurs.

    Raises
    ------
    DataError
        As `advsci_circuits.formats.formula.evaluate`.
    """
    count = node.getNumChildren()
    if not count:
        name = node.getName() if kind_of(node) == "AST_NAME" else None
        return float(evaluate(node, values)), slopes.get(name, 0.0) if name is not None else 0.0
    kind = kind_of(node)
    if kind == "AST_FUNCTION_PIECEWISE":
        for k in range(0, count - 1, 2):
            if bool(evaluate(node.getChild(k + 1), values)):
                return value_and_slope(node.getChild(k), values, slopes)
        return value_and_slope(node.getChild(count - 1), values, slopes) if count % 2 else (math.nan, 0.0)
    pairs = [value_and_slope(node.getChild(k), values, slopes) for k in range(count)]
    x, dx = [np.float64(value) for value, _ in pairs], [slope for _, slope in pairs]
    with np.errstate(all="ignore"):
        if kind == "AST_PLUS":
            return float(sum(x)), sum(dx)
        if kind == "AST_MINUS":
            return (float(-x[0]), -dx[0]) if count == 1 else (float(x[0] - x[1]), dx[0] - dx[1])
        if kind == "AST_TIMES":
            value, slope = x[0], dx[0]
            for factor, change in zip(x[1:], dx[1:], strict=True):
                value, slope = value * factor, value * change + factor * slope
            return float(value), slope
        if kind not in FUNCTIONS:
            return evaluate(node, values), 0.0  # which names what is not supported
        partials = PARTIALS[kind](*x)
        # a partial that is infinite counts only where its argument moves: x^2 at x = 0 has no derivative by the 2
        slope = sum((part * change for part, change in zip(partials, dx, strict=True) if np.any(change)), 0.0)
        return float(FUNCTIONS[kind](*x)), slope
