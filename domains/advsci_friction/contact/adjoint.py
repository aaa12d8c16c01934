r"""The pressure as a differentiable function of heights, load, modulus and hardness.

On the free set C (0 < p < H) the solution satisfies :math:`(K p)_C - h_C + d = 0` with the load :math:`\overline{p} =
P`, where :math:`K = \text{displace} / E^*` and saturated pixels S carry H. For a loss of gradient w with respect to p
the adjoint solves

.. math:: K_{CC} \lambda + \nu 1 = w_C, \qquad 1^T \lambda = 0,

by conjugate gradients with the same operator, and

.. math:: \frac{dL}{dh} = \lambda, \quad \frac{dL}{dP} = n \nu, \quad
    \frac{dL}{dE^*} = \frac{\lambda^T K p}{E^*}, \quad
    \frac{dL}{dH} = \sum_S w - \lambda^T K 1_S - \nu |S|.

(Implicit function theorem on the active set; pixels with p = 0 and no gap take the one-sided derivative of leaving
contact.)
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from advsci_friction.contact.halfspace import HalfSpace
from advsci_friction.contact.polonsky_keer import Iterate, admissible, polonsky_keer
from advsci_friction.contact.projected_gradient import projected_gradient

__all__ = ["Pressure", "solve_adjoint", "solved"]

PATIENCE = 5.0
"""A capped surface gets this times the root of its pixels per side by active sets: those that converge do so sooner."""


def solve_adjoint(
    space: HalfSpace, free: Tensor, gradient: Tensor, tolerance: float, max_iterations: int
) -> tuple[Tensor, Tensor]:
    r"""Solve :math:`K_{CC} \lambda + \nu 1 = w_C,\ 1^T \lambda = 0` for unit modulus: :math:`\lambda` (b ...),
    :math:`\nu` (b 1 ...).

    Conjugate gradients in the space of zero-mean vectors on C, until the residual is ``tolerance`` of the right side.

    Parameters
    ----------
    free
        Which pixels are in contact and below the cap (... y x), bool.
    gradient
        Gradient of a loss in the pressures (... y x).
    max_iterations
        Steps of the solver at most.

    Returns
    -------
    (lambda, nu)
        The multipliers of the pixels in contact and of the load.
    """
    dims = space.dims
    tiny = torch.finfo(gradient.dtype).tiny

    def total(x: Tensor) -> Tensor:
        """Sum of ``x`` over the map."""
        return x.sum(dims, keepdim=True)

    def project(x: Tensor) -> tuple[Tensor, Tensor]:
        """``x`` less its mean on the free pixels, and that mean."""
        mean = total(x * f) / count
        return (x - mean) * f, mean

    f = free.to(gradient.dtype)
    count = total(f).clamp_min(1.0)
    residual, nu = project(gradient)
    lam = torch.zeros_like(residual)
    t = residual
    norm = total(residual.square())
    target = norm * tolerance**2
    for _ in range(3 if gradient.is_meta else max_iterations):
        if not gradient.is_meta and bool((norm <= target).all()):
            break
        image, mean = project(space.displace(t))
        going = (norm > target).to(norm.dtype)
        step = going * norm / total(t * image).clamp_min(tiny)
        lam = torch.addcmul(lam, step, t)
        residual = torch.addcmul(residual, step, image, value=-1.0)
        nu = nu - step * mean
        new_norm = total(residual.square())
        t = torch.addcmul(residual, new_norm / norm.clamp_min(tiny), t)
        norm = new_norm
    return lam, nu


def solved(
    space: HalfSpace,
    softness: Tensor,
    heights: Tensor,
    cap: Tensor | None,
    start: Tensor,
    tolerance: float,
    max_iterations: int,
) -> Iterate:
    """The pressures by active sets, and by projected gradients those of capped surfaces that active sets have not
    solved soon.

    Parameters
    ----------
    space, softness, heights, cap, start, tolerance, max_iterations
        As in `advsci_friction.contact.polonsky_keer.polonsky_keer`.

    Returns
    -------
    Iterate
        Pressure, estimated error and iterations of each surface.
    """
    patience = max_iterations if cap is None else min(int(PATIENCE * max(space.shape) ** 0.5), max_iterations)
    found = polonsky_keer(space, softness, heights, cap, start, tolerance, patience)
    if cap is None or start.is_meta or patience == max_iterations:
        return found
    rest = (found.error >= tolerance).nonzero().flatten()
    if len(rest) == 0:
        return found
    arrays = (softness[rest], heights[rest], cap[rest])
    begin = admissible(found.pressure[rest], arrays[2], space.dims)
    again = projected_gradient(space, *arrays, begin, tolerance, max_iterations - patience)
    return Iterate(
        found.pressure.index_copy(0, rest, again.pressure),
        found.error.index_copy(0, rest, again.error),
        found.iterations.index_add(0, rest, again.iterations),
    )


class Pressure(torch.autograd.Function):
    """(heights, load, modulus, hardness) -> pressure, with the estimated error and the iterations of each surface."""

    @staticmethod
    def forward(
        ctx: Any,
        heights: Tensor,
        load: Tensor,
        modulus: Tensor,
        hardness: Tensor | None,
        start: Tensor | None,
        space: HalfSpace,
        settings: tuple[float, float, int],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The solution; ``ctx`` keeps what the backward pass needs of ``heights``, ``load``, ``modulus``, ``hardness``
        and ``start`` (None where there is none), ``space`` and ``settings`` (tolerances, limit of iterations)."""
        dims = space.dims
        tolerance, adjoint_tolerance, max_iterations = settings

        def spread(x: Tensor) -> Tensor:
            """``x`` with an axis of length 1 for each of the map."""
            return x.reshape(-1, *[1] * len(dims))

        h = heights - heights.mean(dims, keepdim=True)
        height = h.square().mean(dims, keepdim=True).sqrt()
        height = torch.where(height > 0.0, height, torch.ones_like(height) * min(space.size))
        h = h / height
        softness = spread(load / modulus) / height
        cap = None if hardness is None else spread(hardness / load)
        guess = space.flatten(h) / softness if start is None else start / spread(load)
        found = solved(space, softness, h, cap, admissible(guess, cap, dims), tolerance, max_iterations)
        pressure = found.pressure * spread(load)
        if hardness is not None and cap is not None:  # rescaling must not lift a saturated pixel off its bound
            pressure = torch.where(found.pressure >= cap, spread(hardness), pressure)
        ctx.space, ctx.tolerance, ctx.max_iterations = space, adjoint_tolerance, max_iterations
        ctx.save_for_backward(pressure, modulus, hardness)
        ctx.mark_non_differentiable(found.error, found.iterations)
        return pressure, found.error, found.iterations

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        """Gradients of the inputs from that of the pressure, ``gradient``, and what ``ctx`` kept."""
        pressure, modulus, hardness = ctx.saved_tensors
        space = ctx.space
        full = pressure.shape

        def total(x: Tensor) -> Tensor:
            """Sum of ``x`` over the map."""
            return x.flatten(1).sum(1)

        touching = pressure > 0.0
        saturated = None
        if hardness is not None:
            saturated = touching & (pressure >= hardness.reshape(-1, *[1] * len(space.dims)))
            touching = touching & ~saturated
        lam, nu = solve_adjoint(space, touching, gradient, ctx.tolerance, ctx.max_iterations)
        nu = nu.flatten()
        d_heights = lam * modulus.reshape(-1, *[1] * len(space.dims)) if ctx.needs_input_grad[0] else None
        d_load = nu * full[1:].numel() if ctx.needs_input_grad[1] else None
        # with K = displace / E*, lambda = E* lam: the factors E* cancel
        d_modulus = total(lam * space.displace(pressure)) / modulus if ctx.needs_input_grad[2] else None
        d_hardness = None
        if saturated is not None and ctx.needs_input_grad[3]:
            s = saturated.to(pressure.dtype)
            d_hardness = total(s * gradient) - total(lam * space.displace(s)) - nu * total(s)
        return d_heights, d_load, d_modulus, d_hardness, None, None, None
