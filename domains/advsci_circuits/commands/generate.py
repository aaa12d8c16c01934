"""``advsci-circuits generate``: draw circuits or large networks, one file each."""

from pathlib import Path

import torch

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci.training import Run
from advsci_circuits.config import Generate
from advsci_circuits.design.draws import draw
from advsci_circuits.dynamics.functions import is_directed
from advsci_circuits.formats import write
from advsci_circuits.game.sample import generate
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.circuit import Circuit
from advsci_circuits.networks.sample import generate_networks
from advsci_circuits.networks.wishes import asked_for
from advsci_circuits.store import load_generator, load_likelihood, load_networks, load_surrogates

__all__ = ["plan", "run"]


def run(config: Generate, folder: Run) -> Path:
    """Draw circuits, valid ones only, or large networks, and write one file each; returns the folder.

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
    batch = _circuits(config) if config.genes is None else _networks(config, config.genes)
    for k, matrix in enumerate(batch.matrices()):
        if matrix.any():
            write(Circuit(matrix, name=f"circuit {k}"), folder.path / f"circuit_{k:05d}.{config.format}")
    return folder.path


def _circuits(config: Generate) -> CircuitBatch:
    """Circuits of three to six genes for a known function from the likelihood, all others from the generator."""
    if config.smallest > config.largest:
        raise ConfigError(
            f"got sizes {config.smallest} to {config.largest}; expected the fewest first. "
            f"Try: --smallest {config.largest} --largest {config.smallest}."
        )
    wished = [n for n in ("edges_per_gene", "activating", "hub") if getattr(config, n) is not None]
    if wished:
        raise ConfigError(
            f"got --{wished[0].replace('_', '-')} for circuits of {config.smallest} to {config.largest} genes; "
            "expected that of large networks only. Try: --genes 40."
        )
    stream = Stream(config.seed)
    sizes = config.smallest + stream.at("sizes").integers(config.largest - config.smallest + 1, (config.count,))
    signs = torch.zeros(len(sizes), int(sizes.max()), int(sizes.max()), dtype=torch.int8)
    rest = torch.ones(len(sizes), dtype=torch.bool)
    # what has an input and an output is too rare among real circuits to be waited for
    if config.function is not None and config.model is None and not is_directed(config.function):
        likelihood, surrogates = load_likelihood()[0], load_surrogates()[0]
        for n in sizes.unique().tolist():
            surrogate = surrogates.of(config.function, n)
            if surrogate is not None:
                rows = (sizes == n).nonzero()[:, 0]
                key = stream.at("draw", n)
                signs[rows, :n, :n] = draw(likelihood.of(n), surrogate, len(rows), key, goal=config.goal)
                rest[rows] = False
    if rest.any():
        made = generate(
            load_generator(config.model)[0], sizes[rest], stream.at("generate"), function=config.function,
            temperature=config.temperature, rounds=config.rounds,
        ).signs  # fmt: skip
        signs[rest, : made.shape[1], : made.shape[1]] = made
    return CircuitBatch(signs, sizes)


def _networks(config: Generate, genes: int) -> CircuitBatch:
    """Large networks, each the best of several proposals."""
    if config.function is not None:
        raise ConfigError(
            f"got --function {config.function} for networks of {genes} genes; expected no function beyond eight genes. "
            "Try: leave --genes out."
        )
    model, _ = load_networks(config.model)
    stream, sizes = Stream(config.seed), torch.full((config.count,), genes)
    wishes = model.likely_wishes(sizes, stream.at("wishes").uniform((config.count,)))
    wishes = asked_for(wishes, config.edges_per_gene, config.activating, config.hub)
    return generate_networks(model, sizes, stream.at("generate"), wishes=wishes, tries=config.tries)


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
    genes = config.genes or f"{config.smallest} to {config.largest}"
    return {"circuits": config.count, "genes": genes, "format": config.format}
