r"""Texture families: periodic maps from a few numbers in [0, 1], differentiable.

Every family maps u (b, k) to heights on n x n pixels of the unit cell, of no particular amplitude: `Band.unit_slope`
gives the shape, and the rms slope is a design's own number. By scale invariance nothing else matters to a non-adhesive
elastic contact. Counts (waves or pillars along the cell) are rounded from u and have no gradient: they are the layout
of a texture. Positions, widths, amplitudes and phases do.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from advsci.streams import Stream
from advsci_friction.surfaces.band import Band

__all__ = ["FAMILIES", "LAYOUT", "PARAMETERS", "Family", "assemble", "draw_shapes", "layout_of"]

Maps = Float[Tensor, "b n n"]


@dataclass(frozen=True)
class Family:
    """A named family of textures with ``parameters`` numbers in [0, 1], of which those at ``layout`` are counts."""

    name: str
    parameters: int
    synthesise: Callable[[Tensor, int], Tensor]
    description: str
    layout: tuple[int, ...] = ()


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
    r""":math:`\cos 2\pi k \cdot r`: parallel ridges, oblique to the pixels so that their edges do not lock to them.

    Parameters
    ----------
    u
        Free parameters in [0, 1] (n k).
    n
        Pixels of a side.
    """
    y, x = _grid(u, n)
    k = _RIDGES.to(u)[_count(u, 0, 0, 5).reshape(-1).long()]
    sign = torch.where(_col(u, 1) > 0.5, 1.0, -1.0)
    return _wave(y, x, _col(k, 0) * sign, _col(k, 1))


def square_sine(u: Float[Tensor, "b k"], n: int) -> Maps:
    r""":math:`\cos(2\pi k_y y)\cos(2\pi k_x x)`, with the two counts free: an egg box, square or oblong.

    Parameters
    ----------
    u
        Free parameters in [0, 1] (n k).
    n
        Pixels of a side.
    """
    y, x = _grid(u, n)
    return _wave(y, x, _count(u, 0, 1, 3), 0.0) * _wave(y, x, 0.0, _count(u, 1, 1, 3))


def hexagonal_sine(u: Float[Tensor, "b k"], n: int) -> Maps:
    """Three waves at 60 degrees, crests up or down: exact to 1 % (fine) or strained by 10 % (coarse) to fit a square
    cell.

    Parameters
    ----------
    u
        Free parameters in [0, 1] (n k).
    n
        Pixels of a side.
    """
    y, x = _grid(u, n)
    fine = (_col(u, 0) > 0.5).to(u.dtype)
    a, b, c = 4.0 + 4.0 * fine, 3.0 + 4.0 * fine, 2.0 + 2.0 * fine
    up = torch.where(_col(u, 1) > 0.3, 1.0, -1.0)
    return up * (_wave(y, x, 0.0, a) + _wave(y, x, b, c) + _wave(y, x, b, -c))


def multi_sine(u: Float[Tensor, "b k"], n: int) -> Maps:
    """Five waves of free direction, amplitude and phase.

    Parameters
    ----------
    u
        Free parameters in [0, 1] (n k).
    n
        Pixels of a side.
    """
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
    """Flat round tops on a lattice; width and flank free.

    Parameters
    ----------
    u
        Free parameters in [0, 1] (n k).
    n
        Pixels of a side.
    """
    radius, flank = 0.12 + 0.16 * _col(u, 2), 0.02 + 0.04 * _col(u, 3)
    return torch.sigmoid((radius - _lattice(u, n)) / flank)


def dimples(u: Float[Tensor, "b k"], n: int) -> Maps:
    """Round holes in a plateau, on a lattice; width and flank free.

    Parameters
    ----------
    u
        Free parameters in [0, 1] (n k).
    n
        Pixels of a side.
    """
    radius, flank = 0.10 + 0.16 * _col(u, 2), 0.02 + 0.04 * _col(u, 3)
    return -torch.sigmoid((radius - _lattice(u, n)) / flank)


def bumps(u: Float[Tensor, "b k"], n: int) -> Maps:
    r"""Rounded summits :math:`e^{s(\cos 2\pi k x + \cos 2\pi k y)}` on a lattice, the sharper the larger s.

    Parameters
    ----------
    u
        Free parameters in [0, 1] (n k).
    n
        Pixels of a side.
    """
    y, x = _grid(u, n)
    ky, kx = _count(u, 0, 1, 3), _count(u, 1, 1, 3)
    s = 0.3 + 1.2 * _col(u, 2)
    return torch.exp(s * (torch.cos(2.0 * math.pi * ky * y) + torch.cos(2.0 * math.pi * kx * x) - 2.0))


def _sum_of_waves(modes: list[tuple[int, int]], amplitude: Tensor, phase: Tensor, n: int) -> Tensor:
    r""":math:`\sum_i A_i \cos 2\pi(k_i \cdot r + \phi_i)` of fixed wavevectors, as two matrix products."""
    k = torch.tensor(modes).to(amplitude)
    axis = torch.arange(n, dtype=amplitude.dtype, device=amplitude.device) / n
    y, x = axis.repeat_interleave(n), axis.repeat(n)
    angle = 2.0 * math.pi * (k[:, :1] * y + k[:, 1:] * x)
    turn = 2.0 * math.pi * phase
    h = (amplitude * torch.cos(turn)) @ torch.cos(angle) - (amplitude * torch.sin(turn)) @ torch.sin(angle)
    return h.reshape(-1, n, n)


_BAND = [(ky, kx) for kx in range(1, 8) for ky in range(-7, 8) if 9 <= ky * ky + kx * kx <= 49]
_BAND = _BAND[:: len(_BAND) // 24][:24]
_LONG = [(ky, kx) for kx in range(4) for ky in range(-3, 4) if kx > 0 or ky > 0]


def _band_noise(u: Tensor, start: int, n: int, hurst: Tensor) -> Tensor:
    """A self-affine map of 24 waves with phases u[start:], rms height 1."""
    lengths = torch.tensor([math.hypot(*k) for k in _BAND]).to(u)
    total = _sum_of_waves(_BAND, lengths ** (-1.0 - hurst[:, :, 0]), u[:, start : start + len(_BAND)], n)
    return total / total.square().mean((-2, -1), keepdim=True).sqrt()


def ripples(u: Float[Tensor, "b k"], n: int) -> Maps:
    """Parallel ripples under a fractal band of roughness, as left by ion beams or grinding.

    Parameters
    ----------
    u
        Free parameters in [0, 1] (n k).
    n
        Pixels of a side.
    """
    ridge = sine(u, n)
    return ridge + (0.1 + 0.3 * _col(u, 2)) * _band_noise(u, 4, n, 0.2 + 0.7 * _col(u, 3))


def fractal(u: Float[Tensor, "b k"], n: int) -> Maps:
    """An isotropic self-affine band of free Hurst exponent.

    Parameters
    ----------
    u
        Free parameters in [0, 1] (n k).
    n
        Pixels of a side.
    """
    return _band_noise(u, 1, n, 0.1 + 0.8 * _col(u, 0))


def free(u: Float[Tensor, "b k"], n: int) -> Maps:
    """Any map of wavenumbers up to 3: 24 waves of free amplitude and phase.

    Parameters
    ----------
    u
        Free parameters in [0, 1] (n k).
    n
        Pixels of a side.
    """
    amplitude = (u[:, 0::2] - 0.5) / torch.tensor([math.hypot(*k) for k in _LONG]).to(u)
    return _sum_of_waves(_LONG, amplitude, u[:, 1::2], n)


FAMILIES = {
    f.name: f
    for f in (
        Family("sine", 2, sine, "one-dimensional sine", (0, 1)),
        Family("square", 2, square_sine, "two-dimensional sine", (0, 1)),
        Family("hexagonal", 2, hexagonal_sine, "hexagonal sine", (0, 1)),
        Family("multi-sine", 20, multi_sine, "five waves", (0, 1, 4, 5, 8, 9, 12, 13, 16, 17)),
        Family("pillars", 4, pillars, "flat pillars", (0, 1)),
        Family("dimples", 4, dimples, "round dimples", (0, 1)),
        Family("bumps", 3, bumps, "rounded summits", (0, 1)),
        Family("ripples", 28, ripples, "ripples with a fractal band", (0, 1)),
        Family("fractal", 25, fractal, "self-affine band"),
        Family("free", 48, free, "free band-limited map"),
    )
}


PARAMETERS = max(f.parameters for f in FAMILIES.values())
"""Numbers in [0, 1] that describe a texture of any family; short families leave the last unused."""
LAYOUT = max(len(f.layout) for f in FAMILIES.values())
"""How many of them are counts, at most."""


def layout_of(family: Family, u: Float[Tensor, "b p"]) -> Float[Tensor, "b l"]:
    """The counts among the parameters of one family, padded with 1/2.

    Parameters
    ----------
    u
        Free parameters in [0, 1] (n k).
    """
    counts = u[:, list(family.layout)]
    return nn.functional.pad(counts, (0, LAYOUT - len(family.layout)), value=0.5)


def assemble(
    band: Band, share: Float[Tensor, "b f"], layout: Float[Tensor, "b l"], u: Float[Tensor, "b p"]
) -> Float[Tensor, "b m"]:
    """Shapes of unit rms slope from family (``share``: one-hot), layout and parameters; differentiable in ``u``.

    With gradients, every family is synthesised for every sample and one is kept, so that nothing waits for the values
    of ``share``; without, each sample only as its own.

    Parameters
    ----------
    band
        Which waves a texture is made of.
    """
    both = torch.cat([u, layout], 1)
    chosen = not (torch.is_grad_enabled() or share.is_meta)
    total = torch.zeros(len(u), band.size, dtype=u.dtype, device=u.device)
    for i, family in enumerate(FAMILIES.values()):
        columns = [PARAMETERS + family.layout.index(j) if j in family.layout else j for j in range(family.parameters)]
        rows = share[:, i].nonzero().flatten() if chosen else torch.arange(len(u), device=u.device)
        if chosen and len(rows) == 0:
            continue
        numbers = both[rows][:, columns]
        shape = band.unit_slope(band.analyse(family.synthesise(numbers, 4 * band.limit)))
        total = total.index_add(0, rows, share[rows, i, None] * shape)
    return total


def draw_shapes(
    count: int, stream: Stream, band: Band, families: tuple[str, ...] = tuple(FAMILIES)
) -> tuple[Float[Tensor, "b m"], Int[Tensor, " b"], Float[Tensor, "b l"]]:
    """``count`` shapes of unit rms slope (coefficients of the band) from each family in turn, their family's index, and
    their layout.

    Parameters
    ----------
    stream
        Where the random numbers come from.
    families
        Names of the families; None: all.
    """
    n = 4 * band.limit
    coefficients, labels, layouts = [], [], []
    for i, name in enumerate(families):
        family = FAMILIES[name]
        u = stream.at(name).uniform((len(range(i, count, len(families))), family.parameters), dtype=torch.float64)
        coefficients.append(band.unit_slope(band.analyse(family.synthesise(u, n))))
        labels.append(torch.full((len(u),), list(FAMILIES).index(name)))
        layouts.append(layout_of(family, u))
    order = stream.at("order").permutation(count)
    return torch.cat(coefficients)[order], torch.cat(labels)[order], torch.cat(layouts)[order]
