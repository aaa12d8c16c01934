"""A user's own model with one parameter free, and its exact derivatives.

What the reactions conserve would make every Jacobian singular. With N the stoichiometry (rows of species, columns of
rates), rows that depend on others are written as ``x_dep = L x_ind + T``; the totals T are those of the start, and
``x_ind`` alone is followed (Reder 1988, https://doi.org/10.1016/S0022-5193(88)80073-0).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import qr

from advsci.errors import ConfigError, ConvergenceError, DataError
from advsci.streams import Stream
from advsci_circuits.dynamics.branches import all_branches
from advsci_circuits.dynamics.continuation import Branch
from advsci_circuits.dynamics.curve import Rates, Vector
from advsci_circuits.dynamics.pseudo_transient import pseudo_transient
from advsci_circuits.formats.derivative import value_and_slope
from advsci_circuits.formats.formula import TIME, kind_of, names_in
from advsci_circuits.formats.identifiers import import_libsbml
from advsci_circuits.formats.laws import Laws
from advsci_circuits.formats.own_model import OwnModel

__all__ = ["OwnFamily", "free_names", "own_branches"]


@dataclass(frozen=True)
class OwnFamily:
    """An SBML model as a family of rate equations.

    Parameters
    ----------
    own
        The model.
    parameter
        Identifier of a parameter or constant species that nothing in the model sets. Local parameters
        of a reaction are called ``reaction_parameter``. Empty: nothing is free.

    Raises
    ------
    ConfigError
        There is no such parameter.
    DataError
        The model has events, its laws use the time, or an initial assignment uses the parameter.
    """

    own: OwnModel
    parameter: str = ""

    def __post_init__(self):
        free = free_names(self.laws) | {""}
        if free == {""} and self.parameter:
            raise ConfigError(
                f"got the parameter '{self.parameter}' of a model without any; expected one that rates use. "
                "Try: a parameter in place of a number."
            )
        if self.parameter not in free:
            raise ConfigError(
                f"got the parameter '{self.parameter}'; expected one of {', '.join(sorted(free - {''})[:12])}"
                f"{' and others' if len(free) > 13 else ''}. Try: {min(free - {''})}."
            )
        formulas = [*self.laws.rules.values(), *self.laws.rates.values(), *self.laws.speeds.values()]
        document = import_libsbml().readSBMLFromString(self.own.sbml)
        events = document.getModel().getNumEvents()
        if events or any(_uses_time(formula) for formula in formulas):
            raise DataError(
                f"got a model with {'events' if events else 'laws that use the time'}; expected rate equations that "
                "are the same at all times, which have steady states. Try: remove them."
            )
        for assignment in document.getModel().getListOfInitialAssignments():
            if self.parameter in names_in(assignment.getMath()):
                raise DataError(
                    f"got the parameter '{self.parameter}' in the initial assignment of '{assignment.getSymbol()}'; "
                    "expected one that only rates and rules use. Try: another parameter."
                )

    @cached_property
    def laws(self) -> Laws:
        """The equations."""
        return Laws.of(self.own.sbml)

    @property
    def value(self) -> float:
        """The model's own value of the parameter."""
        return float(self.laws.values[self.parameter])

    @cached_property
    def _split(self) -> tuple[list[int], list[int], np.ndarray, np.ndarray]:
        """Places of the independent and of the dependent variables, ``L`` and ``T``."""
        structure = self.laws.structure()
        factors: Any = qr(structure.T, mode="r", pivoting=True)
        sizes, order = np.abs(np.diag(factors[0])), factors[1]
        rank = int((sizes > 1e-10 * sizes.max(initial=0.0)).sum())
        some, rest = (sorted(int(i) for i in part) for part in (order[:rank], order[rank:]))
        link = np.linalg.lstsq(structure[some].T, structure[rest].T, rcond=None)[0].T
        start = self.laws.start
        return some, rest, link, start[rest] - link @ start[some]

    @property
    def start(self) -> Vector:
        """Start values of the independent variables."""
        return self.laws.start[self._split[0]]

    def whole(self, x: Vector) -> dict[str, float]:
        """Values of all variables.

        Parameters
        ----------
        x : array, shape [n]
            Values of the independent ones.

        Returns
        -------
        dict
            Number of every variable's name.
        """
        some, rest, link, totals = self._split
        ids = self.laws.ids
        return {ids[i]: float(x[k]) for k, i in enumerate(some)} | {
            ids[i]: float(value) for i, value in zip(rest, link @ x + totals, strict=True)
        }

    def levels(self, x: Vector, value: float) -> Vector:
        """What the circuit's genes are at a state.

        Parameters
        ----------
        x : array, shape [n]
            Values of the independent variables.
        value
            The parameter.

        Returns
        -------
        array, shape [genes]
        """
        found = self.laws.complete(0.0, self.whole(x) | {self.parameter: value})
        return np.array([float(found[i]) for i in self.own.ids])

    def __call__(self, x: Vector, value: float) -> Rates:
        """``f``, ``df/dx`` and ``df/dp`` of the independent variables.

        Parameters
        ----------
        x : array, shape [n]
            Their values.
        value
            The parameter.
        """
        some, rest, link, _ = self._split
        ids, n = self.laws.ids, len(x)
        values: dict[str, Any] = self.laws.values | self.whole(x) | {self.parameter: value, TIME: 0.0}
        slopes: dict[str, np.ndarray] = {ids[i]: row for i, row in zip(some, np.eye(n, n + 1), strict=True)}
        slopes |= {ids[i]: np.append(row, 0.0) for i, row in zip(rest, link, strict=True)}
        slopes[self.parameter] = np.append(np.zeros(n), 1.0)
        for name, formula in self.laws.rules.items():
            values[name], slope = value_and_slope(formula, values, slopes)
            slopes[name] = slope + np.zeros(n + 1)
        speeds = {name: value_and_slope(formula, values, slopes) for name, formula in self.laws.speeds.items()}
        rates, gradient = np.zeros(n), np.zeros((n, n + 1))
        for k, i in enumerate(some):
            if ids[i] in self.laws.rates:
                rates[k], slope = value_and_slope(self.laws.rates[ids[i]], values, slopes)
                gradient[k] += slope
            for weight, reaction in self.laws.moved.get(ids[i], ()):
                rates[k] += weight * speeds[reaction][0]
                gradient[k] += weight * speeds[reaction][1]
        return rates, gradient[:, :n], gradient[:, n]


def free_names(laws: Laws) -> set[str]:
    """What can be free: parameters and species that nothing in the model changes.

    Parameters
    ----------
    laws
        The equations.

    Returns
    -------
    set of str
    """
    return laws.values.keys() - laws.rules.keys() - set(laws.ids) - laws.compartments


def _uses_time(node: Any) -> bool:
    return kind_of(node) == "AST_NAME_TIME" or any(_uses_time(node.getChild(k)) for k in range(node.getNumChildren()))


def own_branches(family: OwnFamily, low: float, high: float, stream: Stream, starts: int = 8) -> list[Branch]:
    """Branches of a user's own model through the steady states that its own and random starts lead to.

    Parameters
    ----------
    family
        The model and its free parameter.
    low, high
        Range of the parameter.
    stream
        Where random starts come from.
    starts
        Random starts at each of five values of the parameter.

    Returns
    -------
    list of Branch

    Raises
    ------
    ConvergenceError
        No start leads to a steady state.
    ConfigError
        The range is empty.
    """
    start, found = family.start, []
    top = max(float(start.max(initial=0.0)), 1.0)
    grid = np.geomspace(low, high, 5) if low > 0 else np.linspace(low, high, 5)
    for k, value in enumerate(grid):
        drawn = stream.at("starts", k).uniform((starts, len(start))).double().numpy()
        # levels over three decades around the largest start value
        for x in [start, *(top * 10 ** (3 * drawn - 2))]:
            if min(family.whole(x).values(), default=0.0) < 0:
                continue
            state = pseudo_transient(family, x, float(value))
            if state is not None and min(family.whole(state).values(), default=0.0) > -1e-9 * top:
                found.append((float(value), state))
    if not found:
        raise ConvergenceError(
            f"got no steady state for {family.parameter} from {low:g} to {high:g}; expected one to begin at. "
            "Try: another range, or start values near a steady state."
        )
    return all_branches(family, found, low, high)
