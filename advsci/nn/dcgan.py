"""DCGAN as published: strided (transposed) convolutions with batch norm.

Radford et al. 2016, arXiv 1511.06434, section 3 and figure 1: the latent vector becomes a 4 x 4 image, and every
further layer is a 4 x 4 transposed convolution of stride 2; ReLU and tanh in the generator, LeakyReLU(0.2) in the
discriminator, no norm at the image, all weights drawn from N(0, 0.02).

Kept as the reference that others are compared with; for one's own data `advsci.nn.ResidualGenerator` is the better
start.
"""

from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ConfigError
from advsci.nn.norm import Norm, batch_norm

__all__ = ["DCGANDiscriminator", "DCGANGenerator"]


class DCGANGenerator(nn.Module):
    """Latent vectors to images in (-1, 1).

    Parameters
    ----------
    latent
        Length of the latent vectors.
    channels, size
        Channels and side of the images; 8, 16, 32, 64...
    width
        Channels of the last hidden layer; doubled with each coarser one (128 at 64 x 64 in the paper).
    norm
        Normalisation of the hidden layers.
    """

    def __init__(
        self, latent: int = 100, channels: int = 3, size: int = 64, width: int = 64, *, norm: Norm = batch_norm
    ):
        super().__init__()
        widths = [width * 2**i for i in reversed(range(_doublings(size)))]
        layers = _hidden(nn.ConvTranspose2d(latent, widths[0], 4, 1, 0, bias=False), norm(widths[0]), nn.ReLU())
        for before, after in zip(widths, widths[1:], strict=False):
            layers += _hidden(nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), norm(after), nn.ReLU())
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1), nn.Tanh())
        self.apply(_published_init)

    def forward(self, z: Float[Tensor, "n latent"]) -> Float[Tensor, "n c h w"]:
        """Images (n c h w) from latent vectors ``z`` (n latent)."""
        return self.layers(z[:, :, None, None])


class DCGANDiscriminator(nn.Module):
    """Images to one logit each; the parameters are those of `DCGANGenerator`."""

    def __init__(self, channels: int = 3, size: int = 64, width: int = 64, *, norm: Norm = batch_norm):
        super().__init__()
        widths = [width * 2**i for i in range(_doublings(size))]
        layers = _hidden(nn.Conv2d(channels, widths[0], 4, 2, 1), nn.Identity(), nn.LeakyReLU(0.2))
        for before, after in zip(widths, widths[1:], strict=False):
            layers += _hidden(nn.Conv2d(before, after, 4, 2, 1, bias=False), norm(after), nn.LeakyReLU(0.2))
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 0))
        self.apply(_published_init)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
        """Logits (n) of images ``x`` (n c h w)."""
        return self.layers(x).flatten()


def _hidden(convolution: nn.Module, norm: nn.Module, activation: nn.Module) -> list[nn.Module]:
    return [convolution, norm, activation]


def _doublings(size: int) -> int:
    doublings = max(size, 1).bit_length() - 3
    if doublings < 1 or size != 4 * 2**doublings:
        raise ConfigError(
            f"got images of side {size}; expected 8, 16, 32, 64... Try: pad or crop, or ResidualGenerator."
        )
    return doublings


def _published_init(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, std=0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, mean=1.0, std=0.02)
