"""What a SED-ML file asks of a model: one time course, or a steady state, at one or several values of a parameter."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.integrate import solve_ivp

from advsci.errors import ConvergenceError
from advsci_circuits.dynamics.pseudo_transient import pseudo_transient
from advsci_circuits.formats.own_family import OwnFamily
from advsci_circuits.formats.own_model import OwnModel
from advsci_circuits.formats.parameters import changed_own
from advsci_circuits.formats.set_values import with_values

__all__ = ["Experiment", "steady_levels"]

LONGEST = 1e9
"""Time until which a steady state is waited for."""


@dataclass(frozen=True)
class Experiment:
    """A simulation experiment on one model.

    Parameters
    ----------
    model
        The model, with the experiment's changes, and what is recorded.
    labels
        Names of what is recorded.
    times : array, shape [t], or None
        Output times; None asks for the steady state.
    parameter
        What a repeated task sets; empty: nothing.
    values
        Its values, one run each.
    """

    model: OwnModel
    labels: tuple[str, ...]
    times: np.ndarray | None
    parameter: str = ""
    values: tuple[float, ...] = ()

    def changed(self, settings: Sequence[str]) -> "Experiment":
        """The experiment with parameters of its model set.

        Parameters
        ----------
        settings
            ``NAME=VALUE`` or ``NAME=xFACTOR`` each.

        Returns
        -------
        Experiment

        Raises
        ------
        ConfigError
            A setting is malformed, or names nothing that can be set.
        """
        return replace(self, model=changed_own(self.model, settings))

    def run(self) -> np.ndarray:
        """Run it.

        Returns
        -------
        array, shape [runs, t, labels]
            One run where no parameter is set; one time where the steady state is asked for.

        Raises
        ------
        ConvergenceError
            An integration fails, or no steady state is reached.
        DataError
            A steady state is asked for of a model with events, or whose laws use the time.
        """
        runs = []
        for value in self.values or (None,):
            text = self.model.sbml if value is None else with_values(self.model.sbml, {self.parameter: value})
            model = replace(self.model, sbml=text)
            runs.append(steady_levels(model)[None] if self.times is None else model.course(self.times))
        return np.array(runs)

    @property
    def table(self) -> tuple[list[str], np.ndarray]:
        """All runs one below the other: header, and rows of the parameter, the time and what was recorded."""
        found = self.run()
        runs, count, _ = found.shape
        header, columns = list(self.labels), [found.reshape(runs * count, -1)]
        if self.times is not None:
            header, columns = ["time", *header], [np.tile(self.times, runs)[:, None], *columns]
        if self.parameter:
            header = [self.parameter, *header]
            columns = [np.repeat(self.values, count)[:, None], *columns]
        return header, np.hstack(columns)


def steady_levels(model: OwnModel) -> np.ndarray:
    """The steady state that the model reaches from its start.

    The flow is followed for ever longer times until `pseudo_transient` finds an attracting state beside it.

    Parameters
    ----------
    model
        The model.

    Returns
    -------
    array, shape [ids]

    Raises
    ------
    ConvergenceError
        None is reached.
    DataError
        The model has events, or its laws use the time.
    """
    family = OwnFamily(model)
    x, span = family.start, 1.0
    while span < LONGEST:
        found = solve_ivp(
            lambda t, x: family(x, 0.0)[0], (0.0, span), x, "LSODA", rtol=1e-8, atol=1e-10
        )  # the system is the same at all times
        if not found.success:
            break
        x = found.y[:, -1]
        state = pseudo_transient(family, np.maximum(x, 0.0), 0.0)
        if state is not None and np.abs(state - x).max(initial=0.0) < 1e-2 * np.abs(x).max(initial=1e-300):
            if np.real(np.linalg.eigvals(family(state, 0.0)[1])).max(initial=-1.0) < 0:
                return family.levels(state, 0.0)
        span *= 4
    raise ConvergenceError(
        f"got no steady state from the start up to time {span:g}; expected the levels to settle. Try: a time course."
    )
