r"""A learned denoiser: posterior mean and spread of an image seen in white noise of known level.

For :math:`r = x + s\,n`, :math:`n\sim N(0, I)`, the network estimates :math:`\mathbb E[x\mid r]` and the standard
deviation of each pixel. It is preconditioned as in Karras et al. 2022 (arXiv 2206.00364, table 1): with
:math:`d = x_0 + c_{skip}(r - x_0)` and :math:`c = s\,\sigma/\sqrt{s^2+\sigma^2}` the estimate is :math:`d + c\,F`. The
network's target then has unit variance at every level; :math:`x_0, \sigma` are mean and spread of the images' pixels.

The extra channels are for callers that know more than ``r``, such as a reconstruction under way.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.games import Game
from advsci.games.game import Batch, Draw, require
from advsci.streams import Stream
from advsci_inverse.priors.unet import ResidualUNet

__all__ = ["Denoiser", "DenoisingGame"]


class Denoiser(nn.Module):
    """Posterior mean and standard deviation of an image in white noise.

    Parameters
    ----------
    mean, spread
        Mean and standard deviation of the images' pixels.
    extra
        Further image channels that a caller may hand in (zeros if it does not).
    widths, blocks, precision
        See `ResidualUNet`.
    """

    def __init__(
        self,
        mean: float,
        spread: float,
        *,
        extra: int = 0,
        widths: Sequence[int] = (32, 96),
        blocks: Sequence[int] = (1, 3),
        precision: torch.dtype | None = None,
    ):
        super().__init__()
        self.mean, self.spread, self.extra = mean, spread, extra
        self.body = ResidualUNet(2 + extra, 2, widths, blocks, precision)

    def forward(
        self, r: Float[Tensor, "n h w"], level: Float[Tensor, " n"], extra: Float[Tensor, "n k h w"] | None = None
    ) -> tuple[Float[Tensor, "n h w"], Float[Tensor, "n h w"]]:
        """Mean and standard deviation for pseudo-data ``r`` at noise ``level``."""
        s = level[:, None, None].clamp(min=1e-4)
        total = (s.square() + self.spread**2).sqrt()
        centred = r - self.mean
        channels = [(centred / total)[:, None], (s.log() / 2 + 1.0).expand_as(r)[:, None]]
        if self.extra:
            channels.append(r.new_zeros(len(r), self.extra, *r.shape[1:]) if extra is None else extra)
        out = self.body(torch.cat(channels, 1))
        scale = s * self.spread / total
        mean = self.mean + centred * (self.spread / total).square() + scale * out[:, 0]
        return mean, scale * torch.exp((out[:, 1] - 0.7).clamp(-5.0, 1.5))


def gaussian_nll(target: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """Mean negative log-likelihood of the spread alone: the mean's gradient is stopped."""
    error = (target - mean).detach()
    return (deviation.log() + 0.5 * (error / deviation).square()).mean()


class DenoisingGame(Game):
    """A game of one player: the denoiser minimises its error at noise levels drawn log-uniformly."""

    def __init__(self, denoiser: Denoiser, levels: tuple[float, float] = (0.004, 3.0), spread_weight: float = 0.05):
        super().__init__()
        self.denoiser, self.levels, self.spread_weight = denoiser, levels, spread_weight

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"denoiser": self.denoiser}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        x = require(batch, "x", "DenoisingGame")
        low, high = math.log(self.levels[0]), math.log(self.levels[1])
        u = stream.at("level").uniform((len(x),), device=x.device, dtype=x.dtype)
        noise = stream.at("noise").normal(tuple(x.shape), device=x.device, dtype=x.dtype)
        return {"level": torch.exp(low + (high - low) * u), "noise": noise}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        x, s = batch["x"], draw["level"]
        mean, deviation = self.denoiser(x + s[:, None, None] * draw["noise"], s)
        unit = (s * self.denoiser.spread / (s.square() + self.denoiser.spread**2).sqrt())[:, None, None]
        error = ((mean - x) / unit).square().mean()
        return {"error": error, "spread": self.spread_weight * gaussian_nll(x / unit, mean / unit, deviation / unit)}

    def check(self, batch: Batch, draw: Draw) -> None:
        x = require(batch, "x", "DenoisingGame")
        self.denoiser(x, draw["level"])
