r"""Textures over which rubber slides with one friction along and another across, by edit.

Everything is homogeneous in the depth: a texture s times as deep, under s times the load, has s times the pressures and
s times the friction,

.. math:: \mu(s h, P) = s\,\mu(h, P/s),

so that depths are compared without making new maps. A process may be used in two positions, its maps as they are or
turned by a quarter, which swaps the two frictions.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ConfigError
from advsci_friction.contact.sliding import slide
from advsci_friction.design.edit import Edited, edit
from advsci_friction.design.property import Property
from advsci_friction.surfaces.process import fourier_resample

__all__ = ["Rubber", "SlidingFriction", "design_sliding", "suiting_depth"]

DIRECTIONS = ((0.0, 1.0), (1.0, 0.0))
"""Along x, then along y, as (y, x)."""


@dataclass(frozen=True)
class Rubber:
    """A viscoelastic solid and how it slides.

    Attributes
    ----------
    modulus
        Complex plane-strain modulus [Pa] of the angular frequency [rad/s].
    load
        Mean pressure [Pa].
    speed
        Sliding speed [m/s].

    Examples
    --------
    >>> from advsci_friction.laws.viscoelastic import standard_linear_solid
    >>> Rubber(standard_linear_solid(1e6, 1e7, 1e-6), 1e5, 1.0).speed
    1.0
    """

    modulus: Callable[[Tensor], Tensor]
    load: float
    speed: float


class SlidingFriction(Property):
    """Log friction of rubber along x and along y.

    Parameters
    ----------
    rubber
        The solid, its load and speed.
    cell
        Length of the cell [m].

    Examples
    --------
    >>> from advsci.streams import Stream
    >>> from advsci_friction import find_process
    >>> from advsci_friction.laws.viscoelastic import standard_linear_solid
    >>> process = find_process("laser-ripples")
    >>> rubber = Rubber(standard_linear_solid(1e6, 1e7, 1e-6), 1e5, 1.0)
    >>> maps = process.simulate(2, Stream(0), 32) / process.cell
    >>> SlidingFriction(rubber, process.cell).logs(maps).shape
    torch.Size([2, 2])
    """

    def __init__(self, rubber: Rubber, cell: float):
        self.rubber, self.cell = rubber, cell

    @property
    def count(self) -> int:
        """Two directions."""
        return len(DIRECTIONS)

    def _friction(self, maps: Tensor, tolerance: float, load: float | None = None) -> Tensor:
        speed = self.rubber.speed / self.cell  # in cells per second: heights are over the cell's length
        load = self.rubber.load if load is None else load
        settings = {"tolerance": tolerance, "adjoint_tolerance": 1e-2, "strict": False}
        found = [
            slide(maps, load, self.rubber.modulus, (speed * y, speed * x), (1.0, 1.0), **settings).friction  # type: ignore[arg-type]
            for y, x in DIRECTIONS
        ]
        return torch.stack(found, -1)

    @torch.no_grad()
    def logs(self, maps: Float[Tensor, "n p p"], depth: float = 1.0, tolerance: float = 1e-4) -> Float[Tensor, "n 2"]:
        """Log friction of ``maps`` along x and y, made ``depth`` times as deep, pressures to the ``tolerance``."""
        mu = depth * self._friction(maps, tolerance, self.rubber.load / depth)
        return mu.clamp_min(1e-6).log().to(maps)

    def gradients(self, maps: Float[Tensor, "n p p"], pixels: int) -> tuple[Tensor, Tensor]:
        """Log friction of ``maps`` on a grid of ``pixels``, and gradients by the adjoint."""
        waves = maps.detach().clone().requires_grad_()
        h = waves if pixels == maps.shape[-1] else fourier_resample(waves, pixels)
        mu = self._friction(h, 1e-3).clamp_min(1e-6).log()
        each = [torch.autograd.grad(mu[:, j].sum(), waves, retain_graph=True)[0] for j in range(self.count)]
        return mu.detach(), torch.stack(each, 1)


def suiting_depth(
    maps: Float[Tensor, "m p p"], asked: SlidingFriction, wanted: Float[Tensor, " 2"], span: tuple[float, float]
) -> float:
    """The depth at which the mean friction of a process's maps suits a request.

    Parameters
    ----------
    maps
        (m p p) heights over the cell's length.
    asked
        The rubber.
    wanted
        (2) log friction along and across.
    span
        Smallest and largest depth, over that of the maps.

    Returns
    -------
    float
        The factor on the depth, by bisection: friction grows with it.
    """
    few = maps[:: max(1, len(maps) // 4)][:4]
    low, high = (math.log(s) for s in span)
    for _ in range(5):
        middle = 0.5 * (low + high)
        grown = bool(asked.logs(few, math.exp(middle), 1e-2).mean() > wanted.mean())
        low, high = (low, middle) if grown else (middle, high)
    return math.exp(0.5 * (low + high))


def design_sliding(
    maps: Float[Tensor, "m p p"],
    cell: float,
    band: int,
    rubber: Rubber,
    wanted: tuple[float, float],
    count: int,
    *,
    span: tuple[float, float] = (0.1, 10.0),
    reach: float = 0.7,
    rounds: int = 6,
    tries: int = 2,
) -> Edited:
    """Retrieve the maps whose frictions are nearest, at the depth that suits, and edit them.

    Parameters
    ----------
    maps
        (m p p) maps of the process [m].
    cell
        Length of the cell [m].
    band
        Largest wavenumber that the process can set.
    rubber
        The solid, its load and speed.
    wanted
        Coefficients of friction along x and along y.
    count
        How many designs.
    span
        Smallest and largest depth that the process can make, over that of the maps.
    reach
        Largest distance, in log friction, between a map and the request that an edit is tried over.
    rounds
        How many times at most the finer grid corrects the coarse one.
    tries
        How many maps are edited per design; the best are kept.

    Returns
    -------
    Edited
        ``count`` designs, the most exact first; rows of ``source`` from m on are turned maps.

    Raises
    ------
    ConfigError
        Frictions that are not positive, or beyond what the process reaches.

    Examples
    --------
    >>> from advsci.streams import Stream
    >>> from advsci_friction import find_process
    >>> from advsci_friction.laws.viscoelastic import standard_linear_solid
    >>> process, rubber = find_process("laser-ripples"), Rubber(standard_linear_solid(1e6, 1e7, 1e-6), 1e5, 1.0)
    >>> maps = process.simulate(8, Stream(0), 32)
    >>> mu = SlidingFriction(rubber, process.cell).logs(maps / process.cell).exp()[0].tolist()
    >>> design_sliding(maps, process.cell, process.band, rubber, (mu[0], mu[1]), 1, rounds=0).maps.shape
    torch.Size([1, 32, 32])
    """
    if not min(wanted) > 0.0:
        raise ConfigError(f"got frictions {wanted[0]:g} and {wanted[1]:g}; expected positive numbers. Try: .2 and .1.")
    asked = SlidingFriction(rubber, cell)
    target = torch.tensor(wanted, dtype=maps.dtype).log().to(maps)
    shapes = (maps - maps.mean((1, 2), keepdim=True)) / cell
    depth = suiting_depth(shapes, asked, target, span)
    shapes = depth * shapes
    known = asked.logs(shapes, tolerance=1e-2)
    library, logs = torch.cat([shapes, shapes.mT]), torch.cat([known, known.flip(1)])
    away = (logs - target).abs().amax(1)
    order = away.argsort()
    if float(away[order[0]]) > reach:
        low, high = logs.amin().exp(), logs.amax().exp()
        raise ConfigError(
            f"got mu = {wanted[0]:g} along x and {wanted[1]:g} along y, {math.exp(float(away[order[0]])) - 1.0:.0%} "
            f"from the nearest map; expected within {low:.3g} to {high:.3g}, with ratios up to "
            f"{float((logs[:, 0] - logs[:, 1]).exp().max()):.3g}. Try: another process, speed or pressure."
        )
    rows = order.repeat(-(-tries * count // len(order)))[: tries * count]
    found = edit(library, target.expand(len(rows), -1), asked, rows, band, rounds=rounds)
    kept = found.error.argsort(stable=True)[:count]
    return Edited(*(getattr(found, name)[kept] for name in ("maps", "start", "source", "logs", "error")))
