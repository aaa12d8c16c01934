"""The cheapest convolutional pair: 4 x 4 convolutions of stride 2 as in DCGAN, without normalisation.

Radford et al. 2016 (arXiv 1511.06434) change the resolution with every layer, so that nothing is computed at full size;
their batch norm goes, since it couples the samples of a batch and R1 and R2 do its work (Huang et al. 2024, arXiv
2501.05441), and with it the small initial weights: here He's, so that signals keep their size. Several times faster on
a CPU than `ResidualGenerator`, which is the better pair where time allows.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ConfigError
from advsci.nn.norm import Norm, no_norm

__all__ = ["StridedDiscriminator", "StridedGenerator"]

_SLOPE = 0.2


class StridedGenerator(nn.Module):
    """Latent vectors to images in (-1, 1).

    Parameters
    ----------
    latent
        Length of the latent vectors.
    channels, size
        Channels and side of the images; ``size`` is divisible by 2 to the number of widths.
    widths
        Channels of the hidden layers, coarse to fine.
    norm
        Normalisation before each activation, such as `advsci.nn.batch_norm`.
    groups
        Of the convolutions: as many as ``channels`` where each channel is an image of its own (stacked digits, stains
        of one cell), which then share the latent vector alone.

    Examples
    --------
    >>> StridedGenerator(64, channels=3, size=28)(torch.zeros(2, 64)).shape
    torch.Size([2, 3, 28, 28])
    """

    def __init__(
        self,
        latent: int,
        channels: int = 1,
        size: int = 28,
        widths: Sequence[int] = (128, 32),
        *,
        norm: Norm = no_norm,
        groups: int = 1,
    ):
        super().__init__()
        base = _base(size, len(widths))
        _check_groups(groups, [*widths, channels])
        first = nn.Linear(latent, widths[0] * base**2)
        nn.init.normal_(first.weight, std=latent**-0.5)
        nn.init.zeros_(first.bias)
        layers: list[nn.Module] = [first, nn.Unflatten(1, (widths[0], base, base))]
        for before, after in pairwise([*widths, channels]):
            # of 16 weights a channel, 4 meet at each pixel
            grow = nn.ConvTranspose2d(before, after, 4, 2, 1, groups=groups)
            layers += [norm(before), nn.LeakyReLU(_SLOPE), _he(grow, 4 * before // groups)]
        with torch.no_grad():
            layers[-1].weight.mul_(0.3)  # type: ignore[union-attr, operator]  # tanh starts in its linear range
        self.layers = nn.Sequential(*layers, nn.Tanh())

    def forward(self, z: Float[Tensor, "n latent"]) -> Float[Tensor, "n c h w"]:
        """Images (n c h w) from latent vectors ``z`` (n latent)."""
        return self.layers(z)


class StridedDiscriminator(nn.Module):
    """Images to one logit each.

    Parameters
    ----------
    channels, size
        See `StridedGenerator`.
    widths
        Channels of the convolutions, fine to coarse.
    hidden
        Units between the last convolution and the logit.
    groups
        Of the convolutions; what they find meets in the hidden units.

    Examples
    --------
    >>> import torch
    >>> from advsci.nn import StridedDiscriminator
    >>> StridedDiscriminator(channels=1, size=8, widths=(8,), hidden=16)(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2])
    """

    def __init__(
        self,
        channels: int = 1,
        size: int = 28,
        widths: Sequence[int] = (32, 64),
        hidden: int = 128,
        *,
        groups: int = 1,
    ):
        super().__init__()
        base = _base(size, len(widths))
        _check_groups(groups, [channels, *widths])
        layers: list[nn.Module] = []
        for before, after in pairwise([channels, *widths]):
            shrink = nn.Conv2d(before, after, 4, 2, 1, groups=groups)
            layers += [_he(shrink, 16 * before // groups), nn.LeakyReLU(_SLOPE)]
        flat = widths[-1] * base**2
        layers += [nn.Flatten(), _he(nn.Linear(flat, hidden), flat), nn.LeakyReLU(_SLOPE)]
        self.layers = nn.Sequential(*layers, _he(nn.Linear(hidden, 1), hidden))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
        """Logits (n) of images ``x`` (n c h w)."""
        return self.layers(x).flatten()


def _base(size: int, halvings: int) -> int:
    factor = 2**halvings
    if size < factor or size % factor:
        raise ConfigError(
            f"got images of side {size} for {halvings} widths; expected a side divisible by {factor}. Try: another "
            "number of widths, or pad the images."
        )
    return size // factor


def _check_groups(groups: int, widths: Sequence[int]) -> None:
    if groups < 1 or any(width % groups for width in widths):
        raise ConfigError(
            f"got {groups} groups for {list(widths)} channels; expected a divisor of each. Try: groups=1, or widths "
            "that are multiples."
        )


def _he(layer, fan_in: int):
    nn.init.normal_(layer.weight, std=math.sqrt(2.0 / (1.0 + _SLOPE**2) / fan_in))
    nn.init.zeros_(layer.bias)
    return layer
