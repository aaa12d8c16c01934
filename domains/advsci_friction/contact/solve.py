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

from advsci.errors import ConfigError, ConvergenceError, DataError
from advsci_friction.contact.adjoint import Pressure
from advsci_friction.contact.free import FreeHalfSpace
from advsci_friction.contact.halfspace import HalfSpace
from advsci_friction.contact.layered import Layer, LayeredHalfSpace

__all__ = ["Contact", "solve_contact", "space_of"]


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
    tolerances
        Those of the solver and of its adjoint.

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
    tolerances: tuple[float, float] = (1e-8, 1e-5)

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
        """Elastic surface displacement [m], differentiable; of zero mean on a periodic map."""
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
    def approach(self) -> Float[Tensor, "..."]:
        """How far the bodies have come together [m], up to a constant of the map: mean of displacement less height
        over the pixels in elastic contact; differentiable.
        """
        held = (self.touching & ~self.plastic).to(self.heights.dtype)
        total = ((self.displacement - self.heights) * held).sum(self.space.dims)
        return total / held.sum(self.space.dims).clamp_min(1.0)

    @property
    def peak(self) -> Float[Tensor, "..."]:
        """Largest pressure [Pa]."""
        return self.pressure.amax(self.space.dims)

    @property
    def energy(self) -> Float[Tensor, "..."]:
        r"""Elastic energy per nominal area [J/m2], :math:`\overline{p\,u}/2`."""
        return 0.5 * (self.pressure * self.displacement).mean(self.space.dims)

    def at(
        self, load: Float[Tensor, "..."] | float, *, tolerance: float | None = None, strict: bool = True
    ) -> "Contact":
        """The same surfaces at another load, on the same operator.

        Parameters
        ----------
        load
            Mean pressure [Pa], a number or one a surface.
        tolerance
            Of the solver; that of this contact by default.
        strict
            As in `solve_contact`.

        Returns
        -------
        Contact
            Started from the pressures of this one.
        """
        hardness = None if bool(torch.isinf(self.hardness).all()) else self.hardness
        start = self.pressure.detach() * self._spread(torch.as_tensor(load / self.load).detach())
        layer = self.space.layer if isinstance(self.space, LayeredHalfSpace) else None
        free = isinstance(self.space, FreeHalfSpace)
        return solve_contact(
            self.heights, load, self.modulus, self.space.size, hardness, layer=layer, free=free, start=start,
            tolerance=self.tolerances[0] if tolerance is None else tolerance, adjoint_tolerance=self.tolerances[1],
            strict=strict,
        )  # fmt: skip

    def _spread(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape, *[1] * len(self.space.dims))


def solve_contact(
    heights: Float[Tensor, "..."],
    load: Float[Tensor, "..."] | float,
    modulus: Float[Tensor, "..."] | float,
    size: Sequence[float],
    hardness: Float[Tensor, "..."] | float | None = None,
    *,
    layer: Layer | None = None,
    free: bool = False,
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
    layer
        A film on the elastic body; ``modulus`` is then that of the substrate, and the textured body is rigid.
    free
        The map ends at its edges instead of repeating: for a single asperity or a scan that is pressed alone. Maps
        only.
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
    ConfigError
        A layer under a map with free edges.
    ConvergenceError
        Under ``strict``, with the surfaces that have not converged.

    Examples
    --------
    >>> x = torch.arange(64, dtype=torch.float64) / 64
    >>> contact = solve_contact(1e-9 * torch.cos(2 * torch.pi * x), 5e7, 9e10, size=(1e-6,))
    >>> round(float(contact.pressure.mean()), 3)
    50000000.0
    """
    space = space_of(heights, size, layer, free)
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
        (tolerance, adjoint_tolerance),
    )


def space_of(heights: Tensor, size: Sequence[float], layer: Layer | None = None, free: bool = False) -> HalfSpace:
    """The displacement operator for maps.

    Parameters
    ----------
    heights
        (\\*batch, \\*pixels) maps.
    size
        Period or length along the axes [m].
    layer
        A film, or None.
    free
        Whether the map ends at its edges.

    Returns
    -------
    HalfSpace
        Periodic, layered or free, on the grid, device and type of the maps.

    Raises
    ------
    ConfigError
        A layer and free edges.
    """
    shape, on = heights.shape[-len(size) :], {"device": heights.device, "dtype": heights.dtype}
    if layer is not None and free:
        raise ConfigError(
            "got a layer and free edges; expected one of them: a layer's displacement is known per wave of a periodic "
            "map. Try: the periodic map with flat ground around it."
        )
    if layer is not None:
        return LayeredHalfSpace(shape, size, layer, **on)
    return FreeHalfSpace(shape, size, **on) if free else HalfSpace(shape, size, **on)


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
