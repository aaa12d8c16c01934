"""``advsci-circuits export``: convert one circuit between formats."""

from pathlib import Path

from advsci.streams import Stream
from advsci_circuits.commands.kinetics import kinetics_of
from advsci_circuits.config import Export
from advsci_circuits.formats import read, write

__all__ = ["run"]


def run(config: Export) -> Path:
    """Convert one circuit; returns the written file.

    Parameters
    ----------
    config
        Settings of the command.
    """
    loaded = read(config.file)
    return write(loaded.circuit, config.to, kinetics_of(loaded, Stream(config.seed)), loaded.start)
