"""A game whose adversary is worth a known amount; and a command that trains it."""

from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import nn

from advsci.config import RunConfig
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.objectives import Wasserstein
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import Trainer


class Shift(nn.Module):
    def __init__(self):
        super().__init__()
        self.at = nn.Parameter(torch.zeros(1))

    def forward(self, z):
        return 0.1 * z + self.at


class Pulled(GAN):
    """A generator that pays half the square of its shift; a critic of slope w moves its rest from 0 to w."""

    cut = False

    def terms(self, player, batch, draw):
        terms = super().terms(player, batch, draw)
        if player == "discriminator":
            return {"still": 0.0 * self.discriminator.weight.sum()}
        shift = cast(Shift, self.generator)
        own = 0.5 * (shift.at - batch["x"].mean()).square().sum()
        return {"objective": terms["objective"].detach() if self.cut else terms["objective"], "own": own}


def make(seed: int, cut: bool = False, **settings):
    critic = nn.Linear(1, 1)
    nn.init.constant_(critic.weight, 0.4)
    game = Pulled(Shift(), critic, Gaussian(1), objective=Wasserstein(), penalties=())
    game.cut = cut
    data = Stream(seed).at("x").normal((64, 1))
    trainer = Trainer(30, 16, seed=seed, quiet=True, device="cpu", log_every=30, **settings)
    return trainer, game, data, Alternating(partial(torch.optim.SGD, lr=0.2))


class Train(RunConfig):
    """Train it."""


def run(config: Train, folder) -> Path:
    """One training, measured by where the generator rests."""

    def rest(training):
        return {"rest": training.game.generator.at.item() + 0.01 * float(Stream(config.seed).normal((1,)))}

    trainer, game, data, solver = make(config.seed, callbacks=[rest], run=folder)
    trainer.fit(game, data, solver)
    (folder.path / "result.txt").write_text("done")
    return folder.path / "result.txt"
