"""``advsci-circuits generate``: draw circuits, one file each."""

from pathlib import Path

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci.training import Run
from advsci_circuits.config import Generate
from advsci_circuits.formats import write
from advsci_circuits.game.sample import generate
from advsci_circuits.graphs.circuit import Circuit
from advsci_circuits.store import load_generator

__all__ = ["plan", "run"]


def run(config: Generate, folder: Run) -> Path:
    """Draw circuits, valid ones only, and write one file each; returns the folder.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The run's folder.

    Returns
    -------
    Path
        The folder of the files.
    """
    if config.smallest > config.largest:
        raise ConfigError(
            f"got sizes {config.smallest} to {config.largest}; expected the fewest first. "
            f"Try: --smallest {config.largest} --largest {config.smallest}."
        )
    generator, _ = load_generator(config.model)
    stream = Stream(config.seed)
    sizes = config.smallest + stream.at("sizes").integers(config.largest - config.smallest + 1, (config.count,))
    batch = generate(
        generator, sizes, stream.at("generate"), function=config.function, temperature=config.temperature,
        rounds=config.rounds,
    )  # fmt: skip
    for k, matrix in enumerate(batch.matrices()):
        if matrix.any():
            write(Circuit(matrix, name=f"circuit {k}"), folder.path / f"circuit_{k:05d}.{config.format}")
    return folder.path


def plan(config: Generate) -> dict[str, object]:
    """What would be drawn.

    Parameters
    ----------
    config
        Settings of the command.

    Returns
    -------
    dict
        Facts by name.
    """
    return {"circuits": config.count, "genes": f"{config.smallest} to {config.largest}", "format": config.format}
