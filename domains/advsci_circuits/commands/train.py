"""``advsci-circuits train``: a generator of one's own."""

from pathlib import Path
from typing import Any

from advsci.training import Run
from advsci_circuits.config import Train
from advsci_circuits.data.real import real_circuits
from advsci_circuits.game.generator import CompletionGenerator
from advsci_circuits.game.training import train_circuits
from advsci_circuits.store import save_examples, save_generator
from advsci_datasets.circuits import split_by_family

__all__ = ["plan", "run"]


def plan(config: Train) -> dict[str, Any]:
    """What a run would do, as facts by name.

    Parameters
    ----------
    config
        Settings of the command.
    """
    graphs = real_circuits(config.data, config.smallest, config.largest)
    train, test = split_by_family(graphs, (1 - config.held_out, config.held_out), config.seed)
    generator = CompletionGenerator(config.width, config.blocks)
    return {
        "real circuits": len(graphs),
        "for training, for test": (len(train), len(test)),
        "generator parameters": sum(p.numel() for p in generator.parameters()),
        "simulated models": 3 * config.examples * config.sets,
    }


def run(config: Train, folder: Run) -> Path:
    """Train; returns the model file in the run folder, which holds the judged circuits too.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The run's folder.
    """
    trained = train_circuits(config, folder)
    if trained.examples is not None:
        save_examples(trained.examples, folder.path / "examples.safetensors")
    return save_generator(trained.generator, folder.path / "model.safetensors", trained.facts)
