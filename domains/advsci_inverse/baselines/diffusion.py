r"""Diffusion as a rival: a denoiser of all noise levels, guided by the data on its way from noise to an image.

The levels :math:`s_0 > s_1 > \dots` fall as in Karras et al. 2022 (arXiv 2206.00364, eq. 5). At each, the denoiser says
:math:`x_0 = E[x \mid x_s]`, and the data correct it.

* `diffpir` (Zhu et al. 2023, arXiv 2305.08995): :math:`x_0` goes through the exact data step
  :math:`\hat x = \arg\min_z \|y-Az\|^2 + \lambda\sigma^2/s^2\,\|z-x_0\|^2`; then

  .. math:: x_{s'} = \hat x + s'\big(\sqrt{1-\zeta}\,(x_s-\hat x)/s + \sqrt\zeta\,n\big).

* `dps` (Chung et al. 2023, arXiv 2209.14687): an ancestral step of the unguided diffusion, then one step against the
  gradient of :math:`\|y - A x_0(x_s)\|` through the denoiser.

Both draw one sample of each data set per call. Neither has exactly the posterior's law.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.streams import Stream
from advsci_inverse.operators.data_step import DataStep
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["diffpir", "dps", "falling_levels"]

Denoise = Callable[[Tensor, Tensor], Tensor]


def falling_levels(count: int, largest: float = 3.0, least: float = 0.01, power: float = 7.0) -> list[float]:
    """Noise levels of a diffusion, densest where they are small.

    Parameters
    ----------
    count
        Number of levels, at least 2.
    largest, least
        First and last level, in units of the image.
    power
        How uneven; 1 is linear.

    Returns
    -------
    list of float
        The levels.

    Examples
    --------
    >>> [round(s, 2) for s in falling_levels(3, 1.0, 0.01, 1.0)]
    [1.0, 0.5, 0.01]
    """
    high, low = largest ** (1 / power), least ** (1 / power)
    return [(high + k / (count - 1) * (low - high)) ** power for k in range(count)]


@torch.no_grad()
def diffpir(
    operator: LinearOperator,
    y: Tensor,
    denoise: Denoise,
    sigma: float,
    stream: Stream,
    *,
    steps: int = 30,
    weight: float = 1.0,
    fresh: float = 0.5,
    step: DataStep | None = None,
) -> Float[Tensor, "n h w"]:
    r"""One sample of each data set by denoising and exact data steps.

    Parameters
    ----------
    operator
        :math:`A`.
    y
        Data ``[n, *data]``.
    denoise
        ``denoise(x, level)`` for images ``[n, h, w]`` and levels ``[n]``, the posterior mean of the image.
    sigma
        Standard deviation of the noise.
    stream
        Of the random numbers.
    steps
        Levels, each with one call of the denoiser.
    weight
        :math:`\lambda`: how far the denoised image holds.
    fresh
        :math:`\zeta`: share of the noise that is drawn anew, between 0 and 1.
    step
        Data step of the operator, kept by callers that draw many samples; None builds it.

    Returns
    -------
    tensor [n, h, w]
        Images, not clipped.

    Examples
    --------
    >>> from advsci_inverse.operators import gaussian_sensing
    >>> operator, normal = gaussian_sensing(4, (3, 3)), lambda x, s: x / (1 + s[:, None, None] ** 2)
    >>> diffpir(operator, torch.ones(2, 4), normal, 0.1, Stream(0)).shape  # images that are white noise
    torch.Size([2, 3, 3])
    """
    data_step, levels = step or DataStep(operator), falling_levels(steps)
    shape, kind = (len(y), *operator.image_shape), {"device": y.device, "dtype": y.dtype}
    x = levels[0] * stream.at("start").normal(shape, **kind)
    for k, level in enumerate(levels):
        held = data_step(denoise(x, torch.full((len(y),), level, **kind)), y, sigma, level**2 / weight)
        if k == steps - 1:
            x = held
            break
        old, new = (x - held) / level, stream.at("fresh", k).normal(shape, **kind)
        x = held + levels[k + 1] * (math.sqrt(1 - fresh) * old + math.sqrt(fresh) * new)
    return x


def dps(
    operator: LinearOperator,
    y: Tensor,
    denoise: Denoise,
    stream: Stream,
    *,
    steps: int = 60,
    weight: float = 1.0,
) -> Float[Tensor, "n h w"]:
    """One sample of each data set by ancestral steps, guided by the gradient of the residual's norm.

    Parameters
    ----------
    operator
        :math:`A`.
    y
        Data ``[n, *data]``.
    denoise
        ``denoise(x, level)``, differentiable, the posterior mean of the image.
    stream
        Of the random numbers.
    steps
        Levels, each with one call of the denoiser and its gradient.
    weight
        Length of a guiding step per gradient of the norm.

    Returns
    -------
    tensor [n, h, w]
        Images, not clipped.

    Examples
    --------
    >>> from advsci_inverse.operators import gaussian_sensing
    >>> operator, normal = gaussian_sensing(4, (3, 3)), lambda x, s: x / (1 + s[:, None, None] ** 2)
    >>> dps(operator, torch.ones(2, 4), normal, Stream(0), steps=5).shape
    torch.Size([2, 3, 3])
    """
    levels = falling_levels(steps)
    shape, kind = (len(y), *operator.image_shape), {"device": y.device, "dtype": y.dtype}
    x = levels[0] * stream.at("start").normal(shape, **kind)
    for k, level in enumerate(levels):
        with torch.enable_grad():
            seen = x.detach().requires_grad_(True)
            clean = denoise(seen, torch.full((len(y),), level, **kind))
            off = (y - operator(clean)).flatten(1).norm(dim=1).sum()
            (against,) = torch.autograd.grad(off, seen)
        with torch.no_grad():
            after = levels[k + 1] if k < steps - 1 else 0.0
            share = (after / level) ** 2
            x = clean + share * (seen - clean) - weight * against
            if after:
                x = x + after * math.sqrt(1 - share) * stream.at("fresh", k).normal(shape, **kind)
    return x.detach()
