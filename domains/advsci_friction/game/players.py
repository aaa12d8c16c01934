r"""The designer's networks: latent vector and condition to a texture, shape and slope; and its critic.

A sample is the vector :math:`s = (4 w \odot a,\ \log x)`: the shape's coefficients, weighted by their wavenumbers so
that the weighted vector of unit rms slope has length 1, and the dimensionless load :math:`x = P/(E^* h')` that gives
the slope :math:`h' = P/(E^* x)`.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.nn import MLP
from advsci_friction.contact.halfspace import HalfSpace
from advsci_friction.game.request import CONDITION, Request, persson_reduced_load
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.textures import PARAMETERS, assemble

__all__ = ["SHAPE_SCALE", "TextureCritic", "TextureGenerator", "join_sample", "split_sample"]

SHAPE_SCALE = 4.0
REACH = 1.5
"""By how many standard deviations a request can move a latent number: less than their spread, so that variety stays."""


def weights(band: Band, like: Tensor) -> Tensor:
    """Contribution of each coefficient to the rms slope, so that (weights * a) of a unit-slope shape has length 1.

    Parameters
    ----------
    band
        Which waves a texture is made of.
    like
        A tensor of the wanted device and type.
    """
    q2 = (2.0 * math.pi) ** 2 * band.wavevectors.square().sum(1).to(like)
    return (0.5 * q2.repeat(2)).sqrt()


def join_sample(
    band: Band, coefficients: Float[Tensor, "n m"], log_reduced_load: Float[Tensor, " n"]
) -> Float[Tensor, "n d"]:
    """Shape and load as one sample vector.

    Parameters
    ----------
    band
        Which waves a texture is made of.
    coefficients
        Coefficients of the shapes (n k).
    log_reduced_load
        Log of load over contact modulus times rms slope (n).
    """
    return torch.cat([SHAPE_SCALE * weights(band, coefficients) * coefficients, log_reduced_load[:, None]], 1)


def split_sample(band: Band, sample: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n m"], Float[Tensor, " n"]]:
    """The coefficients (unit slope) and the log load of a sample vector.

    Parameters
    ----------
    band
        Which waves a texture is made of.
    """
    return sample[:, :-1] / (SHAPE_SCALE * weights(band, sample)), sample[:, -1]


def excess(f: Float[Tensor, "b n n"], areas: Float[Tensor, "b k"]) -> Float[Tensor, "b k p"]:
    """How far each map lies above the levels that are exceeded on the shares ``areas`` of it.

    Parameters
    ----------
    f
        Height maps (n y x).
    """
    flat = f.flatten(1)
    ordered = flat.sort(1, descending=True).values
    rank = (areas * (ordered.shape[1] - 1)).clamp(0.0, ordered.shape[1] - 1.001)
    low = rank.floor().long()
    level = torch.lerp(ordered.gather(1, low), ordered.gather(1, low + 1), rank - rank.floor())
    return flat[:, None] - level[:, :, None]


class LoadNet(nn.Module):
    r"""The load x at which a shape reaches an area fraction, as a network.

    A small convolutional net on the periodic map sees what the contact depends on: the height above the level whose
    bearing area is the wanted one, the pressure of full contact above its own such level, and the curvature. Beside it
    go what the bearing set looks like, and the mean excess of height and pressure at half, once and 1.6 times the area:
    :math:`\overline{(f - f_A)_+}`, a load by Winkler's and by a clipped full contact.
    """

    def __init__(self, band: Band, width: int = 24, pixels: int = 32):
        super().__init__()
        self.band, self.pixels = band, pixels
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=s, padding=1, padding_mode="circular")
            for a, b, s in ((3, width, 2), (width, 2 * width, 2), (2 * width, 2 * width, 1), (2 * width, 2 * width, 1))
        )
        self.head = MLP(4 * width + 9, 1, 128, 4, condition=1, residual=True)

    def forward(self, coefficients: Float[Tensor, "n m"], area: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Log of the reduced load at which the shapes of ``coefficients`` touch on a share ``area``."""
        h = self.band.synthesise(coefficients, self.pixels)
        space = HalfSpace((self.pixels, self.pixels), (1.0, 1.0), device=h.device, dtype=h.dtype)
        full = 2.0 * space.flatten(h)  # standard deviation 1 at unit slope
        curvature = space.filter(h, space.wavenumber.square()) / 40.0
        areas = torch.stack([0.5 * area, area, (1.6 * area).clamp_max(0.98)], 1)
        higher, harder = excess(h, areas), excess(full, areas)
        above = higher[:, 1] / h.flatten(1).std(1, keepdim=True).clamp_min(1e-6)
        features = torch.stack([above.reshape(h.shape), harder[:, 1].reshape(h.shape), curvature], 1)
        for layer in self.layers:
            new = nn.functional.leaky_relu(layer(features), 0.1)
            features = features + new if new.shape == features.shape else new
        inside = torch.sigmoid(above / 0.1)
        share = inside.mean(1).clamp_min(1e-4)
        bearing = [(inside * f.flatten(1)).mean(1) / share for f in (above, full, curvature)]
        # Persson's law inverted is where the correction starts from
        start = persson_reduced_load(area)
        loads = torch.cat([3.0 + _log_mean(higher), _log_mean(harder)], 1) - start[:, None]
        pooled = torch.cat([features.mean((2, 3)), features.amax((2, 3)), torch.stack(bearing, 1), loads], 1)
        return start + self.head(pooled, torch.logit(area)[:, None])[:, 0]


def _log_mean(x: Tensor) -> Tensor:
    return x.relu().mean(2).clamp_min(1e-6).log()


class TextureGenerator(nn.Module):
    r"""Latent vector and condition to a sample: a residual perceptron sets the family's parameters, `LoadNet` the load.

    .. math:: u = \Phi(z + \delta(z, c)), \qquad s = (\text{shape of family and layout with } u,\ \log x)

    with the normal distribution :math:`\Phi` and :math:`|\delta| < 1.5`. At the start :math:`\delta = 0` and the
    shapes are those of the catalogue, uniform in all parameters; the game teaches how they depend on the request.
    """

    def __init__(self, band: Band, width: int = 192, depth: int = 4):
        super().__init__()
        self.band = band
        self.move = MLP(PARAMETERS, PARAMETERS, width, depth, condition=CONDITION, residual=True)
        self.load = LoadNet(band)
        last = self.move.rest[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def parameters_of(self, z: Float[Tensor, "n k"], condition: Float[Tensor, "n c"]) -> Float[Tensor, "n k"]:
        """The numbers in [0, 1] of the textures, layout left out.

        Parameters
        ----------
        z
            Latent vectors (n d).
        condition
            What is asked (n c).
        """
        return torch.special.ndtr(z + REACH * torch.tanh(self.move(z, condition) / REACH))

    def forward(self, z: Float[Tensor, "n k"], condition: Float[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        """Samples for latent vectors ``z`` and requests ``condition``."""
        asked = Request.of(condition)
        u = self.parameters_of(z, condition)
        coefficients = assemble(self.band, asked.share, asked.layout, u)
        return join_sample(self.band, coefficients, self.load(coefficients, asked.area))


class TextureCritic(nn.Module):
    """A perceptron on sample, amplitudes and context (condition, findings).

    The amplitude of each wave, :math:`(a_k^2 + b_k^2)^{1/2}`, does not depend on the position of the cell, so that the
    critic need not learn every position of the same texture.
    """

    def __init__(self, sample: int, context: int, width: int = 256, depth: int = 3):
        super().__init__()
        self.net = MLP(sample + (sample - 1) // 2, 1, width, depth, condition=context)

    def forward(self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"]) -> Float[Tensor, "n 1"]:
        """Scores of the samples ``x`` beside their ``context`` of request and findings."""
        a, b = x[:, :-1].chunk(2, 1)
        return self.net(torch.cat([x, (a.square() + b.square() + 1e-3).sqrt()], 1), context)
