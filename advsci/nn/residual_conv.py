r"""Residual convolutional generator and discriminator without normalisation, as in R3GAN.

Huang et al. 2024, arXiv 2501.05441, section 4 (configuration E), at widths that suit small machines. Every stage is one
or more blocks

.. math:: x + W_3\, a(W_2 * a(W_1\, x))

with 1 x 1, grouped 3 x 3 and 1 x 1 convolutions; :math:`W_3 = 0` at the start and :math:`W_1, W_2` scaled by (number of
blocks)\ :sup:`-1/4` (Fixup with three layers a branch, Zhang et al. 2019, arXiv 1901.09321), so that the nets start as
linear ones and need no normalisation. Between stages images are resampled by an antialiasing filter. The coarsest stage
is a learned basis of images that the latent vector scales; the discriminator ends in the transposed form of it.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from advsci.errors import ConfigError
from advsci.nn.condition import ConditionEmbedding, Projection
from advsci.nn.resampling import Downsample, Upsample

__all__ = ["ResidualBlock", "ResidualDiscriminator", "ResidualGenerator"]

_SLOPE = 0.2


class ResidualBlock(nn.Module):
    """One norm-free residual block, the identity at the start.

    Parameters
    ----------
    width
        Channels in and out.
    expansion
        Channels within the block, as a multiple of ``width``.
    groups
        Groups of the 3 x 3 convolution; more groups at the same cost allow more channels.
    blocks
        Number of residual blocks in the whole network, for the scale of the weights.

    Raises
    ------
    ConfigError
        The channels cannot be divided into the groups.
    """

    def __init__(self, width: int, expansion: int = 2, groups: int = 1, blocks: int = 1):
        super().__init__()
        inner = width * expansion
        if inner % groups:
            raise ConfigError(f"got {groups} groups for {inner} channels; expected a divisor. Try: groups=1.")
        first = nn.Conv2d(width, inner, 1)
        second = nn.Conv2d(inner, inner, 3, padding=1, groups=groups)
        third = nn.Conv2d(inner, width, 1, bias=False)
        for layer in (first, second):
            _he(layer, blocks**-0.25)
        nn.init.zeros_(third.weight)
        self.branch = nn.Sequential(first, nn.LeakyReLU(_SLOPE), second, nn.LeakyReLU(_SLOPE), third)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Maps ``x`` (n c h w) plus what the branch makes of them."""
        return x + self.branch(x)


class ResidualGenerator(nn.Module):
    """Latent vectors to images.

    Parameters
    ----------
    latent
        Length of the latent vectors.
    channels, size
        Channels and side of the images (or height and width); ``size`` is divisible by 2 to the number of stages less
        one.
    widths
        Channels of the stages, coarse to fine. Three stages on 28 x 28 start from 7 x 7, four on 32 x 32 from 4 x 4.
    blocks
        Residual blocks a stage.
    expansion, groups
        See `ResidualBlock`.
    condition
        Length of a condition vector, or number of classes; 0 for none.

    Examples
    --------
    >>> ResidualGenerator(64, channels=1, size=28, widths=(64, 32, 16))(torch.zeros(2, 64)).shape
    torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self,
        latent: int,
        channels: int = 1,
        size: int | tuple[int, int] = 32,
        widths: Sequence[int] = (96, 64, 32, 16),
        *,
        blocks: int = 1,
        expansion: int = 2,
        groups: int = 1,
        condition: int = 0,
    ):
        super().__init__()
        base = _base(size, len(widths))
        self.condition = ConditionEmbedding(condition, latent) if condition else None
        self.scale = nn.Linear(latent if self.condition is None else 2 * latent, widths[0], bias=False)
        nn.init.normal_(self.scale.weight, std=self.scale.in_features**-0.5)
        self.basis = nn.Parameter(torch.randn(widths[0], *base))
        total = blocks * len(widths)
        stages: list[nn.Module] = [ResidualBlock(widths[0], expansion, groups, total) for _ in range(blocks)]
        for coarse, fine in pairwise(widths):
            stages += [*_change(coarse, fine), Upsample()]
            stages += [ResidualBlock(fine, expansion, groups, total) for _ in range(blocks)]
        self.stages = nn.Sequential(*stages)
        self.to_image = nn.Conv2d(widths[-1], channels, 1)
        nn.init.normal_(self.to_image.weight, std=widths[-1] ** -0.5)
        nn.init.zeros_(self.to_image.bias)  # type: ignore[arg-type]

    def forward(
        self, z: Float[Tensor, "n latent"], condition: Shaped[Tensor, "n *k"] | None = None
    ) -> Float[Tensor, "n c h w"]:
        """Images (n c h w) from latent vectors ``z`` (n latent) under ``condition``, None where there is none."""
        if self.condition is not None:
            z = torch.cat([z, self.condition(condition)], dim=1)
        return self.to_image(self.stages(self.scale(z)[:, :, None, None] * self.basis))


class ResidualDiscriminator(nn.Module):
    """Images to one logit each; the mirror image of `ResidualGenerator`.

    Parameters
    ----------
    channels, size, blocks, expansion, groups
        See `ResidualGenerator`.
    widths
        Channels of the stages, fine to coarse.
    condition
        Length of a condition vector, or number of classes, judged by projection (`advsci.nn.Projection`); 0 for none.

    Examples
    --------
    >>> import torch
    >>> from advsci.nn import ResidualDiscriminator
    >>> ResidualDiscriminator(channels=1, size=8, widths=(8, 8))(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2])
    """

    def __init__(
        self,
        channels: int = 1,
        size: int | tuple[int, int] = 32,
        widths: Sequence[int] = (16, 32, 64, 96),
        *,
        blocks: int = 1,
        expansion: int = 2,
        groups: int = 1,
        condition: int = 0,
    ):
        super().__init__()
        base = _base(size, len(widths))
        from_image = nn.Conv2d(channels, widths[0], 1)
        nn.init.normal_(from_image.weight, std=channels**-0.5)
        total = blocks * len(widths)
        stages: list[nn.Module] = [from_image]
        for fine, coarse in pairwise(widths):
            stages += [ResidualBlock(fine, expansion, groups, total) for _ in range(blocks)]
            stages += [Downsample(), *_change(fine, coarse)]
        stages += [ResidualBlock(widths[-1], expansion, groups, total) for _ in range(blocks)]
        to_vector = nn.Conv2d(widths[-1], widths[-1], base, groups=widths[-1], bias=False)
        nn.init.normal_(to_vector.weight, std=math.prod(base) ** -0.5)
        features = nn.Sequential(*stages, to_vector, nn.Flatten())
        if condition:
            self.judge: nn.Module = Projection(features, widths[-1], condition)
        else:
            self.judge = nn.Sequential(features, nn.Linear(widths[-1], 1))

    def forward(
        self, x: Float[Tensor, "n c h w"], condition: Shaped[Tensor, "n *k"] | None = None
    ) -> Float[Tensor, " n"]:
        """Logits (n) of images ``x`` (n c h w) under ``condition``, None where there is none."""
        return (self.judge(x) if condition is None else self.judge(x, condition)).reshape(-1)


def _base(size: int | tuple[int, int], stages: int) -> tuple[int, int]:
    height, width = (size, size) if isinstance(size, int) else size
    factor = 2 ** (stages - 1)
    if height % factor or width % factor:
        raise ConfigError(
            f"got images of {height} x {width} for {stages} stages; expected sides divisible by {factor}. "
            "Try: another number of widths, or pad the images."
        )
    return height // factor, width // factor


def _change(before: int, after: int) -> list[nn.Module]:
    """A 1 x 1 convolution where the number of channels changes."""
    if before == after:
        return []
    layer = nn.Conv2d(before, after, 1, bias=False)
    nn.init.normal_(layer.weight, std=before**-0.5)
    return [layer]


def _he(layer: nn.Conv2d, factor: float) -> None:
    fan_in = layer.weight[0].numel()
    nn.init.normal_(layer.weight, std=factor * math.sqrt(2.0 / (1.0 + _SLOPE**2) / fan_in))
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
