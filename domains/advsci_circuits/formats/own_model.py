"""The rate equations that a stranger's SBML carries, run as they are.

With libRoadRunner installed it integrates the file itself. Else LSODA does, on `Laws`; what those do not have (events)
is refused by name.
"""

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from advsci.errors import ConvergenceError, MissingDependencyError
from advsci_circuits.formats.laws import Laws

__all__ = ["OwnModel"]


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
            Equally spaced times, in the file's unit; where the first is not zero, the model runs from zero to it first.
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
            if times[0] > 0:
                engine.simulate(0.0, float(times[0]), 2)
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
            Times, none below zero, where the model starts.
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

        laws = Laws.of(self.sbml)
        found = solve_ivp(laws.change, (0.0, times[-1]), laws.start, "LSODA", times, rtol=rtol, atol=atol)
        if not found.success:
            raise ConvergenceError(
                f"got an integration that failed ({found.message}); expected a smooth model. Try: install "
                "libroadrunner."
            )
        whole = [laws.complete(t, dict(zip(laws.ids, x, strict=True))) for t, x in zip(found.t, found.y.T, strict=True)]
        return np.array([[float(values[i]) for i in self.ids] for values in whole])
