"""Learned baselines, trained on what the generator was trained on."""

import torch

from advsci.schedules import Cosine
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import EMA, Trainer
from advsci_circuits.baselines import DiscreteDiffusion, GraphVAE, LinkPredictor
from advsci_circuits.config import Train
from advsci_circuits.game.condition import CONDITIONED
from advsci_circuits.game.examples import Examples
from advsci_circuits.game.training import OneSize, training_data
from advsci_circuits.graphs.edges import classes_of
from advsci_datasets.circuits import SignedGraphs


def fit(game, data, steps: int, seed: int, rate: float = 2e-3):
    """Adam with a cosine, as the generator's warm-up has it."""
    solver = Alternating(lambda p: torch.optim.Adam(p, lr=rate), Cosine(1.0, 0.05))
    Trainer(steps=steps, batch_size=96, seed=seed, device="cpu", quiet=True).fit(game, data, solver)
    return game


def link_predictor(graphs: SignedGraphs, settings: Train, steps: int) -> LinkPredictor:
    """The relational network, on real circuits, with the average and the decay of weights of the generator's own."""
    data = training_data(graphs, torch.arange(len(graphs)).numpy(), None, settings, Stream(settings.seed).numpy())
    torch.manual_seed(settings.seed)
    solver = Alternating(lambda p: torch.optim.AdamW(p, lr=2e-3, weight_decay=0.1), Cosine(1.0, 0.05))
    trainer = Trainer(
        steps=steps, batch_size=96, seed=settings.seed, device="cpu", quiet=True, ema=EMA(0.998, ("model",))
    )
    averaged = trainer.fit(LinkPredictor(), OneSize(data), solver).averaged("model")
    assert isinstance(averaged, LinkPredictor)
    return averaged


def diffusion(graphs: SignedGraphs, examples: Examples, settings: Train, steps: int) -> DiscreteDiffusion:
    """Discrete diffusion, asked for functions with the same condition vector."""
    data = training_data(graphs, torch.arange(len(graphs)).numpy(), examples, settings, Stream(settings.seed).numpy())
    sizes = data["condition"][:, 0]
    counts = torch.bincount(classes_of(data["x"]).flatten(), minlength=3).double()
    counts[0] -= len(sizes) * data["x"].shape[1] ** 2 - sizes.double().square().sum()
    torch.manual_seed(settings.seed)
    return fit(DiscreteDiffusion((counts / counts.sum()).float()), OneSize(data), steps, settings.seed)


def graph_vae(
    graphs: SignedGraphs, examples: Examples, settings: Train, steps: int, size: int, function: str
) -> GraphVAE:
    """A graph VAE of the examples of one size and function: it has no condition, so it is given nothing else."""
    data = training_data(graphs, torch.arange(len(graphs)).numpy(), examples, settings, Stream(settings.seed).numpy())
    condition = data["condition"]
    asked = condition[:, -len(CONDITIONED) + CONDITIONED.index(function)] == 1
    chosen = asked & (condition[:, 0] == size)
    torch.manual_seed(settings.seed)
    return fit(GraphVAE(size), {"x": data["x"][chosen][:, :size, :size]}, steps, settings.seed)
