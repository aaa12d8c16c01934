"""The one model that a command shows: the file's own, as it is and from its own start, else a draw."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_circuits.dynamics.explicit import integrate
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.dynamics.racipe import racipe
from advsci_circuits.formats.kinetic_circuit import KineticCircuit
from advsci_circuits.formats.parameters import start_of
from advsci_circuits.graphs.batch import CircuitBatch

DRAWN = "One set of random kinetics: the file has none."
__all__ = ["Course", "course_of", "kinetics_of"]


@dataclass(frozen=True)
class Course:
    """A time course: ``times`` [t], ``levels`` [t, genes], the Hill kinetics behind it where there are any, and in
    words where both come from.
    """

    times: np.ndarray
    levels: np.ndarray
    model: HillModel | None
    origin: str


def kinetics_of(loaded: KineticCircuit, stream: Stream, logic: str = "product") -> HillModel | None:
    """Hill kinetics: the file's, or a draw from RACIPE's ranges; None for a model of others.

    Parameters
    ----------
    loaded
        What was read.
    stream
        Where drawn kinetics come from.
    logic
        Promoter logic of drawn kinetics.

    Returns
    -------
    HillModel or None
        One model of the circuit's genes.
    """
    if loaded.model is not None or loaded.own is not None:
        return loaded.model
    return racipe(CircuitBatch.of([loaded.circuit]).signs, 1, stream.at("kinetics"), logic=logic)


def course_of(loaded: KineticCircuit, stream: Stream, end: float = 100.0, logic: str = "product") -> Course:
    """The time course that a page shows.

    Parameters
    ----------
    loaded
        What was read; its own start values are taken where it has any.
    stream
        Where drawn kinetics come from.
    end
        Last time, in the file's unit or that of the decay rates.
    logic
        Promoter logic of drawn kinetics.

    Returns
    -------
    Course

    Raises
    ------
    DataError
        Levels that are not finite, as a parameter that is no number makes them.
    """
    times = np.linspace(0, end, 401)
    if loaded.own is not None:
        levels = _finite(times, loaded.own.course(times), loaded.circuit.genes)
        return Course(times, levels, None, "The file's own rate equations, from its own start.")
    model = kinetics_of(loaded, stream, logic)
    assert model is not None
    start = torch.from_numpy(start_of(loaded, model))[None].to(model.rate)
    origin = "The file's kinetics, from its own start." if loaded.start is not None else DRAWN
    levels = integrate(model.field(), start, torch.from_numpy(times))[0].numpy()
    return Course(times, _finite(times, levels, loaded.circuit.genes), model, origin)


def _finite(times: np.ndarray, levels: np.ndarray, genes: Sequence[str]) -> np.ndarray:
    """The levels, where all are numbers."""
    wrong = np.argwhere(~np.isfinite(levels))
    if len(wrong):
        t, gene = wrong[0]
        raise DataError(
            f"got a level of {genes[gene]} at time {times[t]:g} that is not finite; expected numbers. Try: look for "
            "NaN and infinity among the file's parameters and start values."
        )
    return levels
