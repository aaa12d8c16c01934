r"""Which regularisation of a conditional generator recovers a Gaussian posterior.

With samples :math:`\hat x_1, ..., \hat x_P` for one measurement and their mean :math:`\hat x_{(P)}`,

.. math::
    L_1 &= E |x - \hat x_{(P)}|_1, &
    L_{SD} &= \sqrt{\frac{\pi}{2 P (P-1)}} \sum_i E |\hat x_i - \hat x_{(P)}|_1, \\
    L_2 &= E |x - \hat x_{(P)}|^2, &
    L_{var} &= \frac{1}{P-1} \sum_i E |\hat x_i - \hat x_{(P)}|^2,

the loss :math:`L_1 - \beta L_{SD}` with :math:`\beta = \sqrt{2 / (\pi P (P + 1))}` has its minimum at the true mean and
standard deviation of an independent Gaussian posterior. :math:`L_2` collapses, and :math:`L_2 - \beta L_{var}`
collapses or grows without bound (Bendel, Ahmad and Schniter 2023).
"""

import math

import torch
from torch import Tensor, nn

from advsci.games import Game
from advsci.papers import step
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import Trainer

NOISE = 0.5
"""Variance of the measurement's noise: y = x + w with x ~ N(0, 1) has the posterior N(y / 1.5, 1/3)."""


def rewarded(x: Tensor, samples: Tensor, kind: str, share: float) -> Tensor:
    """The loss for truths x (n d) and samples (P n d); ``share`` scales the reward's weight.

    Parameters
    ----------
    x
        Truths (n d).
    samples
        Samples (P n d) for the same measurements.
    kind
        ``L1`` or ``L2``.
    share
        Factor on the reward's weight; 1 is the theorem's.

    Returns
    -------
    Tensor
        Scalar.
    """
    p, mean = len(samples), samples.mean(0)
    if kind == "L1":
        spread = math.sqrt(math.pi / (2 * p * (p - 1))) * (samples - mean).abs().sum(0).mean()
        return (x - mean).abs().mean() - share * math.sqrt(2 / (math.pi * p * (p + 1))) * spread
    spread = (samples - mean).square().sum(0).mean() / (p - 1)
    return (x - mean).square().mean() - share / p * spread


class Posterior(Game):
    """One player: x = gain * y + shift + exp(log_deviation) * z, entry by entry."""

    def __init__(self, d: int, p: int, kind: str, share: float):
        super().__init__()
        self.p, self.kind, self.share = p, kind, share
        self.network = nn.ParameterDict(
            {"gain": torch.zeros(d), "shift": torch.zeros(d), "log_deviation": torch.zeros(d)}
        )

    @property
    def players(self):
        return {"generator": self.network}

    def check(self, batch, draw):
        """Nothing: ``batch`` and ``draw`` always fit."""
        pass

    def draw(self, batch, stream: Stream):
        """Normal numbers for each sample of each element of ``batch``, from ``stream``."""
        return {"z": stream.at("z").normal((self.p, *batch["x"].shape))}

    def terms(self, player, batch, draw):
        """The rewarded loss on ``batch`` with the samples of ``draw``; there is one ``player``."""
        network = self.network
        centre = network["gain"] * batch["y"] + network["shift"]
        samples = centre + network["log_deviation"].exp() * draw["z"]
        return {"loss": rewarded(batch["x"], samples, self.kind, self.share)}


def minimiser(p: int) -> float:
    """The deviation at which the expected loss L1 - beta L_SD of a true deviation 1 is least, by bisection.

    Parameters
    ----------
    p
        Samples P for each measurement.

    Returns
    -------
    float
        In units of the true deviation.
    """
    log_sigma = torch.zeros((), dtype=torch.float64, requires_grad=True)

    def slope(at: float) -> float:
        """Derivative of the loss in the logarithm of the spread, at ``at``."""
        with torch.no_grad():
            log_sigma.fill_(at)
        sigma = log_sigma.exp()
        value = (
            math.sqrt(2 / math.pi) * (1 + sigma.square() / p).sqrt() - math.sqrt(2 / (math.pi * p * (p + 1))) * sigma
        )
        return float(torch.autograd.grad(value, log_sigma)[0])

    low, high = -2.0, 2.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if slope(middle) < 0.0 else (low, middle)
    return math.exp(0.5 * (low + high))


def measure(seed: int, effort: str) -> dict[str, float]:
    """Deviations and gains that each loss ends at, over the true ones.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        "quick" or "full".

    Returns
    -------
    dict
        Values by the cells' names; lists are curves.
    """
    d, steps = (4, 1500) if effort == "quick" else (64, 10_000)
    stream = Stream(seed).at("data")
    x = stream.at("x").normal((20_000, d))
    data = {"x": x, "y": x + math.sqrt(NOISE) * stream.at("w").normal((20_000, d))}
    deviation, gain = math.sqrt(NOISE / (1 + NOISE)), 1 / (1 + NOISE)
    cells = {f"theorem/{p}": minimiser(p) for p in (2, 4, 8)}
    losses = {"L1 and deviation, P = 2": (2, "L1", 1.0), "L1 and deviation, P = 8": (8, "L1", 1.0)}
    losses |= {"L2": (2, "L2", 0.0), "L2 and variance, less": (2, "L2", 0.8), "L2 and variance, more": (2, "L2", 1.2)}
    for name, (p, kind, share) in losses.items():
        game = Posterior(d, p, kind, share)
        # the last loss has no minimum: a few steps show where it goes
        length = 600 if share > 1.0 else steps
        trainer = Trainer(length, 512, seed=seed, device="cpu", log_every=length, quiet=True)
        trainer.fit(game, data, Simultaneous(adam(1e-2, betas=(0.9, 0.999))))
        cells[f"{name}/deviation"] = float(game.network["log_deviation"].detach().exp().mean()) / deviation
        cells[f"{name}/gain"] = float(game.network["gain"].detach().mean()) / gain
    return cells


if __name__ == "__main__":
    step(measure)
