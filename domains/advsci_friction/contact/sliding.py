r"""A viscoelastic half-space that slides steadily over a rigid texture: pressures, and a friction with a direction.

In the frame of the texture the pressure stands still, and a mode of wavevector q shakes the solid that moves at the
velocity v with the angular frequency :math:`q \cdot v`. With the complex plane-strain modulus :math:`E(\omega)`

.. math:: u_q = K_q\, p_q, \quad K_q = \frac{2}{|q|\,E(q \cdot v)}, \qquad
          p \ge 0, \quad g = u - h + d \ge 0, \quad p\,g = 0, \quad \overline{p} = P.

The loss makes K unsymmetric, so no energy is minimised; the problem is a variational inequality, monotone because
:math:`\mathrm{Re}\,1/E > 0`, with one solution. It is a fixed point of *elastic* contacts: with the symmetric operator
M of the storage modulus,

.. math:: M_q = \frac{2}{|q|\,\mathrm{Re} E(q \cdot v)}, \qquad
          p \leftarrow \text{elastic contact of } M \text{ on the heights } h - (K - M)\,p,

since :math:`|K_q - M_q| = M_q \sin\delta_q` with the loss angle :math:`\tan\delta = \mathrm{Im} E / \mathrm{Re} E`,
each such step brings the pressure nearer by the factor :math:`\sin\delta < 1` in the norm of M, for every texture and
load. The adjoint on the set in contact is the same iteration with :math:`K^T`. (Problem: Carbone and Putignano 2013,
doi 10.1016/j.jmps.2013.03.005; contraction: a resolvent of M is nonexpansive in its norm.)

What the solid dissipates per distance is its friction,

.. math:: \mu = \frac{\overline{p\, \hat v \cdot \nabla u}}{P}
            = \frac{1}{P} \sum_q \frac{2\, q \cdot \hat v}{|q|} \frac{\mathrm{Im} E}{|E|^2} |p_q|^2 \ge 0.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from advsci.errors import ConfigError, ConvergenceError, DataError
from advsci_friction.contact.adjoint import solve_adjoint
from advsci_friction.contact.anderson import anderson
from advsci_friction.contact.halfspace import HalfSpace
from advsci_friction.contact.polonsky_keer import admissible, polonsky_keer

__all__ = ["SlidingContact", "SlidingHalfSpace", "slide"]


Solved = tuple[Tensor, Tensor, Tensor]
"""Pressure, error, number of elastic contacts."""


class SlidingHalfSpace(HalfSpace):
    """The displacement operator of a solid that slides, and the elastic one of its storage modulus.

    Parameters
    ----------
    shape, size, device, dtype
        As in `advsci_friction.HalfSpace`.
    modulus
        Complex plane-strain modulus [Pa] of the angular frequency [rad/s]; its real part positive.
    velocity
        (vy, vx) or (v,) of the solid over the texture [m/s], along the axes of the map.

    Raises
    ------
    ConfigError
        A velocity that is zero or has not one number per axis; a modulus that is not finite, stores nothing or gains.

    Examples
    --------
    >>> from advsci_friction.laws.viscoelastic import standard_linear_solid
    >>> space = SlidingHalfSpace((16, 16), (1e-3, 1e-3), standard_linear_solid(1e6, 1e7, 5e-5), (0.0, 1.0))
    >>> round(space.contraction, 2)
    0.82
    """

    def __init__(
        self,
        shape: Sequence[int],
        size: Sequence[float],
        modulus: Callable[[Tensor], Tensor],
        velocity: Sequence[float],
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float64,
    ):
        super().__init__(shape, size, device=device, dtype=dtype)
        speed = math.hypot(*velocity) if len(velocity) == len(self.shape) else math.nan
        if not 0.0 < speed < math.inf:
            raise ConfigError(
                f"got the velocity {tuple(velocity)} over a map of {len(self.shape)} axes; expected one finite number "
                "per axis, not all zero. Try: (0.0, 1.0), along x at 1 m/s."
            )
        self.velocity = tuple(float(v) for v in velocity)
        self.along = [v / speed for v in self.velocity]
        turning, mirrored = self._along(self.velocity)
        found = modulus(turning)
        found = torch.complex(found.real, found.imag.masked_fill(mirrored, 0.0))
        loss = found.imag * turning.sign()
        if not bool((torch.isfinite(found.abs()) & (found.real > 0.0)).all() and (loss >= -1e-9 * found.abs()).all()):
            raise ConfigError(
                "got a modulus that is not finite, or whose real part is not positive, or whose loss is negative; "
                "expected the modulus of a passive solid. Try: standard_linear_solid(1e6, 1e9, 1e-6)."
            )
        self.modulus = found

    def _along(self, vector: Sequence[float]) -> tuple[Tensor, Tensor]:
        r""":math:`q \cdot v` of the half spectrum, and which modes hold the highest wave of an even axis.

        Such a wave is its own mirror image and goes neither way: it gets :math:`\sqrt{\sum_i (q_i v_i)^2}`, no loss.
        """
        terms = [v * q for q, v in zip(self.wavevectors, vector, strict=True)]
        highest = [
            (torch.arange(q.numel(), device=q.device) == n // 2).reshape(q.shape) & (n % 2 == 0)
            for q, n in zip(self.wavevectors, self.shape, strict=True)
        ]
        mirrored = torch.stack(torch.broadcast_tensors(*highest)).any(0)
        terms = torch.stack(torch.broadcast_tensors(*terms))
        return torch.where(mirrored, terms.square().sum(0).sqrt(), terms.sum(0)), mirrored

    @cached_property
    def compliance(self) -> Tensor:
        r""":math:`M_q = 2/(|q|\,\mathrm{Re}E)` [m/Pa], 0 at :math:`q = 0`: that of the storage modulus."""
        return HalfSpace(self.shape, self.size, device=self.device, dtype=self.dtype).compliance / self.modulus.real.to(
            self.dtype
        )

    @cached_property
    def stiffness(self) -> Tensor:
        """The inverse of `compliance` on the modes that have one."""
        return 0.5 * self.wavenumber * self.modulus.real.to(self.dtype)

    @cached_property
    def turn(self) -> Tensor:
        r""":math:`(K_q - M_q)/M_q = -\mathrm{Im}E\,(\mathrm{Im}E + i\,\mathrm{Re}E)/|E|^2`."""
        e = self.modulus
        found = torch.complex(-e.imag.square(), -e.imag * e.real) / e.abs().square()
        return found.to(torch.complex64 if self.dtype == torch.float32 else torch.complex128)

    @property
    def contraction(self) -> float:
        r"""The largest :math:`\sin\delta` of any mode: the factor per elastic contact."""
        return float(self.turn.abs().max())

    def lag(self, p: Float[Tensor, "..."], *, transposed: bool = False) -> Float[Tensor, "..."]:
        """(K - M) p [m], what the loss adds to the displacement; its transpose where ``transposed``."""
        turn = self.turn.conj() if transposed else self.turn
        return torch.fft.irfftn(
            torch.fft.rfftn(p, dim=self.dims) * (self.compliance * turn), s=self.shape, dim=self.dims
        )

    def forward_slope(self, u: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        r""":math:`\hat v \cdot \nabla u` of the maps ``u``, by the Fourier series."""
        along, mirrored = self._along(self.along)
        turned = torch.fft.rfftn(u, dim=self.dims) * (1j * along.masked_fill(mirrored, 0.0).to(u.dtype))
        return torch.fft.irfftn(turned, s=self.shape, dim=self.dims)


@dataclass(frozen=True)
class SlidingContact:
    """A viscoelastic solid that slides over one or many textures.

    Attributes
    ----------
    pressure
        (\\*batch, \\*pixels) contact pressure [Pa], differentiable in heights and load.
    heights, load
        The inputs: heights [m] (\\*batch, \\*pixels) and mean pressure [Pa] (\\*batch).
    space
        The grid, the solid and its velocity.
    error
        (\\*batch) bound on the relative error of the pressure, in the norm of M.
    iterations
        Elastic contacts that were solved.
    converged
        (\\*batch) whether the error is below the tolerance.

    Examples
    --------
    >>> x = torch.arange(32, dtype=torch.float64) / 32
    >>> from advsci_friction import SlidingContact, slide
    >>> from advsci_friction.laws.viscoelastic import standard_linear_solid
    >>> found = slide(1e-5 * torch.cos(2 * torch.pi * x), 1e5, standard_linear_solid(1e6, 1e7, 1e-3), (1.0,), (1e-3,))
    >>> isinstance(found, SlidingContact)
    True
    """

    pressure: Float[Tensor, "..."]
    heights: Float[Tensor, "..."]
    load: Float[Tensor, "..."]
    space: SlidingHalfSpace
    error: Float[Tensor, "..."]
    iterations: int
    converged: Bool[Tensor, "..."]

    @property
    def touching(self) -> Bool[Tensor, "..."]:
        """Pixels that carry pressure."""
        return self.pressure > 0.0

    @property
    def displacement(self) -> Float[Tensor, "..."]:
        """Displacement of the solid's surface [m], zero mean, differentiable."""
        return self.space.displace(self.pressure) + self.space.lag(self.pressure)

    @property
    def friction(self) -> Float[Tensor, "..."]:
        """(\\*batch) coefficient of friction of the loss in the solid, differentiable."""
        slope = self.space.forward_slope(self.displacement)
        return (self.pressure * slope).mean(self.space.dims) / self.load


class _Sliding(torch.autograd.Function):
    """(heights, load) -> pressure, its error, and the number of elastic contacts."""

    @staticmethod
    def forward(
        ctx: Any, heights: Tensor, load: Tensor, space: SlidingHalfSpace, settings: tuple[float, float, int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The solution of (b ...) ``heights`` and (b) ``load`` on ``space``; ``settings`` are both tolerances and the
        limit of contacts, and ``ctx`` keeps what the backward pass needs."""
        tolerance, adjoint_tolerance, max_iterations = settings
        ctx.tolerance, ctx.max_iterations, ctx.space = adjoint_tolerance, max_iterations, space
        dims = space.dims
        spread = (-1, *[1] * len(dims))
        h = heights - heights.mean(dims, keepdim=True)
        height = h.square().mean(dims, keepdim=True).sqrt()
        height = torch.where(height > 0.0, height, torch.ones_like(height) * min(space.size))
        h, softness = h / height, load.reshape(spread) / height
        rest = space.contraction
        inner = max(0.05 * tolerance * (1.0 - rest), 1e-12)

        def elastic(p: Tensor) -> Tensor:
            """The elastic contact on the heights that the loss of ``p`` has moved."""
            moved, begin = h - softness * space.lag(p), admissible(p, None, dims)
            return polonsky_keer(space, softness, moved, None, begin, inner, 100 * max(space.shape)).pressure

        def enough(p: Tensor, new: Tensor) -> Tensor:
            """Bound on the error of ``new``, the image of ``p``, over the tolerance."""
            # in the norm of M the solution is at most rest / (1 - rest) steps from the new point
            change = new - p
            moved = (change * space.displace(change)).mean(dims).clamp_min(0.0).sqrt()
            whole = (new * space.displace(new)).mean(dims).clamp_min(torch.finfo(p.dtype).tiny).sqrt()
            return rest / (1.0 - rest) * moved / whole / tolerance

        first = admissible(space.flatten(h) / softness, None, dims)
        reduced, over, count = anderson(elastic, first, enough, max_iterations=max_iterations)
        pressure = reduced * load.reshape(spread)
        ctx.save_for_backward(pressure)
        error, contacts = over * tolerance, torch.tensor(count)
        ctx.mark_non_differentiable(error, contacts)
        return pressure, error, contacts

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        r""":math:`(K^T \lambda)_C + \nu = w_C`, :math:`1^T\lambda = 0`: dL/dh is lambda, dL/dP is n nu.

        w is the ``gradient``; the solution lies in ``ctx``.
        """
        (pressure,) = ctx.saved_tensors
        space, free = ctx.space, pressure > 0.0
        tolerance = ctx.tolerance
        nu: Tensor | None = None

        def elastic(lam: Tensor) -> Tensor:
            """The elastic adjoint, the loss of ``lam`` on its right side."""
            nonlocal nu
            right = gradient - space.lag(lam, transposed=True)
            found, nu = solve_adjoint(space, free, right, 0.1 * tolerance, 100 * max(space.shape))
            return found

        def enough(lam: Tensor, new: Tensor) -> Tensor:
            """Bound on the error of ``new``, the image of ``lam``, over the tolerance."""
            size = new.flatten(1).norm(dim=1).clamp_min(torch.finfo(new.dtype).tiny)
            return (new - lam).flatten(1).norm(dim=1) / size / (tolerance * (1.0 - space.contraction))

        lam = anderson(elastic, torch.zeros_like(pressure), enough, max_iterations=ctx.max_iterations)[0]
        assert nu is not None
        return lam, nu.flatten() * pressure[0].numel(), None, None


def slide(
    heights: Float[Tensor, "..."],
    load: Float[Tensor, "..."] | float,
    modulus: Callable[[Tensor], Tensor],
    velocity: Sequence[float],
    size: Sequence[float],
    *,
    tolerance: float = 1e-6,
    adjoint_tolerance: float = 1e-6,
    max_iterations: int = 300,
    strict: bool = True,
) -> SlidingContact:
    r"""Slide a viscoelastic solid over rigid textures, steadily.

    Parameters
    ----------
    heights
        (\*batch, \*pixels) heights [m], contact at the maxima, periodic.
    load
        Mean pressure [Pa], a number or one per texture.
    modulus
        Complex plane-strain modulus :math:`E(\omega)/(1 - \nu^2)` [Pa] of the angular frequency [rad/s], as
        `advsci_friction.laws.viscoelastic.standard_linear_solid` gives it.
    velocity
        (vy, vx), or (v,) for profiles [m/s].
    size
        Period of the map along its axes [m].
    tolerance
        On the relative error of the pressure.
    adjoint_tolerance
        On the relative error of a gradient.
    max_iterations
        Elastic contacts at most.
    strict
        Raise where a texture has not converged; otherwise say so in ``converged``.

    Returns
    -------
    SlidingContact
        Pressure and friction, differentiable in ``heights`` and ``load``.

    Raises
    ------
    DataError
        Heights that are not finite.
    ConfigError
        A load that is not positive; a velocity or modulus that cannot be.
    ConvergenceError
        A texture needs more elastic contacts.

    Examples
    --------
    >>> x = torch.arange(64, dtype=torch.float64) / 64
    >>> ridges = (1e-5 * torch.cos(2 * torch.pi * x)).expand(64, 64)
    >>> from advsci_friction import slide
    >>> from advsci_friction.laws.viscoelastic import standard_linear_solid
    >>> rubber = standard_linear_solid(1e6, 1e7, 5e-5)
    >>> across = slide(ridges, 1e5, rubber, (0.0, 1.0), (1e-3, 1e-3)).friction
    >>> along = slide(ridges, 1e5, rubber, (1.0, 0.0), (1e-3, 1e-3)).friction
    >>> bool(across > 0.01), abs(round(float(along), 6))
    (True, 0.0)
    """
    axes = len(size)
    if not heights.is_floating_point() or heights.ndim < axes or not bool(torch.isfinite(heights).all()):
        raise DataError(
            f"got heights of type {heights.dtype} and shape {tuple(heights.shape)}, finite or not; expected finite "
            f"real numbers on {axes} axes. Try: fill the undefined pixels."
        )
    batch, pixels = heights.shape[: heights.ndim - axes], heights.shape[heights.ndim - axes :]
    loads = torch.as_tensor(load, dtype=heights.dtype, device=heights.device).expand(batch)
    if not bool(((loads > 0.0) & torch.isfinite(loads)).all()):
        raise ConfigError(f"got a load of {loads.min():.4g} Pa; expected a positive number. Try: 1e5.")
    space = SlidingHalfSpace(pixels, size, modulus, velocity, device=heights.device, dtype=heights.dtype)
    flat = heights.reshape(-1, *pixels)
    settings = tolerance, adjoint_tolerance, max_iterations
    pressure, error, count = cast("Solved", _Sliding.apply(flat, loads.reshape(-1), space, settings))
    converged = (error < tolerance).reshape(batch)
    if strict and not bool(converged.all()):
        raise ConvergenceError(
            f"got {int((~converged).sum())} of {converged.numel()} textures above the tolerance {tolerance:g} after "
            f"{max_iterations} elastic contacts, the worst at {float(error.max()):.2g}; expected all below. "
            "Try: a larger max_iterations or tolerance, or strict=False."
        )
    return SlidingContact(
        pressure.reshape(heights.shape), heights, loads, space, error.reshape(batch), int(count), converged
    )
