r"""A learned denoiser in place of a prior: half-quadratic splitting, and approximate message passing.

* Half-quadratic splitting (DPIR, Zhang et al. 2021, arXiv 2008.13751): denoise at a falling level, then solve
  :math:`\min_z \|Az-y\|^2 + \lambda(\sigma/s_k)^2\|z-x\|^2`.
* D-AMP (Metzler et al. 2016, arXiv 1406.4175), for matrices with independent entries of variance 1/m: the Onsager term
  :math:`z_k\,\mathrm{div} D/m` keeps the error of the pseudo-data :math:`x + A^\top z` white, with the level
  :math:`\|z\|/\sqrt m`.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from advsci.streams import Stream
from advsci_inverse.baselines.krylov import cgls
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["damp", "half_quadratic_splitting"]

Denoise = Callable[[Tensor, Tensor], Tensor]


@torch.no_grad()
def half_quadratic_splitting(
    operator: LinearOperator,
    y: Tensor,
    denoise: Denoise,
    sigma: float,
    *,
    weight: float = 0.3,
    steps: int = 24,
    levels: tuple[float, float] = (0.4, 0.02),
    inner: int = 25,
) -> Tensor:
    r"""Alternate denoising and data steps; noise levels fall log-uniformly.

    Parameters
    ----------
    operator
        :math:`A`.
    y
        Data ``[n, *data_shape]``.
    denoise
        ``denoise(x, level)`` for images ``[n, h, w]`` and levels ``[n]``.
    sigma
        Standard deviation of the noise.
    weight
        :math:`\lambda` of the data step: how far the denoised image holds.
    steps
        Denoisings.
    levels
        First and last noise level that is denoised.
    inner
        Conjugate gradient iterations of each data step.

    Returns
    -------
    tensor [n, h, w]
        Reconstructions.
    """
    x = cgls(operator, y, 5)
    for k in range(steps):
        level = levels[0] * (levels[1] / levels[0]) ** (k / max(steps - 1, 1))
        pulled = cgls(operator, y, inner, damping=weight * (sigma / level) ** 2, reference=x, start=x)
        x = denoise(pulled, torch.full((len(y),), level, dtype=y.dtype, device=y.device))
    return x


@torch.no_grad()
def damp(
    operator: LinearOperator,
    y: Tensor,
    denoise: Denoise,
    *,
    steps: int = 30,
    damping: float = 0.7,
    start: Tensor | None = None,
    stream: Stream | None = None,
) -> Tensor:
    """Reconstructions by approximate message passing; one random probe per step estimates the divergence.

    Parameters
    ----------
    operator
        A matrix with independent entries of variance 1/m; for others the iteration diverges.
    y
        Data ``[n, *data_shape]``.
    denoise
        ``denoise(x, level)`` for images ``[n, h, w]`` and levels ``[n]``.
    steps
        Iterations.
    damping
        Share of each new iterate; less than 1 keeps the iteration near its start.
    start
        First image; zero if omitted.
    stream
        Draws the probes; seed 0 if omitted.

    Returns
    -------
    tensor [n, h, w]
        Reconstructions.
    """
    stream = stream if stream is not None else Stream(0)
    m = operator.data_size
    x = start if start is not None else y.new_zeros(len(y), *operator.image_shape)
    z = y - operator(x)
    shape = (-1,) + (1,) * len(operator.image_shape)
    data_shape = (-1,) + (1,) * len(operator.data_shape)
    for k in range(steps):
        pseudo = x + operator.adjoint(z)
        level = z.flatten(1).norm(dim=1) / math.sqrt(m)
        new = denoise(pseudo, level)
        probe = stream.at("probe", k).normal(tuple(x.shape), device=x.device, dtype=x.dtype)
        step = 1e-2 * level.clamp(min=1e-2)
        moved = denoise(pseudo + step.reshape(shape) * probe, level)
        divergence = ((moved - new) * probe).flatten(1).sum(1) / step
        onsager = z * (divergence / m).reshape(data_shape)
        z = damping * (y - operator(new) + onsager) + (1 - damping) * z
        x = damping * new + (1 - damping) * x
    level = z.flatten(1).norm(dim=1) / math.sqrt(m)
    return denoise(x + operator.adjoint(z), level)
