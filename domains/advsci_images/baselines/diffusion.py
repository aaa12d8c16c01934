r"""A small diffusion model, to compare a GAN with.

With :math:`x_t = \sqrt{\bar\alpha_t}\, x + \sqrt{1 - \bar\alpha_t}\, \epsilon` and a cosine schedule (Ho et al. 2020,
arXiv 2006.11239, eq. 4; Nichol and Dhariwal 2021, arXiv 2102.09672, eq. 17) a network estimates :math:`x`,

.. math:: \min_\theta\; E\, \min(\mathrm{SNR}_t, 5)\, |x - \hat x_\theta(x_t, t)|^2

(Hang et al. 2023, arXiv 2303.09556, eq. 10), and samples follow DDIM (Song et al. 2021, arXiv 2010.02502, eq. 12 with
:math:`\sigma = 0`).
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci.games import Batch, Draw, Game
from advsci.games.game import require
from advsci.streams import Stream

__all__ = ["Diffusion", "TIME_FEATURES", "time_features"]

TIME_FEATURES = 16
"""Length of the condition that tells the network the time."""


def time_features(t: Float[Tensor, " n"]) -> Float[Tensor, "n k"]:
    """Waves of the time ``t`` in [0, 1], (n, `TIME_FEATURES`)."""
    angle = t[:, None] * math.pi * torch.exp2(torch.arange(TIME_FEATURES // 2, device=t.device) / 2.0)
    return torch.cat([angle.cos(), angle.sin()], 1)


class Diffusion(Game):
    """One player, a denoiser of all noise levels.

    Parameters
    ----------
    denoiser
        ``denoiser(x, time_features(t))`` gives an estimate of the clean images.
    shape
        Channels, height and width of the images.
    """

    def __init__(self, denoiser: nn.Module, shape: tuple[int, int, int]):
        super().__init__()
        self.denoiser, self.shape = denoiser, shape

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"model": self.denoiser}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Time and noise for every image of ``batch``, from ``stream``."""
        x = require(batch, "x", "Diffusion")
        time = stream.at("time").uniform((len(x),), device=x.device)
        return {"time": 0.001 + 0.998 * time, "noise": stream.at("noise").normal(tuple(x.shape), device=x.device)}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Weighted squared error of denoising ``batch`` at the times of ``draw``; there is one ``player``."""
        x, t = batch["x"], draw["time"]
        signal, noise = (part[:, None, None, None] for part in levels(t))
        error = (x - self.denoiser(signal * x + noise * draw["noise"], time_features(t))).square().mean((1, 2, 3))
        return {"denoising": ((signal / noise).square().flatten().clamp_max(5.0) * error).mean()}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a `ShapeError` where the denoiser's images do not fit those of ``batch`` at the times of ``draw``.

        Raises
        ------
        ShapeError
            The denoiser returns another shape than its input's.
        """
        x = require(batch, "x", "Diffusion")
        with torch.no_grad():
            made = self.denoiser(x, time_features(draw["time"]))
        if made.shape != x.shape:
            raise ShapeError(
                f"got {tuple(made.shape)} from the denoiser; expected {tuple(x.shape)}. Try: change its last layer."
            )

    @torch.no_grad()
    def sample(
        self, n: int, stream: Stream, *, steps: int = 30, denoiser: "nn.Module | None" = None
    ) -> Float[Tensor, "n c h w"]:
        """Images from noise.

        Parameters
        ----------
        n
            How many.
        stream
            Source of the noise.
        steps
            Evaluations of the network per image.
        denoiser
            Replaces the game's own, such as its average.

        Returns
        -------
        Tensor
            Images in [-1, 1].
        """
        network = denoiser if denoiser is not None else self.denoiser
        device = next(network.parameters()).device
        x = stream.normal((n, *self.shape), device=device)
        times = torch.linspace(0.999, 0.001, steps + 1, device=device)
        for t, s in zip(times[:-1], times[1:], strict=True):
            now = t.expand(n)
            clean = network(x, time_features(now))
            (a, b), (c, d) = levels(t), levels(s)
            x = c * clean + d * (x - a * clean) / b
        return x.clamp(-1.0, 1.0)


def levels(t: Tensor) -> tuple[Tensor, Tensor]:
    r""":math:`\sqrt{\bar\alpha_t}` and :math:`\sqrt{1 - \bar\alpha_t}` of times ``t``, on a quarter circle."""
    return torch.cos(0.5 * math.pi * t), torch.sin(0.5 * math.pi * t)
