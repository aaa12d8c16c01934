r"""Progressive growing: coarse images first, finer layers faded in as the training goes on.

Karras et al. 2018, arXiv 1710.10196, section 2. At growth :math:`g \in [0, S - 1]` stage s is faded in by :math:`a_s =
\mathrm{clip}(g - s + 1, 0, 1)`:

.. math:: y_s = (1 - a_s)\, \mathrm{up}(y_{s-1}) + a_s\, \mathrm{rgb}_s(h_s)

and mirrored in the discriminator. Images always have the full size, coarse ones being enlarged. The weights
:math:`a_s` are data on the device. In a training the Trainer also says the time as a number
(`Growth.keep_time`), by which stages of weight 0 are left out: the result is the same to the last bit, and nothing
waits for the device. Compiled, a training is compiled once per stage.
"""

from collections.abc import Sequence
from math import ceil

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from advsci.errors import ConfigError
from advsci.nn.equalised import EqualisedConv2d, EqualisedLinear
from advsci.nn.minibatch import MinibatchStddev
from advsci.nn.norm import PixelNorm

__all__ = ["Growth", "ProgressiveDiscriminator", "ProgressiveGenerator"]


class Growth(nn.Module):
    r"""The fade-in weights of all stages at the training's progress.

    Every stage takes an equal share of the first ``until`` of the training: half of it fading in, half at rest.

    Raises
    ------
    ConfigError
        ``until`` is no share in (0, 1].
    """

    progress: Tensor

    def __init__(self, stages: int, until: float = 0.6):
        super().__init__()
        if not 0.0 < until <= 1.0:
            raise ConfigError(f"got until={until}; expected a share of the training in (0, 1]. Try: 0.6.")
        self.stages = stages
        self.until = until
        self.register_buffer("progress", torch.zeros(()))
        self._begun = stages

    def keep_time(self, progress: float | None) -> None:
        """Leave out, in training mode, the stages that are not in yet at this ``progress``; None computes all.

        Parameters
        ----------
        progress
            Share of the training that is done, as the buffer has it.
        """
        turn = self.stages if progress is None else progress / self.until * self.stages
        self._begun = min(self.stages, max(1, ceil(turn + 1e-5)))  # the buffer has single precision

    @property
    def computed(self) -> int:
        """How many stages are computed, from the coarsest on."""
        return self._begun if self.training else self.stages

    def forward(self) -> Tensor:
        """:math:`a_0 ... a_{S-1}`, with :math:`a_0 = 1`."""
        turn = self.progress / self.until * self.stages
        index = torch.arange(self.stages, device=self.progress.device)
        return torch.where(index == 0, 1.0, (2.0 * (turn - index)).clamp(0.0, 1.0))


class ProgressiveGenerator(nn.Module):
    """Latent vectors to images of side ``4 * 2**(len(widths) - 1)``.

    Parameters
    ----------
    latent
        Length of the latent vectors.
    channels
        Channels of the images.
    widths
        Channels of the stages, coarse to fine.
    until
        Share of the training after which all stages are in.

    Examples
    --------
    >>> import torch
    >>> from advsci.nn import ProgressiveGenerator
    >>> ProgressiveGenerator(8, widths=(8, 8))(torch.zeros(2, 8)).shape
    torch.Size([2, 1, 8, 8])
    """

    def __init__(self, latent: int, channels: int = 1, widths: Sequence[int] = (64, 32, 16, 16), *, until: float = 0.6):
        super().__init__()
        self.growth = Growth(len(widths), until)
        self.first = EqualisedLinear(latent, widths[0] * 16)
        before = [widths[0], *widths[:-1]]
        self.blocks = nn.ModuleList(_block(b, w, PixelNorm) for b, w in zip(before, widths, strict=True))
        self.to_image = nn.ModuleList(EqualisedConv2d(w, channels, 1) for w in widths)

    def forward(self, z: Float[Tensor, "n latent"]) -> Float[Tensor, "n c h w"]:
        """Images (n c h w) from latent vectors ``z`` (n latent), at the resolution of this moment."""
        z = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        h = self.first(z).reshape(z.shape[0], -1, 4, 4)
        fade = self.growth()
        h = self.blocks[0](h)
        image = self.to_image[0](h)
        for s in range(1, self.growth.computed):
            h = self.blocks[s](interpolate(h, scale_factor=2.0))
            image = (1.0 - fade[s]) * interpolate(image, scale_factor=2.0) + fade[s] * self.to_image[s](h)
        for _ in range(self.growth.computed, self.growth.stages):
            image = interpolate(image, scale_factor=2.0)
        return image


class ProgressiveDiscriminator(nn.Module):
    """Images to one logit each, the mirror image of `ProgressiveGenerator`, with the batch's standard deviation.

    Parameters
    ----------
    channels, until
        See `ProgressiveGenerator`.
    widths
        Channels of the stages, fine to coarse.
    """

    def __init__(self, channels: int = 1, widths: Sequence[int] = (16, 16, 32, 64), *, until: float = 0.6):
        super().__init__()
        self.growth = Growth(len(widths), until)
        after = [*widths[1:], widths[-1]]
        self.from_image = nn.ModuleList(EqualisedConv2d(channels, w, 1) for w in widths)
        self.blocks = nn.ModuleList(_block(w, a, nn.Identity) for w, a in zip(widths, after, strict=True))
        self.statistics = MinibatchStddev()
        self.last = nn.Sequential(
            EqualisedConv2d(widths[-1] + 1, widths[-1]),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            EqualisedLinear(widths[-1] * 16, 1),
        )

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
        """Logits (n) of images ``x`` (n c h w), seen at the resolution of this moment."""
        fade = self.growth().flip(0)
        first = self.growth.stages - self.growth.computed
        for _ in range(first):
            x = avg_pool2d(x, 2)
        h = self.from_image[first](x)
        for s in range(first, self.growth.stages - 1):
            h = avg_pool2d(self.blocks[s](h), 2)
            x = avg_pool2d(x, 2)
            h = fade[s] * h + (1.0 - fade[s]) * self.from_image[s + 1](x)
        return self.last(self.statistics(self.blocks[-1](h))).flatten()


def _block(before: int, after: int, norm: type[nn.Module]) -> nn.Sequential:
    return nn.Sequential(
        EqualisedConv2d(before, after),
        nn.LeakyReLU(0.2),
        norm(),
        EqualisedConv2d(after, after),
        nn.LeakyReLU(0.2),
        norm(),
    )
