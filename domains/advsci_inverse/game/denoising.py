"""The game of a denoiser: one player, its error at every noise level."""

import math

import torch
from torch import Tensor, nn

from advsci.games import Game
from advsci.games.game import Batch, Draw, require
from advsci.streams import Stream
from advsci_inverse.priors.denoiser import Denoiser, gaussian_nll

__all__ = ["DenoisingGame"]


class DenoisingGame(Game):
    """A game of one player: the denoiser minimises its error at noise levels drawn log-uniformly.

    Parameters
    ----------
    denoiser
        The player.
    levels
        Least and largest standard deviation of the noise.
    spread_weight
        Weight of the standard deviation's likelihood beside the error.
    """

    def __init__(self, denoiser: Denoiser, levels: tuple[float, float] = (0.004, 3.0), spread_weight: float = 0.05):
        super().__init__()
        self.denoiser, self.levels, self.spread_weight = denoiser, levels, spread_weight

    @property
    def players(self) -> dict[str, nn.Module]:
        """The one player."""
        return {"denoiser": self.denoiser}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """The random numbers of one evaluation on ``batch``, from the ``stream``."""
        x = require(batch, "x", "DenoisingGame")
        low, high = math.log(self.levels[0]), math.log(self.levels[1])
        u = stream.at("level").uniform((len(x),), device=x.device, dtype=x.dtype)
        noise = stream.at("noise").normal(tuple(x.shape), device=x.device, dtype=x.dtype)
        return {"level": torch.exp(low + (high - low) * u), "noise": noise}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Terms of the ``player`` on a ``batch`` and ``draw``."""
        x, s = batch["x"], draw["level"]
        mean, deviation = self.denoiser(x + s[:, None, None] * draw["noise"], s)
        unit = (s * self.denoiser.spread / (s.square() + self.denoiser.spread**2).sqrt())[:, None, None]
        error = ((mean - x) / unit).square().mean()
        return {"error": error, "spread": self.spread_weight * gaussian_nll(x / unit, mean / unit, deviation / unit)}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Whether ``batch``, ``draw`` and network fit."""
        x = require(batch, "x", "DenoisingGame")
        self.denoiser(x, draw["level"])
