"""Networks of image priors: dense ones for small images, R3GAN's residual and style-based ones for larger."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from advsci.errors import ConfigError
from advsci.nn import ConditionEmbedding, Projection, ResidualDiscriminator, ResidualGenerator, StyleGenerator

__all__ = ["DenseGenerator", "Synthesis", "build_discriminator", "build_synthesis"]


class Synthesis(nn.Module):
    """Generator and, optionally, encoder: together one player.

    Parameters
    ----------
    generator
        Latent vectors to images ``[n, 1, h, w]``.
    encoder
        Images to mean and log standard deviation of the latents, or None.
    latent
        Length of the latent vectors.
    """

    def __init__(self, generator: nn.Module, encoder: nn.Module | None, latent: int):
        super().__init__()
        self.generator, self.encoder, self.latent = generator, encoder, latent

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation of ``q(z|x)``.

        Parameters
        ----------
        x
            Images ``[n, 1, h, w]``.

        Returns
        -------
        mean, log_deviation : tensor [n, latent]
            The latter between -7 and 2.
        """
        assert self.encoder is not None
        mean, log_deviation = self.encoder(x).chunk(2, 1)
        return mean, log_deviation.clamp(-7.0, 2.0)


def _dense(sizes: Sequence[int], out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(a, b), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], out))


class DenseGenerator(nn.Module):
    """Latent vectors, and perhaps conditions, to images in (0, 1) by fully connected layers.

    Parameters
    ----------
    latent
        Length of the latent vectors.
    shape
        Height and width.
    widths
        Hidden widths, from the latent on.
    condition
        Number of classes or length of the condition; 0 for none.
    """

    def __init__(self, latent: int, shape: tuple[int, int], widths: Sequence[int], condition: int = 0):
        super().__init__()
        self.shape = shape
        self.condition = ConditionEmbedding(condition, latent) if condition else None
        self.body = _dense((2 * latent if condition else latent, *widths), shape[0] * shape[1])
        nn.init.constant_(self.body[-1].bias, -2.0)  # type: ignore[arg-type]

    def forward(
        self, z: Float[Tensor, "n k"], condition: Shaped[Tensor, "n *c"] | None = None
    ) -> Float[Tensor, "n 1 h w"]:
        """Images of latent vectors ``z`` under a ``condition`` each, where the network takes one."""
        if self.condition is not None:
            z = torch.cat([z, self.condition(condition)], 1)
        return torch.sigmoid(self.body(z)).reshape(-1, 1, *self.shape)


class _ConvGenerator(nn.Module):
    """A convolutional generator with its output squashed to (0, 1)."""

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body = body

    def forward(
        self, z: Float[Tensor, "n k"], condition: Shaped[Tensor, "n *c"] | None = None
    ) -> Float[Tensor, "n 1 h w"]:
        """Images of latent vectors ``z`` under a ``condition`` each."""
        return torch.sigmoid(2.0 * self.body(z, condition) - 2.0)


def _style(latent: int, shape: tuple[int, int], widths: Sequence[int], condition: int) -> StyleGenerator:
    factor = 2 ** (len(widths) - 1)
    if shape[0] != shape[1] or shape[0] % factor:
        raise ConfigError(
            f"got images of {shape} for a style-based generator of {len(widths)} stages; expected square ones whose "
            f"side {factor} divides. Try: another number of widths."
        )
    return StyleGenerator(latent, 1, shape[0] // factor, tuple(widths), condition=condition)


class _ConvEncoder(nn.Module):
    def __init__(self, latent: int, shape: tuple[int, int], widths: Sequence[int]):
        super().__init__()
        channels, layers = 1, []
        for width in widths:
            layers += [nn.Conv2d(channels, width, 3, stride=2, padding=1), nn.SiLU()]
            channels = width
        sides = [-(-n // 2 ** len(widths)) for n in shape]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * sides[0] * sides[1], 2 * latent))

    def forward(self, x: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n k2"]:
        """Mean and log standard deviation of the latents of ``x``."""
        return self.body(x)


def build_synthesis(
    kind: str,
    latent: int,
    shape: tuple[int, int],
    widths: Sequence[int],
    *,
    encoder: bool = True,
    condition: int = 0,
) -> Synthesis:
    """Generator and encoder.

    Parameters
    ----------
    kind
        ``"dense"``, ``"residual"`` or ``"style"``.
    latent
        Length of the latent vectors.
    shape
        Height and width.
    widths
        Widths from the latent outwards.
    encoder
        Whether there is an encoder.
    condition
        Number of classes or length of the condition; 0 for none.

    Returns
    -------
    Synthesis
        The player.

    Raises
    ------
    ConfigError
        Another kind, or a size that it cannot make.
    """
    inner = tuple(reversed(widths))
    if kind == "dense":
        body = nn.Sequential(nn.Flatten(), _dense((shape[0] * shape[1], *inner), 2 * latent)) if encoder else None
        return Synthesis(DenseGenerator(latent, shape, widths, condition), body, latent)
    if kind == "residual":
        generator: nn.Module = ResidualGenerator(latent, 1, shape, tuple(widths), condition=condition)
    elif kind == "style":
        generator = _style(latent, shape, widths, condition)
    else:
        raise ConfigError(f"got networks '{kind}'; expected 'dense', 'residual' or 'style'. Try: dense.")
    return Synthesis(_ConvGenerator(generator), _ConvEncoder(latent, shape, inner) if encoder else None, latent)


def build_discriminator(kind: str, shape: tuple[int, int], widths: Sequence[int], *, condition: int = 0) -> nn.Module:
    """A discriminator of images ``[n, 1, h, w]``.

    The style-based generator plays against the residual one's. Conditions are judged by projection.

    Parameters
    ----------
    kind
        ``"dense"``, ``"residual"`` or ``"style"``.
    shape
        Height and width.
    widths
        Widths from the image inwards.
    condition
        Number of classes or length of the condition; 0 for none.

    Returns
    -------
    Module
        The player.

    Raises
    ------
    ConfigError
        Another kind.
    """
    if kind == "dense":
        sizes = (shape[0] * shape[1], *widths)
        if not condition:
            return nn.Sequential(nn.Flatten(), _dense(sizes, 1))
        return Projection(nn.Sequential(nn.Flatten(), _dense(sizes[:-1], sizes[-1]), nn.SiLU()), sizes[-1], condition)
    if kind in ("residual", "style"):
        return ResidualDiscriminator(1, shape, tuple(widths), condition=condition)
    raise ConfigError(f"got networks '{kind}'; expected 'dense', 'residual' or 'style'. Try: dense.")
