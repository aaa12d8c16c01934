r"""Divergences of densities that can be evaluated, in one to three dimensions, by quadrature.

.. math:: \mathrm{JSD}(p, q) = \tfrac12 \mathrm{KL}(p \,\|\, \tfrac{p+q}2) + \tfrac12 \mathrm{KL}(q \,\|\, \tfrac{p+q}2)

between 0 and :math:`\log 2`. The trapezoidal rule converges exponentially for smooth densities that vanish at the
bounds.
"""

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ConfigError, DataError
from advsci.metrics.distances import blocks, squared_distances

__all__ = ["Bounds", "LogDensity", "grid", "integral", "jensen_shannon", "kernel_density"]

LogDensity = Callable[[Tensor], Tensor]
"""``log_density(points) -> values``: (n, d) to (n,)."""

Bounds = Sequence[tuple[float, float]]
"""Lower and upper end of every axis."""


def grid(bounds: Bounds, points: int = 1001, device=None) -> tuple[Float[Tensor, "n d"], float]:
    """All nodes of a regular grid and the volume that each stands for.

    Parameters
    ----------
    bounds
        Lower and upper end of every axis.
    points
        Nodes per axis.
    device
        Where the nodes lie; None: the CPU.

    Returns
    -------
    tuple
        Nodes (n d) in float64, and the volume of a cell.

    Raises
    ------
    ConfigError
        If the grid would have more than fifty million nodes, or an empty axis.
    """
    if points ** len(bounds) > 50_000_000:
        raise ConfigError(f"got {points} points on {len(bounds)} axes; expected at most 5e7 nodes. Try: fewer points.")
    if any(not low < high for low, high in bounds):
        raise ConfigError(f"got bounds {list(bounds)}; expected low < high on every axis. Try: (-5.0, 5.0).")
    axes = [torch.linspace(low, high, points, dtype=torch.float64, device=device) for low, high in bounds]
    nodes = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(bounds))
    return nodes, math.prod((high - low) / (points - 1) for low, high in bounds)


def integral(integrand: Callable[[Tensor], Tensor], bounds: Bounds, points: int = 1001, device=None) -> Tensor:
    """Sum over the grid times the cell: the trapezoidal rule of a function that vanishes at the bounds.

    Parameters
    ----------
    integrand
        Points (n d) to values (n).
    bounds
        Lower and upper end of every axis.
    points
        Nodes per axis.
    device
        Where it is computed; None: the CPU.

    Returns
    -------
    Tensor
        A number.
    """
    nodes, cell = grid(bounds, points, device)
    return torch.stack([integrand(part).sum() for part in nodes.split(500_000)]).sum() * cell


def jensen_shannon(log_p: LogDensity, log_q: LogDensity, bounds: Bounds, points: int = 1001, device=None) -> Tensor:
    r"""Jensen-Shannon divergence in nats.

    Parameters
    ----------
    log_p
        A log-density: points (n d) to values (n).
    log_q
        Another one.
    bounds
        Lower and upper end of every axis.
    points
        Nodes per axis.
    device
        Where it is computed; None: the CPU.

    Returns
    -------
    Tensor
        A number in :math:`[0, \log 2]`.

    Raises
    ------
    DataError
        If a density does not integrate to 1 within 1e-3: bounds too narrow, or too few points for its narrowest peak.
    """

    nodes, cell = grid(bounds, points, device)
    mass, value = nodes.new_zeros(2), nodes.new_zeros(())
    for part in nodes.split(500_000):
        a, b = log_p(part), log_q(part)
        middle = torch.logaddexp(a, b) - math.log(2.0)
        p, q = a.exp(), b.exp()
        mass = mass + torch.stack([p.sum(), q.sum()]) * cell
        value = value + 0.5 * cell * (p * (a - middle).nan_to_num(0.0) + q * (b - middle).nan_to_num(0.0)).sum()
    if not mass.is_meta and bool(((mass - 1.0).abs() > 1e-3).any()):
        raise DataError(
            f"got densities that integrate to {mass.tolist()} on the grid; expected 1 within 1e-3. "
            "Try: wider bounds, more points, or normalised densities."
        )
    return value


def kernel_density(samples: Float[Tensor, "n d"], bandwidth: float | None = None) -> LogDensity:
    r"""Log-density of a Gaussian kernel estimate, for samples whose density is not known.

    Parameters
    ----------
    samples
        Samples, whose spread in every direction should be comparable.
    bandwidth
        Standard deviation of the kernel; by default Scott's :math:`n^{-1/(d+4)}` times the root mean variance.
    """
    samples = samples.double()
    n, d = samples.shape
    h = bandwidth if bandwidth is not None else samples.var(0).mean().sqrt() * n ** (-1.0 / (d + 4))
    h = torch.as_tensor(h, dtype=torch.float64, device=samples.device)
    centre = samples.mean(0)
    constant = d * (0.5 * math.log(2.0 * math.pi) + h.log()) + math.log(n)

    def log_density(x: Float[Tensor, "m d"]) -> Float[Tensor, " m"]:
        """Log-density (m) at the points ``x`` (m d)."""
        out = torch.empty(len(x), dtype=torch.float64, device=x.device)
        for rows in blocks(len(x), n):
            square = squared_distances(x[rows].double() - centre, samples - centre)
            out[rows] = (square / (-2.0 * h * h)).logsumexp(1) - constant
        return out

    return log_density
