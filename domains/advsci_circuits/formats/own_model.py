"""The rate equations that a stranger's SBML carries, run as they are.

With libRoadRunner installed it integrates the file itself. Else ours does, LSODA on the laws:
``d(amount_i)/dt = sum_r stoichiometry_ir rate_r``, rate rules as they stand, assignment rules in any order of
dependence; what that cannot do (events) is refused by name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from advsci.errors import ConvergenceError, MissingDependencyError
from advsci_circuits.formats.formula import TIME, evaluate
from advsci_circuits.formats.identifiers import import_libsbml

__all__ = ["OwnModel", "plain_document"]


@dataclass(frozen=True)
class OwnModel:
    """A model as its author wrote it.

    Parameters
    ----------
    sbml
        The file's text.
    ids
        Identifiers of the circuit's genes, in their order.
    events
        Number of events; above zero only libRoadRunner runs the model.
    """

    sbml: str
    ids: tuple[str, ...]
    events: int = 0

    def course(self, times: np.ndarray, rtol: float = 1e-8, atol: float = 1e-10) -> np.ndarray:
        """Concentrations over time, from the file's own start values.

        Parameters
        ----------
        times : array, shape [t]
            Equally spaced times, the first zero, in the file's unit.
        rtol, atol
            Tolerances of the local error.

        Returns
        -------
        array, shape [t, genes]

        Raises
        ------
        MissingDependencyError
            On events without libRoadRunner.
        ConvergenceError
            Where the integration fails.
        """
        if find_spec("roadrunner") is not None:
            return self._by_roadrunner(times, rtol, atol)
        if self.events:
            raise MissingDependencyError.of("libroadrunner", "circuits-simulation")
        return self.by_laws(times, rtol, atol)

    def _by_roadrunner(self, times: np.ndarray, rtol: float, atol: float) -> np.ndarray:
        import roadrunner

        roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
        try:
            engine = roadrunner.RoadRunner(self.sbml)
            engine.integrator.relative_tolerance, engine.integrator.absolute_tolerance = rtol, atol
            species = set(engine.model.getFloatingSpeciesIds()) | set(engine.model.getBoundarySpeciesIds())
            names = [f"[{i}]" if i in species else i for i in self.ids]
            found = engine.simulate(float(times[0]), float(times[-1]), len(times), names)
        except RuntimeError as error:
            raise ConvergenceError(
                f"got a model that libRoadRunner cannot run ({str(error).strip()[:200]}); expected one it can. "
                "Try: open the file in tellurium."
            ) from error
        return np.asarray(found)

    def by_laws(self, times: np.ndarray, rtol: float = 1e-8, atol: float = 1e-10) -> np.ndarray:
        """As `course`, by LSODA on the file's laws; events are not looked at.

        Parameters
        ----------
        times : array, shape [t]
            Times, the first zero.
        rtol, atol
            Tolerances of the local error.

        Returns
        -------
        array, shape [t, genes]

        Raises
        ------
        ConvergenceError
            The integration failed.
        """
        from scipy.integrate import solve_ivp

        change, start, complete = _laws(self.sbml)
        found = solve_ivp(change, (times[0], times[-1]), start, "LSODA", times, rtol=rtol, atol=atol)
        if not found.success:
            raise ConvergenceError(
                f"got an integration that failed ({found.message}); expected a smooth model. Try: install "
                "libroadrunner."
            )
        whole = [complete(t, x) for t, x in zip(found.t, found.y.T, strict=True)]
        return np.array([[float(values[i]) for i in self.ids] for values in whole])


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


def _laws(text: str) -> tuple[Callable, np.ndarray, Callable]:
    """(dx/dt of the states, their start, all values at a time and state)."""
    document = plain_document(text)
    model = document.getModel()
    rules = {r.getVariable(): r.getMath().deepCopy() for r in model.getListOfRules() if r.isAssignment()}
    rates = {r.getVariable(): r.getMath().deepCopy() for r in model.getListOfRules() if r.isRate()}
    values: dict[str, Any] = {TIME: 0.0}
    values |= {c.getId(): c.getSize() if c.isSetSize() else 1.0 for c in model.getListOfCompartments()}
    values |= {p.getId(): p.getValue() if p.isSetValue() else 0.0 for p in model.getListOfParameters()}
    volume = {}
    for s in model.getListOfSpecies():
        volume[s.getId()] = 1.0 if s.getHasOnlySubstanceUnits() else values.get(s.getCompartment(), 1.0) or 1.0
        size = values.get(s.getCompartment(), 1.0) or 1.0
        amount = s.getInitialAmount() if s.isSetInitialAmount() else s.getInitialConcentration() * size
        values[s.getId()] = (amount if amount == amount else 0.0) / volume[s.getId()]

    def complete(t: float, state: dict[str, Any]) -> dict[str, Any]:
        """``state`` at time ``t`` with the values that the rules give."""
        found = values | state | {TIME: t}
        for _ in rules:
            for variable, formula in rules.items():
                found[variable] = evaluate(formula, found)
        return found

    laws = {r.getId(): r.getKineticLaw().getMath().deepCopy() for r in model.getListOfReactions()}
    moved: dict[str, list[tuple[float, str]]] = {}
    for reaction in model.getListOfReactions():
        for role, sign in ((reaction.getListOfReactants(), -1.0), (reaction.getListOfProducts(), 1.0)):
            for reference in role:
                species = model.getSpecies(reference.getSpecies())
                if species.getBoundaryCondition() or species.getConstant() or species.getId() in rates:
                    continue
                weight = sign * (reference.getStoichiometry() if reference.isSetStoichiometry() else 1.0)
                moved.setdefault(species.getId(), []).append((weight / volume[species.getId()], reaction.getId()))
    ids = [*rates, *(i for i in moved if i not in rules)]

    def change(t: float, x: np.ndarray) -> list[float]:
        """Rates of change of the variables ``x`` at time ``t``."""
        found = complete(t, dict(zip(ids, x, strict=True)))
        out = [float(evaluate(rates[i], found)) for i in rates]
        speed = {reaction: float(evaluate(law, found)) for reaction, law in laws.items()}
        return out + [sum(weight * speed[reaction] for weight, reaction in moved[i]) for i in ids[len(rates) :]]

    start = np.array([float(values[i]) for i in ids])
    return change, start, lambda t, x: complete(t, dict(zip(ids, x, strict=True)))
