"""Controls of an evaluation: embeddings whose fault is known, so that a score that misses it is seen to miss it.

- *uncorrected*: principal components; the batch is all there.
- *cells shuffled*: components of other cells at random; perfectly mixed, without any biology.
- *textbook DANN*: an autoencoder with a marginal adversary behind gradient reversal (Ganin et al. 2016, arXiv
  1505.07818), as several packages have it; it merges types that a batch lacks where it wins, and leaves the batch where
  it does not.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from advsci.games import Batch, DomainAdversarial, Draw, Task
from advsci.nn import MLP
from advsci.schedules import DannRamp
from advsci.solvers import Simultaneous
from advsci.solvers.solver import adam
from advsci.streams import Stream
from advsci.training import Trainer
from advsci_singlecell.baselines.peers import Prepared
from advsci_singlecell.game.adversary import CategoricalAdversary

__all__ = ["CONTROLS", "Autoencoder", "shuffled", "textbook_dann", "uncorrected"]


class Autoencoder(Task):
    """Features that reconstruct what they were made from."""

    def __init__(self, dimensions: int, features: int = 20, *, width: int = 128):
        super().__init__()
        self.encoder = MLP(dimensions, features, width=width, depth=2)
        self.decoder = MLP(features, dimensions, width=width, depth=2)

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """No random numbers: an evaluation on ``batch`` needs none of ``stream``."""
        return {}

    def forward(self, batch: Batch, draw: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        """Embedding of ``batch`` and the squared error of its reconstruction; ``draw`` is empty."""
        z = self.encoder(batch["components"])
        return z, {"reconstruction": (self.decoder(z) - batch["components"]).square().mean()}


def uncorrected(data: Prepared) -> np.ndarray:
    """Principal components as they are.

    Parameters
    ----------
    data
        What every method gets.
    """
    return data.components


def shuffled(data: Prepared) -> np.ndarray:
    """Principal components of other cells.

    Parameters
    ----------
    data
        What every method gets.
    """
    return data.components[np.random.default_rng(data.seed).permutation(len(data.components))]


def textbook_dann(data: Prepared, *, strength: float = 1.0, steps: int = 1500) -> np.ndarray:
    """Features of an autoencoder against a marginal adversary, one backward pass a step.

    Parameters
    ----------
    data
        What every method gets.
    strength
        Peak of the adversary.
    steps
        Training steps.
    """
    scale = float(data.components.std()) or 1.0
    x = torch.from_numpy(np.ascontiguousarray(data.components / scale, dtype=np.float32))
    number = torch.from_numpy(np.array(data.batch.cat.codes, dtype=np.int64))
    stream = Stream(data.seed)
    with stream.at("initial parameters").seeded():
        task = Autoencoder(x.shape[1])
        plain: dict[str, Any] = {"weight": None, "allowed": None, "condition": None}
        adversary = CategoricalAdversary(20, 0, len(data.batch.cat.categories), **plain)
    trained = Trainer(
        steps=steps,
        batch_size=min(128, len(x)),
        seed=stream.at("training").key() % 2**31,
        log_every=steps,
        quiet=True,
    ).fit(
        DomainAdversarial(task, adversary, DannRamp(strength)),
        {"components": x, "batch": number},
        Simultaneous(adam(1e-3, (0.9, 0.99))),
    )
    with torch.no_grad():
        return cast(Autoencoder, trained.game.players["task"]).cpu().encoder(x).numpy()


CONTROLS: dict[str, Callable[[Prepared], np.ndarray]] = {
    "uncorrected": uncorrected,
    "cells shuffled": shuffled,
    "textbook DANN": textbook_dann,
}
