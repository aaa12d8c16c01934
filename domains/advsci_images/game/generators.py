"""Generator and discriminator of images of any kind, with or without classes."""

import math
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import pad

from advsci.errors import ConfigError
from advsci.nn import (
    ConditionEmbedding,
    DCGANDiscriminator,
    DCGANGenerator,
    ProgressiveDiscriminator,
    ProgressiveGenerator,
    Projection,
    ResidualDiscriminator,
    ResidualGenerator,
    StridedDiscriminator,
    StridedGenerator,
    StyleGenerator,
    group_norm,
)

__all__ = [
    "ConditionalStrided",
    "Cropped",
    "Framed",
    "Kind",
    "Pair",
    "doubled_side",
    "framed",
    "generator_of",
    "pair_of",
    "progressive_widths",
]

Kind = Literal["strided", "residual", "style", "dcgan", "progressive"]


class Pair(NamedTuple):
    """A generator, its discriminator, and the length of the vectors that the generator takes."""

    generator: nn.Module
    discriminator: nn.Module
    inputs: int


class ConditionalStrided(nn.Module):
    """A strided generator told which class is wanted, by an embedding beside the latent vector.

    Parameters
    ----------
    latent
        Length of the latent vectors.
    channels, size
        Channels and side of the images.
    widths
        Channels of the layers, coarse to fine.
    classes
        Number of classes.
    """

    def __init__(self, latent: int, channels: int, size: int, widths: tuple[int, int], classes: int):
        super().__init__()
        self.embedding = ConditionEmbedding(classes, latent)
        self.net = StridedGenerator(2 * latent, channels, size, widths, norm=group_norm(8))

    def forward(
        self, z: Float[Tensor, "n latent"], condition: Int[Tensor, " n"] | Float[Tensor, "n k"]
    ) -> Float[Tensor, "n c h w"]:
        """Images (n c h w) of latent vectors ``z`` (n latent) and ``condition``: labels (n), or vectors (n k)."""
        return self.net(torch.cat([z, self.embedding(condition)], 1))


class Cropped(nn.Module):
    """The middle of a generator's images.

    Parameters
    ----------
    net
        Makes images of a side of at least ``size``.
    size
        Side that is kept.
    """

    def __init__(self, net: nn.Module, size: int):
        super().__init__()
        self.net, self.size = net, size

    def forward(self, z: Float[Tensor, "n latent"]) -> Float[Tensor, "n c h w"]:
        """Images (n c size size) of latent vectors ``z`` (n latent)."""
        images = self.net(z)
        start = (images.shape[2] - self.size) // 2
        return images[:, :, start : start + self.size, start : start + self.size]


class Framed(nn.Module):
    """A discriminator of larger images: the edge of smaller ones is repeated around them.

    Parameters
    ----------
    net
        Judges images of ``side``.
    side
        Of the framed images.
    """

    def __init__(self, net: nn.Module, side: int):
        super().__init__()
        self.net, self.side = net, side

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
        """Logits (n) of images ``x`` (n c h w)."""
        return self.net(framed(x, self.side))


def framed(x: Float[Tensor, "n c h w"], side: int) -> Float[Tensor, "n c s s"]:
    """Square images ``x`` in the middle of ``side`` x ``side`` pixels, their edge repeated outwards."""
    before = (side - x.shape[2]) // 2
    after = side - x.shape[2] - before
    return pad(x, (before, after, before, after), mode="replicate") if side > x.shape[2] else x


def doubled_side(size: int) -> int:
    """The smallest of 8, 16, 32... that is not below ``size``."""
    return max(8, 4 * 2 ** math.ceil(math.log2(size / 4)))


def progressive_widths(side: int, width: int) -> tuple[int, ...]:
    """Channels of the stages from 4 x 4 to ``side``, coarse to fine, ending in ``width`` and half of it."""
    stages = round(math.log2(side / 4)) + 1
    return (*[2 * width] * (stages - 2), width, width // 2)


def generator_of(kind: Kind, channels: int, size: int, latent: int, width: int, classes: int = 0) -> nn.Module:
    """A new generator of square images.

    Parameters
    ----------
    kind
        ``"strided"`` (cheap), ``"residual"`` (R3GAN's), ``"style"``, ``"dcgan"`` or ``"progressive"``. The last two
        double a side of 4 some times; the middle of what they make is taken.
    channels, size
        Channels and side of the images.
    latent
        Length of the latent vectors.
    width
        Channels of the finest layer, divisible by 8.
    classes
        Number of classes that it is told; 0 for none.

    Returns
    -------
    torch.nn.Module
        Called as ``generator(z)`` or ``generator(z, labels)``.

    Raises
    ------
    ConfigError
        The side is not divisible by 4, or the width not by 8; or a kind that knows no classes is told some.
    """
    if size % 4 or width % 8:
        raise ConfigError(
            f"got images of side {size} and width {width}; expected a side divisible by 4 and a width by 8. "
            "Try: crop or pad the images."
        )
    widths = (2 * width, width)
    if kind in ("dcgan", "progressive"):
        if classes:
            raise ConfigError(f"got {classes} classes for {kind}; expected 0. Try: strided, residual or style.")
        side = doubled_side(size)
        if kind == "dcgan":
            return Cropped(DCGANGenerator(latent, channels, side, width), size)
        return Cropped(ProgressiveGenerator(latent, channels, progressive_widths(side, width)), size)
    if kind == "residual":
        return ResidualGenerator(latent, channels, size, (*widths, width // 2), condition=classes)
    if kind == "style":
        return StyleGenerator(latent, channels, size // 4, (*widths, width // 2), mixing=0.5, condition=classes)
    if classes:
        return ConditionalStrided(latent, channels, size, widths, classes)
    return StridedGenerator(latent, channels, size, widths, norm=group_norm(8))


def pair_of(kind: Kind, channels: int, size: int, latent: int, width: int, classes: int = 0) -> Pair:
    """A generator with the discriminator that suits it; the parameters are those of `generator_of`.

    Parameters
    ----------
    kind, channels, size, latent, width, classes
        As in `generator_of`.

    Returns
    -------
    Pair
        Ready for `advsci.games.GAN`; with classes the discriminator judges by projection.
    """
    generator = generator_of(kind, channels, size, latent, width, classes)
    if kind in ("dcgan", "progressive"):
        side = doubled_side(size)
        large: nn.Module = DCGANDiscriminator(channels, side, width)
        if kind == "progressive":
            large = ProgressiveDiscriminator(channels, progressive_widths(side, width)[::-1])
        return Pair(generator, Framed(large, side), latent)
    if kind == "residual":
        fine = (width // 2, width, 2 * width)
        discriminator: nn.Module = ResidualDiscriminator(channels, size, fine, condition=classes)
    else:
        strided = StridedDiscriminator(channels, size, (width // 2, 2 * width), 8 * width)
        discriminator = Projection(strided.layers[:-1], 8 * width, classes) if classes else strided
    return Pair(generator, discriminator, getattr(generator, "inputs", latent))
