"""Which species act on which, and with what sign, from the mathematics of an SBML model.

Every rate is multiplied out into a sum of terms. A term that adds to species i is production: it is followed along
species j over two decades, from states spread over four decades and as many times; one direction everywhere is the sign
of the edge, steps included. Terms that remove i act on it through every species but i itself: plain degradation is no
edge.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from advsci_circuits.formats.formula import TIME, evaluate, names_in

__all__ = ["Term", "influences", "terms_of"]

MOST_TERMS = 64
"""A formula that multiplies out to more is kept as one term."""
LATEST = 100.0
"""Times at which laws that name the time are looked at, from zero, in the file's unit."""


@dataclass(frozen=True)
class Term:
    """A signed product of formula trees, each to the power 1 or -1.

    Parameters
    ----------
    sign
        +1 or -1.
    factors
        (tree, power) pairs.
    """

    sign: int
    factors: tuple[tuple[Any, int], ...]

    def value(self, values: Mapping[str, Any]) -> Any:
        """The product without its sign.

        Parameters
        ----------
        values
            Number or array of every name.
        """
        result = 1.0
        for node, power in self.factors:
            factor = evaluate(node, values)
            result = result * factor if power > 0 else result / factor
        return result

    @property
    def names(self) -> set[str]:
        """The names that the term uses."""
        return {name for node, _ in self.factors for name in names_in(node)}


def terms_of(node: Any, sign: int = 1) -> list[Term]:
    """The sum that a formula is, once products and quotients are multiplied out (``k (x - y)`` is k x - k y).

    Parameters
    ----------
    node
        A libsbml ``ASTNode``.
    sign
        +1 or -1: that of the whole.

    Returns
    -------
    list of Term
    """
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


def influences(
    flows: Mapping[str, Sequence[tuple[float, Term]]],
    species: Sequence[str],
    values: Mapping[str, float],
    derived: Callable[[dict[str, Any]], dict[str, Any]],
    behind: Mapping[str, set[str]],
    states: int = 24,
    steps: int = 17,
) -> list[tuple[str, str, int]]:
    """Signed edges (source, target, sign; 0 where the sign changes from state to state).

    Parameters
    ----------
    flows : species -> [(weight, term)]
        What adds to (weight > 0) or removes from (weight < 0) each species.
    species
        All species, those without flows included.
    values
        The file's value of every name.
    derived
        Completes the values of a state with those of assignment rules.
    behind
        For each name that a rule assigns, all names that it depends on.
    states, steps
        States from which, and places along each source at which, terms are evaluated.

    Returns
    -------
    list of (source, target, sign)
    """
    rng = np.random.default_rng(24)
    base: dict[str, Any] = {name: float(value) for name, value in values.items()}
    base[TIME] = rng.uniform(0, LATEST, states)
    for name in species:
        base[name] = 10 ** rng.uniform(-2, 2, states) * max(abs(float(values.get(name, 1.0))), 1e-3)
    factors = np.logspace(-1, 1, steps)[:, None]
    users: dict[str, list[tuple[str, float, Term]]] = {}
    for target, parts in flows.items():
        for weight, term in parts:
            reached = term.names | {below for name in term.names for below in behind.get(name, ())}
            for source in reached & set(species):
                if source != target or weight > 0:
                    users.setdefault(source, []).append((target, weight, term))
    edges = []
    with np.errstate(all="ignore"):
        for source in species:
            state = derived(base | {source: base[source] * factors})
            rise: dict[str, tuple[Any, Any]] = {}
            for target, weight, term in users.get(source, ()):
                along = weight * np.broadcast_to(term.value(state), (steps, states))
                # sum first: production and removal by one species may cancel
                total, size = rise.get(target, (0.0, 0.0))
                rise[target] = total + along, np.maximum(size, np.abs(along))
            for target, (total, size) in rise.items():
                change = np.nan_to_num(np.diff(total, axis=0))
                # differences below rounding are no influence
                change = np.where(np.abs(change) > 1e-9 * np.nan_to_num(size[1:]) + 1e-300, change, 0.0)
                up, down = bool((change > 0).any()), bool((change < 0).any())
                if up or down:
                    edges.append((source, target, int(up) - int(down)))
    order = {name: k for k, name in enumerate(flows)}
    return sorted(edges, key=lambda edge: order[edge[1]])
