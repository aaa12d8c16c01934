r"""The designer's network: latent vector and condition to a texture, shape and slope.

A sample is the vector :math:`s = (4 w \odot a,\ \log x)`: the shape's coefficients, weighted by their wavenumbers so
that the weighted vector of unit rms slope has length 1, and the dimensionless load :math:`x = P/(E^* h')` that gives
the slope :math:`h' = P/(E^* x)`.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.nn import MLP
from advsci_friction.band import Band
from advsci_friction.halfspace import HalfSpace

__all__ = ["SHAPE_SCALE", "TextureCritic", "TextureGenerator", "join_sample", "split_sample"]

SHAPE_SCALE = 4.0


def weights(band: Band, like: Tensor) -> Tensor:
    """Contribution of each coefficient to the rms slope, so that (weights * a) of a unit-slope shape has length 1."""
    q2 = (2.0 * math.pi) ** 2 * band.wavevectors.square().sum(1).to(like)
    return (0.5 * q2.repeat(2)).sqrt()


def join_sample(band: Band, coefficients: Float[Tensor, "n m"], log_load: Float[Tensor, " n"]) -> Float[Tensor, "n d"]:
    """Shape and load as one sample vector."""
    return torch.cat([SHAPE_SCALE * weights(band, coefficients) * coefficients, log_load[:, None]], 1)


def split_sample(band: Band, sample: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n m"], Float[Tensor, " n"]]:
    """The coefficients (unit slope) and the log load of a sample vector."""
    return sample[:, :-1] / (SHAPE_SCALE * weights(band, sample)), sample[:, -1]


class LoadNet(nn.Module):
    r"""The load x at which a shape reaches the wanted area fraction, as a network.

    A small convolutional net on the periodic map sees what the contact depends on: the height above the level whose
    bearing area is the wanted one, the pressure of full contact, and the curvature.
    """

    def __init__(self, band: Band, condition: int, width: int = 24, pixels: int = 32):
        super().__init__()
        self.band, self.pixels = band, pixels
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=s, padding=1, padding_mode="circular")
            for a, b, s in ((3, width, 2), (width, 2 * width, 2), (2 * width, 2 * width, 1))
        )
        self.head = MLP(4 * width + 3, 1, 96, 3, condition=condition)

    def forward(self, coefficients: Float[Tensor, "n m"], condition: Float[Tensor, "n c"]) -> Float[Tensor, " n"]:
        h = self.band.synthesise(coefficients, self.pixels)
        space = HalfSpace((self.pixels, self.pixels), (1.0, 1.0), device=h.device, dtype=h.dtype)
        full = 2.0 * space.flatten(h)  # standard deviation 1 at unit slope
        curvature = space.filter(h, space.wavenumber.square()) / 40.0
        area = torch.sigmoid(condition[:, 0])
        ordered = h.flatten(1).sort(1, descending=True).values
        rank = (area * (ordered.shape[1] - 1)).clamp(0.0, ordered.shape[1] - 1.001)
        low = rank.floor().long()[:, None]
        t = (rank - rank.floor())[:, None]
        level = torch.lerp(ordered.gather(1, low), ordered.gather(1, low + 1), t)
        spread = h.flatten(1).std(1, keepdim=True).clamp_min(1e-6)
        above = (h.flatten(1) - level) / spread
        features = torch.stack([above.reshape(h.shape), full, curvature], 1)
        for layer in self.layers:
            features = nn.functional.leaky_relu(layer(features), 0.1)
        # what the bearing set looks like, beside what the net makes of the whole map
        inside = torch.sigmoid(above / 0.1)
        share = inside.mean(1).clamp_min(1e-4)
        known = torch.stack(
            [
                (inside * above).mean(1) / share,
                (inside * full.flatten(1)).mean(1) / share,
                (inside * curvature.flatten(1)).mean(1) / share,
            ],
            1,
        )
        pooled = torch.cat([features.mean((2, 3)), features.amax((2, 3)), known], 1)
        # Persson's law inverted is where the correction starts from
        start = torch.erfinv(area) / math.sqrt(2.0)
        return start.log() + self.head(pooled, condition)[:, 0]


class TextureGenerator(nn.Module):
    """Latent vector and condition to a sample: a residual perceptron makes the shape, `LoadNet` the load."""

    def __init__(self, band: Band, latent: int, condition: int, width: int = 256, depth: int = 4):
        super().__init__()
        self.band = band
        self.shape = MLP(latent, band.size, width, depth, condition=condition, residual=True)
        self.load = LoadNet(band, condition)

    def forward(self, z: Float[Tensor, "n k"], condition: Float[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        raw = self.shape(z, condition)
        coefficients = self.band.unit_slope(raw / weights(self.band, raw))
        return join_sample(self.band, coefficients, self.load(coefficients, condition))


class TextureCritic(nn.Module):
    """A perceptron on sample and context (condition, findings)."""

    def __init__(self, sample: int, context: int, width: int = 192, depth: int = 3):
        super().__init__()
        self.judge = MLP(sample, 1, width, depth, condition=context)

    def forward(self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"]) -> Float[Tensor, "n 1"]:
        return self.judge(x, context)
