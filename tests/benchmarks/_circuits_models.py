"""What all rows of the circuits benchmark share: trained models, real circuits and their split."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from advsci.cli import execute
from advsci.streams import Stream
from advsci.training import Run
from advsci_circuits.commands.train import run
from advsci_circuits.config import Train
from advsci_circuits.data.real import real_circuits
from advsci_circuits.design.fitting import fit_likelihood
from advsci_circuits.design.likelihood import CircuitLikelihood
from advsci_circuits.game.generator import CompletionGenerator
from advsci_circuits.store import load_generator, load_likelihood, save_likelihood
from advsci_datasets.circuits import SignedGraphs, split_by_family

HELD_OUT = 0.5
"""Part of the source families on the test side: with fewer, their luck and not the sample decides an MMD ratio."""
SMALL = {
    "examples": 120, "sets": 16, "warmup": 300, "steps": 10, "rounds": 1, "draws": 4000, "width": 16, "blocks": 2,
    "batch": 32, "surrogate_steps": 60, "links": 100,
}  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """Whether the small form is asked for, where models lie, and the seeds."""

    quick: bool
    models: Path
    seeds: tuple[int, ...]

    def settings(self, seed: int) -> Train:
        """How the models of this benchmark are trained: as by default, with more families held out."""
        folder = self.models / f"seed{seed}"
        return Train(out=folder, game=True, seed=seed, held_out=HELD_OUT, **(SMALL if self.quick else {}))

    def generator(self, seed: int):
        """The trained generator of one seed."""
        settings = self.settings(seed)
        assert settings.out is not None
        path = settings.out / "model.safetensors"
        if not path.is_file():
            execute(run, settings)
        return load_generator(path)[0]

    def likelihood(self, seed: int, genes: int = 4) -> CircuitLikelihood:
        """The likelihood of the real circuits of one size of the families that one seed trains on."""
        folder = Run(self.models / (f"likelihood{seed}" if genes == 4 else f"likelihood{seed}-{genes}"))
        path = folder.path / "model.safetensors"
        if not path.is_file():
            train, _ = split(seed)
            steps = 100 if self.quick else 1500
            found, facts = fit_likelihood(train, np.arange(len(train)), (genes,), seed, folder, steps, "cpu")
            save_likelihood(found, path, facts)
        return load_likelihood(path)[0]

    def untrained(self, seed: int) -> CompletionGenerator:
        """A generator that has learned nothing: what a search owes to its rounds alone."""
        settings = self.settings(seed)
        with Stream(seed).at("untrained").seeded():
            return CompletionGenerator(settings.width, settings.blocks).eval()


@cache
def real(smallest: int, largest: int) -> SignedGraphs:
    """The valid circuits of the library."""
    return real_circuits("library", smallest, largest)


def split(seed: int) -> tuple[SignedGraphs, SignedGraphs]:
    """Circuits of three to eight genes: for training with this seed, and of families held out."""
    graphs = real(3, 8)
    train, test = split_by_family(graphs, (1 - HELD_OUT, HELD_OUT), seed)
    return graphs.take(train), graphs.take(test)


def shares_by_size(batch, function: str, stream, sets: int) -> torch.Tensor:
    """Robustness with the last gene of each circuit, not of the padding, as output."""
    from advsci_circuits.dynamics.robustness import robustness

    out = torch.zeros(len(batch), dtype=torch.float64)
    for n in np.unique(batch.sizes.numpy()).tolist():
        rows = (batch.sizes == n).nonzero()[:, 0]
        out[rows] = robustness(batch.signs[rows][:, :n, :n], function, stream.at("size", n), sets).share
    return out
