"""The equations of an SBML model: what changes, how fast, and what follows from what.

``d(amount_i)/dt = sum_r stoichiometry_ir rate_r``, rate rules as they stand, assignment rules in an order in which each
uses only what is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np

from advsci.errors import DataError
from advsci_circuits.formats.formula import TIME, evaluate, names_in
from advsci_circuits.formats.identifiers import import_libsbml

__all__ = ["Laws", "plain_document"]


def plain_document(text: str) -> Any:
    """The document with functions and initial assignments written out and local parameters made global.

    Parameters
    ----------
    text
        SBML of any level.
    """
    sbml = import_libsbml()
    document = sbml.readSBMLFromString(text)
    for converter in ("promoteLocalParameters", "expandFunctionDefinitions", "expandInitialAssignments"):
        properties = sbml.ConversionProperties()
        properties.addOption(converter, True)
        document.convert(properties)
    return document


@dataclass(frozen=True)
class Laws:
    """Rate equations as formula trees.

    Parameters
    ----------
    values
        Compartments, parameters, and start values of species in the unit that formulas use (concentrations, or amounts
        where the model says so).
    rules
        Formulas of what is assigned, each after those it uses.
    rates
        Formulas of what has a rate rule.
    speeds
        Formula of every reaction's rate.
    moved
        Species that reactions change: (stoichiometry over volume, reaction) each.
    compartments
        Names of the compartments.
    """

    values: dict[str, float]
    rules: dict[str, Any]
    rates: dict[str, Any]
    speeds: dict[str, Any]
    moved: dict[str, list[tuple[float, str]]]
    compartments: frozenset[str] = frozenset()

    @classmethod
    def of(cls, text: str) -> "Laws":
        """The laws of an SBML file.

        Parameters
        ----------
        text
            SBML of any level.

        Returns
        -------
        Laws

        Raises
        ------
        DataError
            Where assignment rules use each other in a circle.
        """
        document = plain_document(text)  # named, as it owns the model
        model = document.getModel()
        rules = {r.getVariable(): r.getMath().deepCopy() for r in model.getListOfRules() if r.isAssignment()}
        rates = {r.getVariable(): r.getMath().deepCopy() for r in model.getListOfRules() if r.isRate()}
        sizes = {c.getId(): c.getSize() if c.isSetSize() else 1.0 for c in model.getListOfCompartments()}
        values = sizes | {p.getId(): p.getValue() if p.isSetValue() else 0.0 for p in model.getListOfParameters()}
        volume = {}
        for s in model.getListOfSpecies():
            volume[s.getId()] = 1.0 if s.getHasOnlySubstanceUnits() else values.get(s.getCompartment(), 1.0) or 1.0
            size = values.get(s.getCompartment(), 1.0) or 1.0
            amount = s.getInitialAmount() if s.isSetInitialAmount() else s.getInitialConcentration() * size
            values[s.getId()] = (amount if amount == amount else 0.0) / volume[s.getId()]
        speeds = {r.getId(): r.getKineticLaw().getMath().deepCopy() for r in model.getListOfReactions()}
        moved: dict[str, list[tuple[float, str]]] = {}
        for reaction in model.getListOfReactions():
            for role, sign in ((reaction.getListOfReactants(), -1.0), (reaction.getListOfProducts(), 1.0)):
                for reference in role:
                    species = model.getSpecies(reference.getSpecies())
                    name = species.getId()
                    if species.getBoundaryCondition() or species.getConstant() or name in rates or name in rules:
                        continue
                    weight = sign * (reference.getStoichiometry() if reference.isSetStoichiometry() else 1.0)
                    moved.setdefault(name, []).append((weight / volume[name], reaction.getId()))
        return cls(values, _ordered(rules), rates, speeds, moved, frozenset(sizes))

    @property
    def ids(self) -> list[str]:
        """What changes: first the variables of rate rules, then species of reactions."""
        return [*self.rates, *self.moved]

    @property
    def start(self) -> np.ndarray:
        """Start values of `ids`."""
        return np.array([float(self.values[i]) for i in self.ids])

    def complete(self, t: float, state: Mapping[str, float]) -> dict[str, Any]:
        """All values at a time and state, assigned ones too.

        Parameters
        ----------
        t
            The time.
        state
            Values of what changes.

        Returns
        -------
        dict
            Number of every name, and of the time.
        """
        found = self.values | dict(state) | {TIME: t}
        for variable, formula in self.rules.items():
            found[variable] = evaluate(formula, found)
        return found

    def change(self, t: float, x: np.ndarray) -> list[float]:
        """Rates of change.

        Parameters
        ----------
        t
            The time.
        x : array, shape [n]
            Values of `ids`.

        Returns
        -------
        list of float
            One of each of `ids`, in the inverse unit of time.
        """
        found = self.complete(t, dict(zip(self.ids, x, strict=True)))
        speed = {reaction: float(evaluate(law, found)) for reaction, law in self.speeds.items()}
        return [float(evaluate(formula, found)) for formula in self.rates.values()] + [
            sum(weight * speed[reaction] for weight, reaction in parts) for parts in self.moved.values()
        ]

    def structure(self) -> np.ndarray:
        """What each rate adds to each variable: stoichiometry over volume, and one for rate rules.

        Returns
        -------
        array, shape [n, rates]
        """
        columns = {name: k for k, name in enumerate([*self.rates, *(f"reaction {r}" for r in self.speeds)])}
        matrix = np.zeros((len(self.ids), len(columns)))
        for i, name in enumerate(self.ids):
            if name in self.rates:
                matrix[i, columns[name]] = 1.0
            for weight, reaction in self.moved.get(name, ()):
                matrix[i, columns[f"reaction {reaction}"]] += weight
        return matrix


def _ordered(rules: dict[str, Any]) -> dict[str, Any]:
    """The rules, each after those it uses."""
    uses = {variable: names_in(formula) & rules.keys() for variable, formula in rules.items()}
    try:
        return {variable: rules[variable] for variable in TopologicalSorter(uses).static_order()}
    except CycleError as error:
        raise DataError(
            f"got assignment rules that use each other ({', '.join(error.args[1])}); expected none in a circle. "
            "Try: a rate rule for one of them."
        ) from None
