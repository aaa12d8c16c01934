r"""Total variation by the primal-dual method of Chambolle and Pock (2011, J. Math. Imaging Vision 40:120).

.. math:: \min_{0\le x\le 1} \tfrac12\|Ax-y\|^2 + \lambda\,\|\nabla x\|_{2,1}

Both blocks of the saddle operator are scaled to norm 1, so one pair of step sizes fits every operator.
"""

import torch
from torch import Tensor

from advsci_inverse.operators.linear import LinearOperator

__all__ = ["gradient", "gradient_adjoint", "total_variation", "tv_norm"]


def gradient(x: Tensor) -> Tensor:
    """Forward differences, zero at the far edges.

    Parameters
    ----------
    x
        Images ``[..., h, w]``.

    Returns
    -------
    tensor [..., 2, h, w]
        Differences down and to the right.
    """
    d = x.new_zeros(*x.shape[:-2], 2, *x.shape[-2:])
    d[..., 0, :-1, :] = x[..., 1:, :] - x[..., :-1, :]
    d[..., 1, :, :-1] = x[..., :, 1:] - x[..., :, :-1]
    return d


def gradient_adjoint(d: Tensor) -> Tensor:
    """Transpose of `gradient` (minus the divergence).

    Parameters
    ----------
    d
        Differences ``[..., 2, h, w]``.

    Returns
    -------
    tensor [..., h, w]
        Images.
    """
    x = d.new_zeros(*d.shape[:-3], *d.shape[-2:])
    x[..., :-1, :] -= d[..., 0, :-1, :]
    x[..., 1:, :] += d[..., 0, :-1, :]
    x[..., :, :-1] -= d[..., 1, :, :-1]
    x[..., :, 1:] += d[..., 1, :, :-1]
    return x


def tv_norm(x: Tensor) -> Tensor:
    """Isotropic total variation.

    Parameters
    ----------
    x
        Images ``[..., h, w]``.

    Returns
    -------
    tensor [...]
        One number per image.
    """
    return gradient(x).square().sum(-3).sqrt().sum((-2, -1))


@torch.no_grad()
def total_variation(
    operator: LinearOperator,
    y: Tensor,
    weight: float,
    *,
    steps: int = 500,
    box: tuple[float, float] = (0.0, 1.0),
    norm: float | None = None,
    start: Tensor | None = None,
) -> Tensor:
    r"""Reconstructions of least total variation that explain the data.

    Parameters
    ----------
    operator
        :math:`A`.
    y
        Data ``[n, *data_shape]``.
    weight
        :math:`\lambda`, in units of data squared over image.
    steps
        Primal-dual steps; 1,500 converge, 500 are up to 2.7 dB short on few-view CT.
    box
        Least and largest value of a pixel.
    norm
        Largest singular value of the operator; measured if omitted.
    start
        First image; zero if omitted.

    Returns
    -------
    tensor [n, h, w]
        Reconstructions.

    Examples
    --------
    >>> from advsci_inverse.operators import Radon, equispaced_angles
    >>> scanner = Radon(12, equispaced_angles(6))
    >>> square = torch.zeros(1, 12, 12)
    >>> square[:, 3:8, 4:9] = 1.0
    >>> found = total_variation(scanner, scanner(square), 0.01)
    >>> bool((found - square).abs().mean() < 0.01)
    True
    """
    scale = 1.0 / (1.005 * (norm if norm is not None else operator.norm(dtype=y.dtype, device=y.device)))
    slope = 1.0 / 8.0**0.5
    radius = weight * scale**2 / slope
    tau = 0.99 / 2.0**0.5
    target = scale * y
    x = start.clone() if start is not None else y.new_zeros(len(y), *operator.image_shape)
    ahead = x
    p = torch.zeros_like(y)
    q = y.new_zeros(len(y), 2, *operator.image_shape)
    for _ in range(steps):
        p = (p + tau * (scale * operator(ahead) - target)) / (1.0 + tau)
        q = q + tau * slope * gradient(ahead)
        q = q / (q.square().sum(1, keepdim=True).sqrt() / radius).clamp(min=1.0)
        new = (x - tau * (scale * operator.adjoint(p) + slope * gradient_adjoint(q))).clamp(*box)
        ahead, x = 2 * new - x, new
    return x
