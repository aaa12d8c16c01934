r"""Normal contact of a rigid texture with an elastic, perfectly plastic half-space: pressures, exactly differentiable.

Given heights h [m] that touch at their maxima, a mean pressure P, the contact modulus E* and the hardness H, the
pressure p satisfies :math:`0 \le p \le H`, :math:`\overline{p} = P`, and with the gap :math:`g = u(p) - h + d \ge 0`

* :math:`g = 0` where :math:`0 < p < H` (elastic contact), :math:`p = 0` where :math:`g > 0`,
* :math:`p = H` where the elastic displacement would have to exceed the gap (plastic contact).

On the free set the solution is linear in its inputs, so its derivative solves one more linear system of the same
operator: see `advsci_friction.contact.adjoint`. No other package differentiates this problem or batches it over
surfaces.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from advsci.errors import ConvergenceError, DataError
from advsci_friction.contact.adjoint import Pressure
from advsci_friction.contact.halfspace import HalfSpace

__all__ = ["Contact", "solve_contact"]


@dataclass(frozen=True)
class Contact:
    """A solved contact of one or many surfaces.

    Attributes
    ----------
    pressure
        (\\*batch, \\*pixels) contact pressure [Pa], differentiable in all inputs.
    heights, load, modulus, hardness
        The inputs: heights [m] (\\*batch, \\*pixels), and mean pressure, contact modulus and hardness [Pa] (\\*batch).
    space
        The grid and its displacement operator.
    error
        Estimated relative error of each pressure map.
    iterations
        Iterations each surface took.
    converged
        Whether the error is below the tolerance.

    Examples
    --------
    >>> import torch
    >>> x = torch.arange(32, dtype=torch.float64) / 32
    >>> heights = 1e-9 * torch.cos(2 * torch.pi * x)[:, None] * torch.cos(2 * torch.pi * x)[None, :]
    >>> from advsci_friction import Contact, solve_contact
    >>> isinstance(solve_contact(heights, 1e6, 1e11, (1e-6, 1e-6)), Contact)
    True
    """

    pressure: Float[Tensor, "..."]
    heights: Float[Tensor, "..."]
    load: Float[Tensor, "..."]
    modulus: Float[Tensor, "..."]
    hardness: Float[Tensor, "..."]
    space: HalfSpace
    error: Float[Tensor, "..."]
    iterations: Int[Tensor, "..."]
    converged: Bool[Tensor, "..."]

    @property
    def touching(self) -> Bool[Tensor, "..."]:
        """Pixels that carry pressure."""
        return self.pressure > 0.0

    @property
    def plastic(self) -> Bool[Tensor, "..."]:
        """Pixels at the hardness."""
        return self.pressure >= self._spread(self.hardness)

    @property
    def displacement(self) -> Float[Tensor, "..."]:
        """Elastic surface displacement [m], zero mean, differentiable."""
        return self.space.displace(self.pressure) / self._spread(self.modulus)

    @property
    def gap(self) -> Float[Tensor, "..."]:
        """Distance of the surfaces [m]: 0 in elastic contact, negative by the plastic indentation in plastic
        contact.
        """
        gap = self.displacement - self.heights
        free = (self.touching & ~self.plastic).to(gap.dtype)
        count = free.sum(self.space.dims)
        level = torch.where(
            count > 0.0,
            (gap * free).sum(self.space.dims) / count.clamp_min(1.0),
            torch.where(self.plastic, torch.full_like(gap, torch.inf), gap).amin(self.space.dims),
        )
        return gap - self._spread(level)

    @property
    def peak(self) -> Float[Tensor, "..."]:
        """Largest pressure [Pa]."""
        return self.pressure.amax(self.space.dims)

    @property
    def energy(self) -> Float[Tensor, "..."]:
        r"""Elastic energy per nominal area [J/m2], :math:`\overline{p\,u}/2`."""
        return 0.5 * (self.pressure * self.displacement).mean(self.space.dims)

    def _spread(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape, *[1] * len(self.space.dims))


def solve_contact(
    heights: Float[Tensor, "..."],
    load: Float[Tensor, "..."] | float,
    modulus: Float[Tensor, "..."] | float,
    size: Sequence[float],
    hardness: Float[Tensor, "..."] | float | None = None,
    *,
    tolerance: float | None = None,
    adjoint_tolerance: float | None = None,
    max_iterations: int = 4000,
    start: Float[Tensor, "..."] | None = None,
    strict: bool = True,
) -> Contact:
    """Press textures against a half-space.

    Parameters
    ----------
    heights
        (\\*batch, n) profiles or (\\*batch, ny, nx) maps [m], contact at the maxima, periodic in the cell.
    load
        Mean (nominal) pressure [Pa], a number or one a surface.
    modulus
        Contact modulus E* [Pa], a number or one a surface.
    size
        Period of the cell along the axes [m]: (L,) or (Ly, Lx).
    hardness
        Largest pressure H [Pa] that the softer body bears, a number or one a surface; None for an elastic contact.
    tolerance
        On the estimated relative error of the pressure; default 1e-8 in float64, 1e-5 in float32.
    adjoint_tolerance
        Relative residual of the adjoint system in the backward pass; default 1e-5 in float64, 1e-4 in float32.
    max_iterations
        Limit of the iterations.
    start
        A pressure to start from [Pa], such as the solution of a similar texture; by default the pressure of full
        contact, projected onto the bounds.
    strict
        Raise where a surface has not converged; if False the report says so and the caller decides.

    Returns
    -------
    Contact
        Pressures and what follows from them.

    Raises
    ------
    DataError
        Heights that are not finite, a load, modulus or hardness that is not positive, or a load not below the hardness.
    ConvergenceError
        Under ``strict``, with the surfaces that have not converged.

    Examples
    --------
    >>> x = torch.arange(64, dtype=torch.float64) / 64
    >>> contact = solve_contact(1e-9 * torch.cos(2 * torch.pi * x), 5e7, 9e10, size=(1e-6,))
    >>> round(float(contact.pressure.mean()), 3)
    50000000.0
    """
    space = HalfSpace(heights.shape[-len(size) :], size, device=heights.device, dtype=heights.dtype)
    batch = heights.shape[: -len(size)]

    def per_surface(x: Tensor | float | None) -> Tensor:
        """``x`` as one number per surface; None is infinite."""
        x = torch.inf if x is None else x
        return torch.as_tensor(x, dtype=heights.dtype, device=heights.device).expand(batch)

    load, modulus, capped = per_surface(load), per_surface(modulus), hardness is not None
    hardness = per_surface(hardness)
    if not heights.is_meta:
        _check(heights, load, modulus, hardness)
    double = heights.dtype == torch.float64
    tolerance = tolerance if tolerance is not None else (1e-8 if double else 1e-5)
    adjoint_tolerance = adjoint_tolerance if adjoint_tolerance is not None else (1e-5 if double else 1e-4)
    flat = heights.reshape(-1, *space.shape)
    pressure, error, iterations = Pressure.apply(  # type: ignore[misc]
        flat,
        load.reshape(-1),
        modulus.reshape(-1),
        hardness.reshape(-1) if capped else None,
        None if start is None else start.detach().expand_as(heights).reshape(flat.shape),
        space,
        (tolerance, adjoint_tolerance, max_iterations),
    )
    converged = error < tolerance
    if strict and not heights.is_meta and not bool(converged.all()):
        bad = (~converged).nonzero().flatten().tolist()
        raise ConvergenceError(
            f"{len(bad)} of {len(converged)} surfaces (first: {bad[:5]}) reached a pressure error of "
            f"{error.max().item():.1e} after {int(iterations.max())} iterations; expected below {tolerance:.0e}. "
            "Try: float64, a larger tolerance or max_iterations, or strict=False to keep the others."
        )
    return Contact(
        pressure.reshape(heights.shape),
        heights,
        load,
        modulus,
        hardness,
        space,
        error.reshape(batch),
        iterations.reshape(batch),
        converged.reshape(batch),
    )


def _check(heights: Tensor, load: Tensor, modulus: Tensor, hardness: Tensor) -> None:
    if not bool(torch.isfinite(heights).all()):
        raise DataError(
            f"got {int((~torch.isfinite(heights)).sum())} heights that are not finite; expected a complete map. "
            "Try: fill or crop the undefined pixels first."
        )
    for name, value in (("load", load), ("modulus", modulus), ("hardness", hardness)):
        if not bool((value > 0.0).all()):
            raise DataError(f"got a {name} of {value.min().item():g} Pa; expected a positive number. Try: 5e7.")
    if not bool((load < hardness).all()):
        raise DataError(
            f"got a mean pressure of {load.max().item():g} Pa for a hardness of {hardness.min().item():g} Pa; "
            f"expected less, "
            "since no texture can carry more. Try: a lower pressure."
        )
