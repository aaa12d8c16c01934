r"""Texture families: periodic maps from a few numbers in [0, 1], differentiable.

Every family maps u (b, k) to heights on n x n pixels of the unit cell, of no particular amplitude: `Band.unit_slope`
gives the shape, and the rms slope is a design's own number. By scale invariance nothing else matters to a non-adhesive
elastic contact. Counts (waves or pillars along the cell) are rounded from u, which has no gradient; positions, widths,
amplitudes and phases do.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.streams import Stream
from advsci_friction.band import Band

__all__ = ["FAMILIES", "Family", "draw_shapes"]

Maps = Float[Tensor, "b n n"]


@dataclass(frozen=True)
class Family:
    """A named family of textures with ``parameters`` numbers in [0, 1]."""

    name: str
    parameters: int
    synthesise: Callable[[Tensor, int], Tensor]
    description: str


def _grid(u: Tensor, n: int) -> tuple[Tensor, Tensor]:
    x = torch.arange(n, dtype=u.dtype, device=u.device) / n
    return x[None, :, None].expand(len(u), n, n), x[None, None, :].expand(len(u), n, n)


def _col(u: Tensor, i: int) -> Tensor:
    return u[:, i, None, None]


def _count(u: Tensor, i: int, low: int, high: int) -> Tensor:
    """An integer between low and high, both included."""
    return (low + (high - low + 1) * _col(u, i)).floor().clamp(low, high).detach()


def _wave(
    y: Tensor, x: Tensor, ky: Tensor | int | float, kx: Tensor | int | float, phase: Tensor | float = 0.0
) -> Tensor:
    return torch.cos(2.0 * math.pi * (ky * y + kx * x + phase))


_RIDGES = torch.tensor([(1, 2), (2, 1), (1, 3), (3, 1), (2, 3), (3, 2)])


def sine(u: Float[Tensor, "b k"], n: int) -> Maps:
    r""":math:`\cos 2\pi k \cdot r`: parallel ridges, oblique to the pixels so that their edges do not lock to them."""
    y, x = _grid(u, n)
    k = _RIDGES.to(u)[_count(u, 0, 0, 5).reshape(-1).long()]
    sign = torch.where(_col(u, 1) > 0.5, 1.0, -1.0)
    return _wave(y, x, _col(k, 0) * sign, _col(k, 1))


def square_sine(u: Float[Tensor, "b k"], n: int) -> Maps:
    r""":math:`\cos(2\pi k_y y)\cos(2\pi k_x x)`, with the two counts free: an egg box, square or oblong."""
    y, x = _grid(u, n)
    return _wave(y, x, _count(u, 0, 1, 3), 0.0) * _wave(y, x, 0.0, _count(u, 1, 1, 3))


def hexagonal_sine(u: Float[Tensor, "b k"], n: int) -> Maps:
    """Three waves at 60 degrees, crests up or down: exact to 1 % (fine) or strained by 10 % (coarse) to fit a square
    cell.
    """
    y, x = _grid(u, n)
    fine = (_col(u, 0) > 0.5).to(u.dtype)
    a, b, c = 4.0 + 4.0 * fine, 3.0 + 4.0 * fine, 2.0 + 2.0 * fine
    up = torch.where(_col(u, 1) > 0.3, 1.0, -1.0)
    return up * (_wave(y, x, 0.0, a) + _wave(y, x, b, c) + _wave(y, x, b, -c))


def multi_sine(u: Float[Tensor, "b k"], n: int) -> Maps:
    """Five waves of free direction, amplitude and phase."""
    y, x = _grid(u, n)
    waves = []
    for i in range(5):
        ky, kx = _count(u, 4 * i, -5, 5), _count(u, 4 * i + 1, 1, 5)
        waves.append((0.2 + _col(u, 4 * i + 2)) * _wave(y, x, ky, kx, _col(u, 4 * i + 3)) / (ky**2 + kx**2).sqrt())
    return torch.stack(waves).sum(0)


def _lattice(u: Tensor, n: int) -> Tensor:
    """Distance from the nearest lattice point in units of the lattice constant, smooth and periodic."""
    y, x = _grid(u, n)
    ky, kx = _count(u, 0, 1, 3), _count(u, 1, 1, 3)
    r2 = torch.sin(math.pi * ky * y).square() + torch.sin(math.pi * kx * x).square()
    return (r2 + 1e-6).sqrt() / math.pi


def pillars(u: Float[Tensor, "b k"], n: int) -> Maps:
    """Flat round tops on a lattice; width and flank free."""
    radius, flank = 0.12 + 0.16 * _col(u, 2), 0.02 + 0.04 * _col(u, 3)
    return torch.sigmoid((radius - _lattice(u, n)) / flank)


def dimples(u: Float[Tensor, "b k"], n: int) -> Maps:
    """Round holes in a plateau, on a lattice; width and flank free."""
    radius, flank = 0.10 + 0.16 * _col(u, 2), 0.02 + 0.04 * _col(u, 3)
    return -torch.sigmoid((radius - _lattice(u, n)) / flank)


def bumps(u: Float[Tensor, "b k"], n: int) -> Maps:
    r"""Rounded summits :math:`e^{s(\cos 2\pi k x + \cos 2\pi k y)}` on a lattice, the sharper the larger s."""
    y, x = _grid(u, n)
    ky, kx = _count(u, 0, 1, 3), _count(u, 1, 1, 3)
    s = 0.3 + 1.2 * _col(u, 2)
    return torch.exp(s * (torch.cos(2.0 * math.pi * ky * y) + torch.cos(2.0 * math.pi * kx * x) - 2.0))


def _band_noise(u: Tensor, start: int, n: int, hurst: Tensor) -> Tensor:
    """A self-affine map of 24 waves with phases u[start:], rms height 1."""
    y, x = _grid(u, n)
    modes = [(ky, kx) for kx in range(1, 8) for ky in range(-7, 8) if 9 <= ky * ky + kx * kx <= 49]
    modes = modes[:: len(modes) // 24][:24]
    waves = []
    for i, (ky, kx) in enumerate(modes):
        waves.append(math.hypot(ky, kx) ** (-1.0 - hurst) * _wave(y, x, ky, kx, _col(u, start + i)))
    total = torch.stack(waves).sum(0)
    return total / total.square().mean((-2, -1), keepdim=True).sqrt()


def ripples(u: Float[Tensor, "b k"], n: int) -> Maps:
    """Parallel ripples under a fractal band of roughness, as left by ion beams or grinding."""
    ridge = sine(u, n)
    return ridge + (0.1 + 0.3 * _col(u, 2)) * _band_noise(u, 4, n, 0.2 + 0.7 * _col(u, 3))


def fractal(u: Float[Tensor, "b k"], n: int) -> Maps:
    """An isotropic self-affine band of free Hurst exponent."""
    return _band_noise(u, 1, n, 0.1 + 0.8 * _col(u, 0))


def free(u: Float[Tensor, "b k"], n: int) -> Maps:
    """Any map of wavenumbers up to 3: 24 waves of free amplitude and phase."""
    y, x = _grid(u, n)
    modes = [(ky, kx) for kx in range(4) for ky in range(-3, 4) if kx > 0 or ky > 0]
    waves = [
        (_col(u, 2 * i) - 0.5) * _wave(y, x, ky, kx, _col(u, 2 * i + 1)) / math.hypot(ky, kx)
        for i, (ky, kx) in enumerate(modes)
    ]
    return torch.stack(waves).sum(0)


FAMILIES = {
    f.name: f
    for f in (
        Family("sine", 2, sine, "one-dimensional sine"),
        Family("square", 2, square_sine, "two-dimensional sine"),
        Family("hexagonal", 2, hexagonal_sine, "hexagonal sine"),
        Family("multi-sine", 20, multi_sine, "five waves"),
        Family("pillars", 4, pillars, "flat pillars"),
        Family("dimples", 4, dimples, "round dimples"),
        Family("bumps", 3, bumps, "rounded summits"),
        Family("ripples", 28, ripples, "ripples with a fractal band"),
        Family("fractal", 25, fractal, "self-affine band"),
        Family("free", 48, free, "free band-limited map"),
    )
}


def draw_shapes(
    count: int, stream: Stream, band: Band, families: tuple[str, ...] = tuple(FAMILIES)
) -> tuple[Float[Tensor, "b m"], Tensor]:
    """``count`` shapes of unit rms slope (coefficients of the band) from each family in turn, and their family's
    index.
    """
    n = 4 * band.limit
    coefficients, labels = [], []
    for i, name in enumerate(families):
        family = FAMILIES[name]
        u = stream.at(name).uniform((len(range(i, count, len(families))), family.parameters), dtype=torch.float64)
        coefficients.append(band.unit_slope(band.analyse(family.synthesise(u, n))))
        labels.append(torch.full((len(u),), i))
    order = stream.at("order").permutation(count)
    return torch.cat(coefficients)[order], torch.cat(labels)[order]
