"""Reading kinetic laws: which species act on which, and with what sign, from the mathematics of an SBML model.

Every rate is multiplied out into a sum of terms. A term that adds to species i is production: its slope in species j is
evaluated at states spread over four decades, and one sign at all of them is the sign of the edge. Terms that
remove i act on it through every species but i itself: plain degradation is no edge.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from advsci.errors import DataError

__all__ = ["Term", "evaluate", "influences", "terms_of"]

DEEPEST = 200
MOST_TERMS = 64  # a formula that multiplies out to more is kept as one term
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "AST_FUNCTION_EXP": np.exp,
    "AST_FUNCTION_LN": np.log,
    "AST_FUNCTION_ABS": np.abs,
    "AST_FUNCTION_SIN": np.sin,
    "AST_FUNCTION_COS": np.cos,
    "AST_FUNCTION_TANH": np.tanh,
    "AST_FUNCTION_FLOOR": np.floor,
    "AST_FUNCTION_MAX": np.maximum,
    "AST_FUNCTION_MIN": np.minimum,
}


def _kinds() -> dict[int, str]:
    import libsbml

    return {getattr(libsbml, name): name for name in dir(libsbml) if name.startswith("AST_")}


def evaluate(node: Any, values: Mapping[str, Any], kinds: dict[int, str] | None = None, depth: int = 0) -> Any:
    """The value of a libsbml formula tree; names come from ``values``.

    Raises
    ------
    DataError
        On a name without a value, or a function that is not supported (delays, piecewise, random numbers).
    """
    kinds = kinds or _kinds()
    if depth > DEEPEST:
        raise DataError(f"got a formula nested over {DEEPEST} deep; expected a flatter one")
    kind = kinds.get(node.getType(), str(node.getType()))
    children = [evaluate(node.getChild(i), values, kinds, depth + 1) for i in range(node.getNumChildren())]
    match kind:
        case "AST_INTEGER" | "AST_REAL" | "AST_REAL_E" | "AST_RATIONAL":
            return float(node.getValue())
        case "AST_NAME":
            if node.getName() not in values:
                raise DataError(
                    f"got the unknown name '{node.getName()}' in a formula; expected a species or parameter"
                )
            return values[node.getName()]
        case "AST_NAME_TIME":
            return 0.0
        case "AST_CONSTANT_PI":
            return math.pi
        case "AST_CONSTANT_E":
            return math.e
        case "AST_PLUS":
            return sum(children)
        case "AST_TIMES":
            return math.prod(children) if all(np.isscalar(c) for c in children) else _product(children)
        case "AST_MINUS":
            return -children[0] if len(children) == 1 else children[0] - children[1]
        case "AST_DIVIDE":
            return children[0] / children[1]
        case "AST_POWER" | "AST_FUNCTION_POWER":
            return np.power(children[0], children[1])
        case "AST_FUNCTION_ROOT":
            return np.power(children[-1], 1 / (children[0] if len(children) > 1 else 2))
        case "AST_FUNCTION_LOG":
            return np.log(children[-1]) / np.log(children[0] if len(children) > 1 else 10.0)
        case _ if kind in FUNCTIONS:
            return FUNCTIONS[kind](*children)
        case _:
            raise DataError(
                f"got the formula element {node.getName() or kind}; expected arithmetic, powers, exp and log"
            )


def _product(factors: list[Any]) -> Any:
    value = 1.0
    for factor in factors:
        value = value * factor
    return value


def terms_of(node: Any, sign: int = 1) -> list["Term"]:
    """The sum that a formula is, once products and quotients are multiplied out (``k (x - y)`` is k x - k y)."""
    import libsbml

    kind, children = node.getType(), [node.getChild(i) for i in range(node.getNumChildren())]
    if kind == libsbml.AST_PLUS:
        return [term for child in children for term in terms_of(child, sign)]
    if kind == libsbml.AST_MINUS and len(children) == 1:
        return terms_of(children[0], -sign)
    if kind == libsbml.AST_MINUS:
        return terms_of(children[0], sign) + terms_of(children[1], -sign)
    if kind == libsbml.AST_TIMES:
        terms = [Term(sign, ())]
        for child in children:
            terms = [Term(a.sign * b.sign, a.factors + b.factors) for a in terms for b in terms_of(child)]
            if len(terms) > MOST_TERMS:
                return [Term(sign, ((node, 1),))]
        return terms
    if kind == libsbml.AST_DIVIDE:
        return [Term(t.sign, (*t.factors, (children[1], -1))) for t in terms_of(children[0], sign)]
    return [Term(sign, ((node, 1),))]


@dataclass(frozen=True)
class Term:
    """A signed product of formula trees, each to the power 1 or -1."""

    sign: int
    factors: tuple[tuple[Any, int], ...]

    def value(self, values: Mapping[str, Any], kinds: dict[int, str]) -> Any:
        """The product without its sign."""
        result = 1.0
        for node, power in self.factors:
            factor = evaluate(node, values, kinds)
            result = result * factor if power > 0 else result / factor
        return result


def influences(
    flows: Mapping[str, list[tuple[float, Term]]],
    species: list[str],
    values: Mapping[str, float],
    derived: Callable[[dict[str, Any]], dict[str, Any]],
    states: int = 24,
) -> list[tuple[str, str, int]]:
    """Signed edges (source, target, sign; 0 where the sign changes from state to state).

    Parameters
    ----------
    flows : species -> [(weight, term)]
        What adds to (weight > 0) or removes from (weight < 0) each species.
    derived : function
        Completes the values of a state with those of assignment rules.
    """
    rng = np.random.default_rng(24)
    base = {name: np.full(states, float(value)) for name, value in values.items()}
    for name in species:
        base[name] = 10 ** rng.uniform(-2, 2, states) * max(abs(float(values.get(name, 1.0))), 1e-3)
    kinds = _kinds()
    here = derived(dict(base))
    edges = []
    with np.errstate(all="ignore"):
        moved = {}
        for source in species:
            shifted = dict(base)
            shifted[source] = base[source] * (1 + 1e-4)
            moved[source] = derived(shifted)
        for target, parts in flows.items():
            change = {source: [] for source in species}
            for weight, term in parts:
                at = term.value(here, kinds)
                for source in species:
                    if source == target and weight < 0:
                        continue
                    slope = weight * (term.value(moved[source], kinds) - at)
                    # differences below rounding are no influence
                    size = np.abs(slope) > 1e-9 * np.abs(weight * at) + 1e-300
                    change[source].append(np.where(size, slope, 0.0) * np.ones(states))
            for source, slopes in change.items():
                # sum first: production and removal by one species may cancel
                total = np.nan_to_num(np.sum(slopes, 0)) if slopes else np.zeros(1)
                if (total > 0).any() or (total < 0).any():
                    edges.append((source, target, int((total > 0).any()) - int((total < 0).any())))
    return edges
