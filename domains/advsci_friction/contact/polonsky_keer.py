r"""Conjugate gradients on the pixels in contact: the load-controlled problem with bounds on the pressure.

In units of the mean pressure and of the heights' standard deviation the pressure minimises

.. math:: J(p) = \tfrac12 \langle p, K p \rangle - \langle h, p \rangle
          \quad\text{subject to}\quad 0 \le p \le c,\quad \overline{p} = 1.

The gradient :math:`g = K p - h`, less its mean over the free pixels :math:`0 < p < c`, is the gap. A step moves the
free pixels along a conjugate direction, clips them to the bounds, frees bound pixels whose gap has the wrong sign, and
restores the load on the free pixels alone, which keeps the upper bound exact. (Polonsky and Keer 1999, doi
10.1016/S0043-1648(99)00113-1, for c = infinity.) While no pixel changes its set, K p follows from K t and the step
costs one Fourier transform pair, not two.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from advsci_friction.contact.halfspace import HalfSpace

__all__ = ["Iterate", "admissible", "polonsky_keer"]


class Iterate(NamedTuple):
    """Pressure, estimated relative error and iterations of each surface."""

    pressure: Tensor
    error: Tensor
    iterations: Tensor


def admissible(x: Tensor, cap: Tensor | None, dims: tuple[int, ...], guess: Tensor | None = None) -> Tensor:
    r"""Euclidean projection onto :math:`\{0 \le p \le c,\ \overline{p} = 1\}`: :math:`p = \min(\max(x + s, 0), c)`.

    The shift s is the root of a piecewise linear increasing function, found by Newton steps within a bracket.

    Parameters
    ----------
    x
        (b ...) any maps.
    cap
        (b 1 ...) upper bounds c, infinite for none; None if no surface has one.
    dims
        Axes of the maps.
    guess
        (b 1 ...) where the search for the shift begins; by default the shift that an unbounded map would need.

    Returns
    -------
    Tensor
        (b ...) the admissible pressures nearest to ``x``.
    """
    low = -x.amax(dims, keepdim=True)
    high = (1.0 if cap is None else torch.where(cap < torch.inf, cap, torch.ones_like(cap))) - x.amin(
        dims, keepdim=True
    )
    shift = 1.0 - x.mean(dims, keepdim=True) if guess is None else guess
    shift = torch.minimum(torch.maximum(shift, low), high)
    enough = torch.finfo(x.dtype).eps ** 0.6  # the free pixels take the rest, where there are any
    for i in range(3 if x.is_meta else 80):
        p = x + shift
        free = p > 0.0 if cap is None else (p > 0.0) & (p < cap)
        p = bounded(p, cap)
        excess = p.mean(dims, keepdim=True) - 1.0
        if i >= 3 and bool((excess.abs() < enough).all()):
            break  # where all that touches is at its cap the root lies on one pixel's ramp: only bisection finds it
        low, high = torch.where(excess < 0.0, shift, low), torch.where(excess >= 0.0, shift, high)
        newton = shift - excess / free.to(x.dtype).mean(dims, keepdim=True)
        shift = torch.where((newton >= low) & (newton <= high), newton, 0.5 * (low + high))
    return restore_load(p, cap, dims)[0]


def bounded(p: Tensor, cap: Tensor | None) -> Tensor:
    """``p`` clipped to its bounds.

    Parameters
    ----------
    cap
        Largest reduced pressure, or None.
    """
    return p.clamp_min(0.0) if cap is None else torch.minimum(p.clamp_min(0.0), cap)


def restore_load(p: Tensor, cap: Tensor | None, dims: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Rescale the free pixels to a mean of 1 within their bounds, and say where they have no room for it.

    An excess is taken in proportion to the pressure, a lack is given in proportion to the room below the cap.

    Parameters
    ----------
    p
        Reduced pressures (... y x).
    dims
        Axes of the map.

    Returns
    -------
    (pressure, full)
        The pressures, and which surfaces have no room for the load.
    """
    mean = p.mean(dims, keepdim=True)
    if cap is None:
        return p / mean, torch.zeros_like(mean, dtype=torch.bool)
    lack = 1.0 - mean
    free = ((p > 0.0) & (p < cap)).to(p.dtype)
    give = torch.where((lack > 0.0) & (cap < torch.inf), cap - p, p) * free
    share = lack / give.mean(dims, keepdim=True).clamp_min(torch.finfo(p.dtype).tiny)
    room = torch.where(cap < torch.inf, torch.ones_like(cap), torch.full_like(cap, torch.inf))
    stuck = (share > room) | (share < -1.0)
    return p + torch.maximum(torch.minimum(share, room), -torch.ones_like(share)) * give, stuck


def polonsky_keer(
    space: HalfSpace,
    softness: Tensor,
    heights: Tensor,
    cap: Tensor | None,
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
        Its factor a surface, (b 1 ...): K = softness * displace.
    heights
        (b ...) rigid heights, contact at the maxima.
    cap
        Upper bound c > 1 a surface, (b 1 ...), infinite for none; None if no surface has one.
    start
        (b ...) an admissible pressure.
    tolerance
        On the estimated relative error of the pressure, :math:`\tau |r| / |p|`: the length of the steepest descent
        step with r the gap on free pixels and its violation on bound ones.
    max_iterations
        Surfaces that need more are returned as they are, with their error.

    Returns
    -------
    Iterate
        Pressure, estimated error and iterations of each surface.

    Notes
    -----
    The host looks at the device once an iteration, to skip work; on the meta device it does not and three iterations
    run.
    """
    dims = space.dims
    tiny = torch.finfo(heights.dtype).tiny

    def total(x: Tensor) -> Tensor:
        """Sum of ``x`` over the map."""
        return x.sum(dims, keepdim=True)

    def dot(x: Tensor, y: Tensor) -> Tensor:
        """Inner product of the maps ``x`` and ``y``."""
        return torch.linalg.vecdot(x.flatten(1), y.flatten(1)).reshape(-1, *[1] * len(dims))

    found = start.clone()
    error_found = start.new_full((start.shape[0],), torch.inf)
    iterations = torch.zeros(start.shape[0], dtype=torch.int64, device=start.device)
    alive = torch.arange(start.shape[0], device=start.device)
    h, k, p = heights, softness, start
    u = space.displace(p)  # K p without its factor k
    t = torch.zeros_like(p)
    norm = torch.ones_like(total(p))
    keep = torch.zeros_like(norm)
    # the largest eigenvalue of K: its inverse is a safe step where a surface has no free pixel
    softest = space.extremes[1] * k
    changed = False
    for iteration in range(3 if p.is_meta else max_iterations + 1):
        f = p.sign() if cap is None else p.sign() * (cap - p).sign()  # 1 on free pixels, else 0
        count = total(f).clamp_min(1.0)
        g = torch.addcmul(h, k, u, value=-1.0).neg_()
        g = g.sub_(dot(g, f) / count)
        if cap is not None:
            g = g - torch.where(total(f) > 0.0, torch.zeros_like(count), middle(g, p, cap, dims))
        residual = g * f
        new_norm = dot(residual, residual)
        if changed:  # the old direction restricted to the new free set must not change the load
            t = t.mul_(f)
            t = torch.addcmul(t, total(t) / count, f, value=-1.0)
        t = t.mul_(keep * new_norm / norm).add_(residual)
        norm = new_norm.clamp_min(tiny)
        r = space.displace(t)
        step = dot(residual, t) / (k * dot(r, t)).clamp_min(tiny)
        step = torch.where(new_norm > 0.0, step, 1.0 / softest)
        if cap is None:
            wrong = (g - residual).clamp_(max=0.0)  # bound pixels whose gap has the wrong sign
        else:
            wrong = g.clamp(max=0.0) * (1.0 - p.sign()) + g.clamp(min=0.0) * (1.0 - (cap - p).sign())
        violation = dot(wrong, wrong)
        error = (step.abs() * (new_norm + violation).sqrt() / dot(p, p).sqrt()).flatten()
        moved = torch.addcmul(p, step, t, value=-1.0)
        room = moved.amin(dims)
        if cap is not None:
            room = torch.minimum(room, (cap - moved).amin(dims))
            error = torch.maximum(error, (p.mean(dims) - 1.0).abs())
        done = error < tolerance
        if p.is_meta:
            changed, finished = True, 0
        else:
            flags = torch.stack([((room < 0.0) | (violation.flatten() > 0.0)).any().long(), done.sum()])
            changed, finished = flags.tolist()
        if 2 * finished >= len(alive) or iteration == max_iterations:
            found[alive], error_found[alive], iterations[alive] = p, error, iteration
            if finished == len(alive) or iteration == max_iterations:
                break
            if finished:
                stay = (~done).nonzero().flatten()
                alive, h, k, p, u, t, norm, keep, softest, step, g, r, wrong, moved, violation = (
                    x[stay] for x in (alive, h, k, p, u, t, norm, keep, softest, step, g, r, wrong, moved, violation)
                )
                cap = None if cap is None else cap[stay]
        if changed:
            moved = bounded(bounded(moved, cap).addcmul_(step, wrong, value=-1.0), cap)
            keep = (violation <= 0.0).to(p.dtype)
            p, stuck = restore_load(moved, cap, dims)
            if cap is not None and not p.is_meta and bool(stuck.any()):
                p = torch.where(stuck, admissible(p - g / softest, cap, dims), p)
                keep = torch.where(stuck, torch.zeros_like(keep), keep)
            u = space.displace(p)
        else:
            keep = torch.ones_like(keep)
            p = moved
            u = torch.addcmul(u, step, r, value=-1.0)
    return Iterate(found, error_found, iterations)


def middle(g: Tensor, p: Tensor, cap: Tensor, dims: tuple[int, ...]) -> Tensor:
    """The level between the gaps of saturated and of empty pixels, for surfaces without a free pixel.

    Parameters
    ----------
    g
        Reduced gaps (... y x).
    p
        Reduced pressures (... y x).
    cap
        Largest reduced pressure, or None.
    dims
        Axes of the map.
    """
    saturated = torch.where(p >= cap, g, torch.full_like(g, -torch.inf)).amax(dims, keepdim=True)
    empty = torch.where(p <= 0.0, g, torch.full_like(g, torch.inf)).amin(dims, keepdim=True)
    return (0.5 * (saturated + empty)).nan_to_num(0.0, 0.0, 0.0)
