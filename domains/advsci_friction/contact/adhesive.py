r"""Contact with short-range adhesion: the gap that minimises elastic, adhesive and potential energy.

The surfaces attract each other with the energy :math:`\phi(g) = -w\,e^{-g/\rho}` per area, w being the work of adhesion
and :math:`\rho` its range. At the mean pressure P the gap g minimises

.. math:: \tfrac12 \langle g + h, E^* K^{-1} (g + h) \rangle + \langle \phi(g) \rangle + P\,\overline{g}
          \quad\text{subject to}\quad g \ge 0,

whose gradient :math:`E^* K^{-1} (g + h) + \phi'(g) + P` is 0 where the surfaces are apart and the contact pressure
where they touch (Rey, Anciaux and Molinari 2017, doi 10.1007/s00466-017-1392-5). For a range much shorter than the
elastic neck it is the theory of Johnson, Kendall and Roberts; pressures are then negative along the rim.

The energy has several minima: where a contact jumps in and out depends on the way. Projected steps of the length of
Barzilai and Borwein, with a search that lets the energy rise for a while (Birgin, Martinez and Raydan 2000, doi
10.1137/S1052623497330963), go downhill from where the loading begins. The minimum found is differentiated by the
implicit function theorem on the pixels that do not touch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from advsci.errors import ConvergenceError, DataError
from advsci.linalg import conjugate_gradients
from advsci.physics import implicit_root
from advsci_friction.contact.halfspace import HalfSpace
from advsci_friction.contact.solve import solve_contact

__all__ = ["AdhesiveContact", "solve_adhesive"]

MEMORY = 10
"""The energy has to fall below the largest of this many last ones."""


@dataclass(frozen=True)
class AdhesiveContact:
    """A solved adhesive contact of one or many surfaces.

    Attributes
    ----------
    gap
        (\\*batch, \\*pixels) distance of the surfaces [m], 0 where they touch; differentiable in all inputs.
    pressure
        (\\*batch, \\*pixels) elastic pressure [Pa], negative where the surfaces attract each other; differentiable.
    heights, load, modulus, work, reach
        The inputs: heights [m], mean pressure and contact modulus [Pa], work of adhesion [J/m2], range [m].
    space
        The grid and its operator.
    error
        (\\*batch) violation of equilibrium over the rms pressure.
    iterations
        (\\*batch) steps taken.
    converged
        (\\*batch) whether the error is below the tolerance.

    Examples
    --------
    >>> import torch
    >>> from advsci_friction import AdhesiveContact, solve_adhesive
    >>> h = 1e-9 * torch.cos(2 * torch.pi * torch.arange(64, dtype=torch.float64) / 64)
    >>> isinstance(solve_adhesive(h, 5e7, 9e10, (1e-6,), work=0.05, reach=0.3e-9), AdhesiveContact)
    True
    """

    gap: Float[Tensor, "..."]
    pressure: Float[Tensor, "..."]
    heights: Float[Tensor, "..."]
    load: Float[Tensor, "..."]
    modulus: Float[Tensor, "..."]
    work: Float[Tensor, "..."]
    reach: Float[Tensor, "..."]
    space: HalfSpace
    error: Float[Tensor, "..."]
    iterations: Int[Tensor, "..."]
    converged: Bool[Tensor, "..."]

    @property
    def touching(self) -> Bool[Tensor, "..."]:
        """Pixels without a gap, in compression or in tension."""
        return self.gap <= 0.0

    @property
    def attraction(self) -> Float[Tensor, "..."]:
        """Adhesive force over the nominal area, all that pulls the surfaces together [Pa]."""
        spread = (..., *[None] * len(self.space.dims))
        pull = self.work[spread] / self.reach[spread] * torch.exp(-self.gap / self.reach[spread])
        return pull.mean(self.space.dims)

    @property
    def neck(self) -> Float[Tensor, "..."]:
        r"""Elastic length of the attraction at the rim, :math:`E^* \rho^2 / w` [m]: pixels have to be smaller."""
        return self.modulus * self.reach.square() / self.work


def solve_adhesive(
    heights: Float[Tensor, "..."],
    load: Float[Tensor, "..."] | float,
    modulus: Float[Tensor, "..."] | float,
    size: Sequence[float],
    *,
    work: Float[Tensor, "..."] | float,
    reach: Float[Tensor, "..."] | float,
    history: Literal["loading", "unloading"] = "loading",
    tolerance: float = 1e-5,
    max_iterations: int = 20000,
    strict: bool = True,
) -> AdhesiveContact:
    """Press, or pull, textures that attract the half-space.

    Parameters
    ----------
    heights
        (\\*batch, n) profiles or (\\*batch, ny, nx) maps [m], contact at the maxima, periodic in the cell.
    load
        Mean pressure [Pa], a number or one per surface; negative where it pulls.
    modulus
        Contact modulus E* [Pa], a number or one per surface.
    size
        Period of the cell along the axes [m]: (L,) or (Ly, Lx).
    work
        Work of adhesion w [J/m2], a number or one per surface.
    reach
        Range of the attraction [m], a number or one per surface; atoms have some 0.3 nm.
    history
        ``"loading"``: the surfaces come from afar; ``"unloading"``: from full contact.
    tolerance
        On the violation of equilibrium, over the rms pressure.
    max_iterations
        Limit of the steps.
    strict
        Raise where a surface has not converged, as one does that is pulled off.

    Returns
    -------
    AdhesiveContact
        Gap and pressure.

    Raises
    ------
    DataError
        Heights that are not finite, or a modulus, work or range that is not positive.
    ConvergenceError
        Under ``strict``, with the number of surfaces that have not converged.

    Examples
    --------
    >>> h = 1e-9 * torch.cos(2 * torch.pi * torch.arange(64, dtype=torch.float64) / 64)
    >>> sticky = solve_adhesive(h, 5e7, 9e10, (1e-6,), work=0.05, reach=0.3e-9)
    >>> round(float(sticky.pressure.mean()))
    50000000
    """
    axes = len(size)
    batch, shape = heights.shape[:-axes], heights.shape[-axes:]
    values = [torch.as_tensor(x, dtype=heights.dtype, device=heights.device) for x in (load, modulus, work, reach)]
    values = [x.expand(batch).reshape(-1) for x in values]
    _check(heights, *values)
    space = HalfSpace(shape, size, device=heights.device, dtype=heights.dtype)
    flat = heights.reshape(-1, *shape)
    flat = flat - flat.mean(space.dims, keepdim=True)
    problem = _Problem(space, flat, *(_spread(x, axes) for x in values))
    with torch.no_grad():
        found, error, iterations = _descend(problem, _start(problem, history), tolerance, max_iterations)
    if strict and not bool((error < tolerance).all()):
        bad = int((error >= tolerance).sum())
        raise ConvergenceError(
            f"got {bad} of {len(error)} surfaces out of equilibrium by {float(error.max()):.1e} after "
            f"{int(iterations.max())} steps; expected below {tolerance:.0e}. Try: a larger load if they were pulled "
            "off, a larger max_iterations or range, or strict=False."
        )
    free = (found > 0.0).to(found)

    def residual(g: Tensor, *inputs: Tensor) -> Tensor:
        """Equilibrium of the gap ``g`` under ``inputs`` on open pixels, no gap on others: its Jacobian is symmetric."""
        there = _Problem(space, *inputs)
        return free * there.gradient(free * g) + (1.0 - free) * there.stiffest * g

    def solve(product, w: Tensor) -> Tensor:
        """The adjoint gap for the gradient ``w``, by the Jacobian's ``product``."""
        return conjugate_gradients(product, w, tolerance=1e-10, steps=max_iterations)

    gap = implicit_root(residual, found, *problem.inputs, solve=solve)
    pressure = problem.pressure(free * gap)
    load, modulus, work, reach = (x.reshape(batch) for x in values)
    return AdhesiveContact(
        (free * gap).reshape(heights.shape), pressure.reshape(heights.shape), heights, load, modulus, work, reach,
        space, error.reshape(batch), iterations.reshape(batch), (error < tolerance).reshape(batch),
    )  # fmt: skip


def _spread(x: Tensor, axes: int) -> Tensor:
    return x.reshape(-1, *[1] * axes)


class _Problem:
    """Energy, gradient and pressure of flat batches; loads, moduli, works and ranges lie along the first axis."""

    def __init__(self, space: HalfSpace, heights: Tensor, load: Tensor, modulus: Tensor, work: Tensor, reach: Tensor):
        self.space, self.inputs = space, (heights, load, modulus, work, reach)

    @property
    def stiffest(self) -> Tensor:
        """Largest eigenvalue of the elastic term [Pa/m]."""
        return self.inputs[2].detach() / self.space.extremes[0]

    def pressure(self, g: Tensor) -> Tensor:
        """Elastic pressure of gaps ``g``, of mean P."""
        heights, load, modulus, _, _ = self.inputs
        return load + modulus * self.space.flatten(g + heights)

    def pull(self, g: Tensor) -> Tensor:
        """Attraction at gaps ``g``."""
        *_, work, reach = self.inputs
        return work / reach * torch.exp(-g / reach)

    def gradient(self, g: Tensor) -> Tensor:
        """Gradient of the energy at gaps ``g``: 0 where open, contact pressure where not."""
        return self.pressure(g) + self.pull(g)

    def energy(self, g: Tensor, elastic: Tensor) -> Tensor:
        """Energy of each surface, where ``elastic`` is the pressure of ``g`` less its mean."""
        heights, load, _, _, reach = self.inputs
        density = 0.5 * (g + heights) * elastic - reach * self.pull(g) + load * g
        return density.mean(self.space.dims, keepdim=True)


def _start(problem: _Problem, history: str) -> Tensor:
    """The gap that the loading begins from: full contact, or the contact without adhesion."""
    heights, load, modulus, _, _ = problem.inputs
    if history == "unloading":
        return torch.zeros_like(heights)
    steep = problem.space.flatten(heights).square().mean(problem.space.dims, keepdim=True).sqrt()
    least = torch.maximum(load, 1e-3 * modulus * steep.clamp_min(torch.finfo(heights.dtype).tiny))
    contact = solve_contact(
        heights, least.flatten(), modulus.flatten(), problem.space.size, tolerance=1e-4, strict=False
    )
    return torch.where(contact.touching, torch.zeros_like(heights), contact.gap.clamp_min(0.0))


def _descend(problem: _Problem, g: Tensor, tolerance: float, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Projected steps of Barzilai and Borwein until equilibrium; those that are there stay."""
    dims, load = problem.space.dims, problem.inputs[1]

    def total(x: Tensor) -> Tensor:
        """Sum of ``x`` over the map."""
        return x.sum(dims, keepdim=True)

    modulus = problem.inputs[2]
    elastic = problem.pressure(g) - load
    slope = elastic + load + problem.pull(g)
    length = 1.0 / problem.stiffest * torch.ones_like(load)
    shortest, longest = 1e-3 * length, length * problem.space.extremes[1] / problem.space.extremes[0]
    past = [problem.energy(g, elastic)]
    iterations = torch.zeros(len(g), dtype=torch.int64, device=g.device)
    for _ in range(steps):
        wrong = torch.where(g > 0.0, slope, slope.clamp_max(0.0))
        error = ((wrong.square().mean(dims)) / (elastic + load).square().mean(dims).clamp_min(1e-300)).sqrt()
        going = _spread(error >= tolerance, len(dims))
        if not bool(going.any()):
            break
        iterations += going.flatten().long()
        move = ((g - length * slope).clamp_min(0.0) - g) * going
        rise, along = modulus * problem.space.flatten(move), total(slope * move) / move[0].numel()
        ceiling, share = torch.stack(past[-MEMORY:]).amax(0), torch.ones_like(load)
        for _ in range(30):
            new, new_elastic = g + share * move, elastic + share * rise
            energy = problem.energy(new, new_elastic)
            high = energy > ceiling + 1e-4 * share * along + 1e-14 * energy.abs()
            if not bool(high.any()):
                break
            share = torch.where(high, 0.5 * share, share)
        new_slope = new_elastic + load + problem.pull(new)
        s, y = new - g, new_slope - slope
        curvature = total(s * y)
        length = torch.where(curvature > 0.0, total(s.square()) / curvature.clamp_min(1e-300), longest)
        length = torch.minimum(torch.maximum(length, shortest), longest)
        past.append(energy)
        g, elastic, slope = new, new_elastic, new_slope
    wrong = torch.where(g > 0.0, slope, slope.clamp_max(0.0))
    error = (wrong.square().mean(dims) / (elastic + load).square().mean(dims).clamp_min(1e-300)).sqrt()
    return g, error, iterations


def _check(heights: Tensor, load: Tensor, modulus: Tensor, work: Tensor, reach: Tensor) -> None:
    if not (bool(torch.isfinite(heights).all()) and bool(torch.isfinite(load).all())):
        raise DataError("got heights or loads that are not finite; expected numbers. Try: fill undefined pixels.")
    for name, value in (("modulus", modulus), ("work of adhesion", work), ("range", reach)):
        if not bool((value > 0.0).all()):
            raise DataError(
                f"got a {name} of {float(value.min()):g}; expected a positive number. Try: SI units, as work=0.05, "
                "reach=0.3e-9."
            )
