"""``advsci-circuits export``: convert one circuit between formats."""

from pathlib import Path

from advsci.streams import Stream
from advsci_circuits.config import Export
from advsci_circuits.formats import read, write
from advsci_circuits.formats.course import kinetics_of

__all__ = ["run"]


def run(config: Export) -> Path:
    """Convert one circuit; returns the written file.

    Parameters
    ----------
    config
        Settings of the command.
    """
    loaded = read(config.file)
    model = kinetics_of(loaded, Stream(config.seed))
    return write(loaded.circuit, config.to, model, loaded.start, loaded.own)
