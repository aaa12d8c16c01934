r"""Accelerated projected gradient: capped contact for every hardness and load, at a known rate.

The same convex problem as in `advsci_friction.contact.polonsky_keer`,

.. math:: \min_p\ \tfrac12 \langle p, K p \rangle - \langle h, p \rangle
          \quad\text{subject to}\quad 0 \le p \le c,\quad \overline{p} = 1,

but no active set is guessed: every step is a gradient step of length 1/L, projected onto the bounds and the load, from
a point extrapolated with the momentum :math:`\beta = (1 - \sqrt{m/L})/(1 + \sqrt{m/L})`. The eigenvalues of K on maps
of zero mean are :math:`2k/|q|`, so that m and L are known and the error falls by at least :math:`1 - \sqrt{m/L}` per
step, whatever the active set (Nesterov 2004, theorem 2.2.3): 9 steps per factor e at 128 pixels, 18 at 512. Momentum
that points uphill is dropped (O'Donoghue and Candes 2015, doi 10.1007/s10208-013-9150-3).
"""

import torch
from torch import Tensor

from advsci_friction.contact.halfspace import HalfSpace
from advsci_friction.contact.polonsky_keer import Iterate, admissible, middle

__all__ = ["projected_gradient"]


def projected_gradient(
    space: HalfSpace,
    softness: Tensor,
    heights: Tensor,
    cap: Tensor,
    start: Tensor,
    tolerance: float,
    max_iterations: int,
) -> Iterate:
    r"""Solve for all surfaces of a batch; one that has converged leaves the computation.

    Parameters
    ----------
    space
        The displacement operator for unit modulus.
    softness
        Its factor per surface, (b 1 ...): K = softness * displace.
    heights
        (b ...) rigid heights, contact at the maxima.
    cap
        Upper bound c > 1 per surface, (b 1 ...), infinite for none.
    start
        (b ...) an admissible pressure.
    tolerance
        On the estimated relative error of the pressure, :math:`|r| / (\sqrt{mL}\,|p|)`, with r the gap on free pixels
        and its violation on bound ones; the true error is at most :math:`\sqrt{L/m}` times as large.
    max_iterations
        Surfaces that need more are returned as they are, with their error.

    Returns
    -------
    Iterate
        Pressure, estimated error and iterations of each surface.
    """
    dims = space.dims
    least, most = space.extremes
    largest, smallest = most * softness, least * softness
    root = float((least / most).sqrt())
    momentum = (1.0 - root) / (1.0 + root)

    def total(x: Tensor) -> Tensor:
        """Sum of ``x`` over the map."""
        return x.sum(dims, keepdim=True)

    found = start.clone()
    error_found = start.new_full((start.shape[0],), torch.inf)
    iterations = torch.zeros(start.shape[0], dtype=torch.int64, device=start.device)
    alive = torch.arange(start.shape[0], device=start.device)
    k, h, p, y = softness, heights, start, start
    slope = k * space.displace(p) - h  # gradient at p; that at y follows by linearity
    ahead = slope
    for iteration in range(3 if start.is_meta else max_iterations + 1):
        error = estimated_error(slope, p, cap, dims) / (largest * smallest).sqrt().flatten()
        error = torch.maximum(error, (p.mean(dims) - 1.0).abs())
        done = error < tolerance
        if not start.is_meta:
            finished = int(done.sum())
            if finished or iteration == max_iterations:
                rows = done if iteration < max_iterations else torch.ones_like(done)
                found[alive[rows]], error_found[alive[rows]] = p[rows], error[rows]
                iterations[alive[rows]] = iteration
            if finished == len(alive) or iteration == max_iterations:
                break
            if finished:
                stay = (~done).nonzero().flatten()
                alive, k, h, p, y, cap, slope, ahead, largest, smallest = (
                    x[stay] for x in (alive, k, h, p, y, cap, slope, ahead, largest, smallest)
                )
        new = admissible(y - (ahead - level(ahead, y, cap, dims)) / largest, cap, dims, torch.zeros_like(largest))
        step = new - p
        new_slope = k * space.displace(new) - h
        uphill = (total(ahead * step) > 0.0).to(p.dtype)  # the step of the momentum, against the gradient
        factor = momentum * (1.0 - uphill)
        y = torch.addcmul(new, factor, step)
        ahead = torch.addcmul(new_slope, factor, new_slope - slope)
        p, slope = new, new_slope
    return Iterate(found, error_found, iterations)


def estimated_error(slope: Tensor, p: Tensor, cap: Tensor, dims: tuple[int, ...]) -> Tensor:
    r"""Norm of the gap on free pixels and of its violation on bound ones, over the norm of the pressure.

    Parameters
    ----------
    slope
        (b ...) gradient :math:`K p - h`: the gap up to a constant.
    p
        (b ...) admissible pressures.
    cap
        (b 1 ...) their upper bounds.
    dims
        Axes of the maps.

    Returns
    -------
    Tensor
        (b), zero exactly where the pressure solves the problem.
    """
    free = (p > 0.0) & (p < cap)
    g = slope - level(slope, p, cap, dims)
    g = g - torch.where(free.any(dims, keepdim=True), torch.zeros_like(cap), middle(g, p, cap, dims))
    wrong = torch.where(free, g, torch.where(p > 0.0, g.clamp_min(0.0), g.clamp_max(0.0)))
    return (wrong.square().sum(dims) / p.square().sum(dims)).sqrt()


def level(slope: Tensor, p: Tensor, cap: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Mean of the gradient over the free pixels, 0 where there is none.

    Parameters
    ----------
    slope
        (b ...) gradient :math:`K p - h`.
    p
        (b ...) pressures, of which those within the bounds are free.
    cap
        (b 1 ...) upper bounds.
    dims
        Axes of the maps.

    Returns
    -------
    Tensor
        (b 1 ...), the height of the rigid body up to a sign.
    """
    free = (p > 0.0) & (p < cap)
    return (slope * free).sum(dims, keepdim=True) / free.sum(dims, keepdim=True).clamp_min(1)
