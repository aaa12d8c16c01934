"""``advsci-circuits export``: convert one circuit between formats."""

from pathlib import Path

from advsci.streams import Stream
from advsci_circuits.config import Export
from advsci_circuits.formats import read, write
from advsci_circuits.formats.course import kinetics_of

__all__ = ["plan", "run"]


def run(config: Export) -> Path:
    """Convert one circuit; returns the written file.

    Parameters
    ----------
    config
        Settings of the command.

    Returns
    -------
    Path
        The written file.
    """
    loaded = read(config.file)
    model = kinetics_of(loaded, Stream(config.seed))
    return write(loaded.circuit, config.to, model, loaded.start, loaded.own)


def plan(config: Export) -> dict[str, object]:
    """The circuit and where it would go, without writing.

    Parameters
    ----------
    config
        Settings of the command.

    Returns
    -------
    dict
        Facts by name.
    """
    circuit = read(config.file).circuit
    return {"genes": len(circuit), "regulations": len(circuit.edges), "output": str(config.to)}
