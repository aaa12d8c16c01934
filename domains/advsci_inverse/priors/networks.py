"""Networks of image priors: dense ones for small images, R3GAN's residual ones for larger."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ConfigError
from advsci.nn import ResidualDiscriminator, ResidualGenerator
from advsci_inverse.priors.hybrid import Synthesis

__all__ = ["DenseGenerator", "build_discriminator", "build_synthesis"]


def _dense(sizes: Sequence[int], out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(a, b), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], out))


class DenseGenerator(nn.Module):
    """Latent vectors to images in (0, 1) by fully connected layers."""

    def __init__(self, latent: int, shape: tuple[int, int], widths: Sequence[int]):
        super().__init__()
        self.shape = shape
        self.body = _dense((latent, *widths), shape[0] * shape[1])
        nn.init.constant_(self.body[-1].bias, -2.0)  # type: ignore[arg-type]

    def forward(self, z: Float[Tensor, "n k"]) -> Float[Tensor, "n 1 h w"]:
        return torch.sigmoid(self.body(z)).reshape(-1, 1, *self.shape)


class _ConvGenerator(nn.Module):
    """R3GAN's residual generator with its output squashed to (0, 1)."""

    def __init__(self, latent: int, shape: tuple[int, int], widths: Sequence[int]):
        super().__init__()
        self.body = ResidualGenerator(latent, 1, shape, tuple(widths))

    def forward(self, z: Float[Tensor, "n k"]) -> Float[Tensor, "n 1 h w"]:
        return torch.sigmoid(2.0 * self.body(z) - 2.0)


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
        return self.body(x)


def build_synthesis(
    kind: str, latent: int, shape: tuple[int, int], widths: Sequence[int], *, encoder: bool = True
) -> Synthesis:
    """Generator and encoder of one kind, ``"dense"`` or ``"residual"``; ``widths`` run from the latent outwards."""
    inner = tuple(reversed(widths))
    if kind == "dense":
        body = nn.Sequential(nn.Flatten(), _dense((shape[0] * shape[1], *inner), 2 * latent)) if encoder else None
        return Synthesis(DenseGenerator(latent, shape, widths), body, latent)
    if kind == "residual":
        body = _ConvEncoder(latent, shape, inner) if encoder else None
        return Synthesis(_ConvGenerator(latent, shape, widths), body, latent)
    raise ConfigError(f"got networks '{kind}'; expected 'dense' or 'residual'")


def build_discriminator(kind: str, shape: tuple[int, int], widths: Sequence[int]) -> nn.Module:
    """A discriminator of images ``[n, 1, h, w]``; ``widths`` run from the image inwards."""
    if kind == "dense":
        return nn.Sequential(nn.Flatten(), _dense((shape[0] * shape[1], *widths), 1))
    if kind == "residual":
        return ResidualDiscriminator(1, shape, tuple(widths))
    raise ConfigError(f"got networks '{kind}'; expected 'dense' or 'residual'")
