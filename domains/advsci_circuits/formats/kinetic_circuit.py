"""What a file holds: a circuit and, where the file has them, kinetics and start values."""

from dataclasses import dataclass

import numpy as np

from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.formats.own_model import OwnModel
from advsci_circuits.graphs.circuit import Circuit

__all__ = ["KineticCircuit"]


@dataclass(frozen=True)
class KineticCircuit:
    """A circuit with what the file says of its dynamics.

    Parameters
    ----------
    circuit
        Genes and signed regulations.
    model
        Hill kinetics, where the file is one of ours.
    start : array, shape [n]
        Initial concentrations, where the file states them.
    own
        The author's own rate equations, where the file is a model of others.
    """

    circuit: Circuit
    model: HillModel | None = None
    start: np.ndarray | None = None
    own: OwnModel | None = None
