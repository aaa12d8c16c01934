"""The one model that a command shows: the file's own kinetics, else a draw."""

from advsci.streams import Stream
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.dynamics.racipe import racipe
from advsci_circuits.formats import KineticCircuit
from advsci_circuits.graphs.batch import CircuitBatch

__all__ = ["kinetics_of"]


def kinetics_of(loaded: KineticCircuit, stream: Stream, logic: str = "product") -> HillModel:
    """Kinetics of the file, or one parameter set from RACIPE's ranges where the file has none.

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
    HillModel
        One model of the circuit's genes.
    """
    if loaded.model is not None:
        return loaded.model
    return racipe(CircuitBatch.of([loaded.circuit]).signs, 1, stream.at("kinetics"), logic=logic)
