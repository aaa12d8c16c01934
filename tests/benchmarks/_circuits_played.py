"""The graph GAN on samples of the posterior: real-looking circuits that oscillate, as the chains hold them.

Two generators of the same network and as many steps: one spends the last of them on the game against a discriminator
that sees the samples, the other goes on with the likelihood of their hidden edges.
"""

from collections.abc import Callable

import numpy as np
import torch

from advsci.physics import PhysicsInformedDiscriminator
from advsci.schedules import Cosine
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import EMA, Trainer
from advsci_circuits.config import Train
from advsci_circuits.game.completion import CompletionGame
from advsci_circuits.game.condition import contents_of
from advsci_circuits.game.discriminator import CircuitDiscriminator
from advsci_circuits.game.feasibility import CircuitPhysics
from advsci_circuits.game.generator import CompletionGenerator
from advsci_circuits.game.sample import generate
from advsci_circuits.game.training import OneSize, training_data
from advsci_datasets.circuits import SignedGraphs

__all__ = ["played"]

WARMUP, STEPS = (150, 50), (1500, 500)
"""Steps of the likelihood and of the game: quick, and in full."""


def played(signs: torch.Tensor, seed: int, *, quick: bool, adversarial: float) -> Callable[[int], torch.Tensor]:
    """Train on the samples (m n n); returns what draws circuits. An ``adversarial`` of zero never plays."""
    stream, genes = Stream(seed).at("played"), signs.shape[1]
    config = Train(game=True, draws=600 if quick else 6000, smallest=genes, largest=max(genes, 4))
    names = tuple(str(i) for i in range(len(signs)))
    sizes = np.full(len(signs), genes)
    graphs = SignedGraphs(
        signs.numpy(), sizes, tuple((name,) for name in names), np.zeros(len(signs), bool), names, names, names
    )  # fmt: skip
    data = OneSize(training_data(graphs, np.arange(len(signs)), None, config, stream.at("draws").numpy()))
    physics = CircuitPhysics(None)
    with stream.at("networks").seeded():
        generator = CompletionGenerator(config.width, config.blocks, known=len(signs))
        critic = CircuitDiscriminator(32, 2, findings=len(physics.names))
    known = torch.from_numpy(sizes)
    generator.prior.copy_(torch.cat([known[:, None], contents_of(signs, known)], 1))
    judge = PhysicsInformedDiscriminator(critic, physics, (genes, genes, 2))

    def go(steps: int, weight: float, rates: dict[str, float], schedule: Cosine, turn: int) -> None:
        movers = {name: lambda p, r=r: torch.optim.Adam(p, lr=r, betas=(0.0, 0.99)) for name, r in rates.items()}
        trainer = Trainer(
            steps=steps, batch_size=config.batch, seed=seed + turn, ema=EMA(0.998), device="cpu", quiet=True
        )
        solver = Alternating(movers if weight else movers["generator"], schedule)
        training = trainer.fit(CompletionGame(generator, judge, adversarial=weight), data, solver)
        generator.load_state_dict(training.averaged("generator").state_dict())

    warmup, steps = WARMUP if quick else STEPS
    go(warmup if adversarial else warmup + steps, 0.0, {"generator": config.rate}, Cosine(1.0, 0.1), 0)
    if adversarial:
        rates = {"discriminator": config.rate / 5, "generator": config.rate / 20}
        go(steps, adversarial, rates, Cosine(1.0, 0.2), 1)

    def draw(count: int) -> torch.Tensor:
        """Circuits of that size."""
        made = generate(generator, torch.full((count,), genes), stream.at("drawn"), rounds=genes**2)
        return made.signs[:, :genes, :genes]

    return draw
