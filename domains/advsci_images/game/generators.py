"""Generator and discriminator of images of any kind, with or without classes."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from advsci.errors import ConfigError
from advsci.nn import (
    ConditionEmbedding,
    Projection,
    ResidualDiscriminator,
    ResidualGenerator,
    StridedDiscriminator,
    StridedGenerator,
    StyleGenerator,
    group_norm,
)

__all__ = ["ConditionalStrided", "Kind", "Pair", "generator_of", "pair_of"]

Kind = Literal["strided", "residual", "style"]


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


def generator_of(kind: Kind, channels: int, size: int, latent: int, width: int, classes: int = 0) -> nn.Module:
    """A new generator of square images.

    Parameters
    ----------
    kind
        ``"strided"`` (cheap), ``"residual"`` (R3GAN's) or ``"style"``.
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
        The side is not divisible by 4, or the width not by 8.
    """
    if size % 4 or width % 8:
        raise ConfigError(
            f"got images of side {size} and width {width}; expected a side divisible by 4 and a width by 8. "
            "Try: crop or pad the images."
        )
    widths = (2 * width, width)
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
    if kind == "residual":
        fine = (width // 2, width, 2 * width)
        discriminator: nn.Module = ResidualDiscriminator(channels, size, fine, condition=classes)
    else:
        strided = StridedDiscriminator(channels, size, (width // 2, 2 * width), 8 * width)
        discriminator = Projection(strided.layers[:-1], 8 * width, classes) if classes else strided
    return Pair(generator, discriminator, getattr(generator, "inputs", latent))
