"""A command whose metric is known: the generator rests at the critic's slope, a setting, and is judged by its miss."""

import time
from functools import partial
from pathlib import Path

import pulled_game
import torch
from pydantic import Field
from torch import nn

from advsci.config import RunConfig
from advsci.errors import DivergenceError
from advsci.solvers import Alternating
from advsci.training import Trainer


class Train(RunConfig):
    """Train a generator that a critic of this slope moves."""

    slope: float = Field(default=0.0, gt=-5, lt=5, description="Slope of the critic.")
    kind: str = Field(default="plain", description="broken fails; all else trains.")
    wait: float = Field(default=0.0, ge=0, description="Seconds to wait at each record.")


def run(config: Train, folder) -> Path:
    """One training; the miss is the square of the distance of the generator's rest from .3."""
    if config.kind == "broken":
        raise DivergenceError("got a broken training; expected a plain one. Try: kind=plain.")
    _, game, data, _ = pulled_game.make(0)
    nn.init.constant_(game.discriminator.weight, config.slope)

    def miss(training):
        time.sleep(config.wait)
        shift = training.game.generator.at - data.mean()
        return {"miss": (shift - 0.3).square().item()}

    trainer = Trainer(
        40,
        64,
        seed=config.seed,
        quiet=True,
        device="cpu",
        log_every=5,
        callbacks=[miss],
        run=folder,
        checkpoint_every=5,
    )
    trainer.fit(game, data, Alternating(partial(torch.optim.SGD, lr=0.5)))
    (folder.path / "result.txt").write_text("done")
    return folder.path / "result.txt"
