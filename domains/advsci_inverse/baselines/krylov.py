"""Least squares by conjugate gradients, with and without Tikhonov damping, all images of a batch at once."""

import torch
from torch import Tensor

from advsci_inverse.operators.linear import LinearOperator

__all__ = ["cgls", "tikhonov"]


@torch.no_grad()
def cgls(
    operator: LinearOperator,
    y: Tensor,
    steps: int = 20,
    *,
    damping: float | Tensor = 0.0,
    reference: Tensor | None = None,
    start: Tensor | None = None,
) -> Tensor:
    r"""Conjugate gradients on :math:`\min_x \|Ax-y\|^2 + \rho\|x - x_{ref}\|^2`; stopping early regularises.

    Parameters
    ----------
    operator
        :math:`A`.
    y
        Data ``[n, *data_shape]``.
    steps
        Iterations.
    damping
        :math:`\rho`, one number or one per image.
    reference, start
        :math:`x_{ref}` (zero if omitted) and the first iterate (the reference).

    Returns
    -------
    tensor [n, *image_shape]
        The last iterates.

    Examples
    --------
    >>> from advsci_inverse.operators import gaussian_sensing
    >>> operator = gaussian_sensing(40, (4, 4))
    >>> x = torch.ones(1, 4, 4)
    >>> bool((cgls(operator, operator(x), 16) - x).abs().max() < 1e-3)
    True
    """
    shape = (-1,) + (1,) * len(operator.image_shape)
    rho = torch.as_tensor(damping, dtype=y.dtype, device=y.device).reshape(-1)
    rho_image = rho.reshape(shape)

    def square(v: Tensor) -> Tensor:
        return v.flatten(1).square().sum(1)

    x_ref = reference if reference is not None else y.new_zeros(len(y), *operator.image_shape)
    x = (start if start is not None else x_ref).clone()
    r = operator.adjoint(y - operator(x)) + rho_image * (x_ref - x)
    p, gamma = r, square(r)
    for _ in range(steps):
        q = operator(p)
        alpha = gamma / (square(q) + rho * square(p)).clamp(min=1e-30)
        x = x + alpha.reshape(shape) * p
        r = r - alpha.reshape(shape) * (operator.adjoint(q) + rho_image * p)
        new = square(r)
        p = r + (new / gamma.clamp(min=1e-30)).reshape(shape) * p
        gamma = new
    return x


def tikhonov(operator: LinearOperator, y: Tensor, weight: float, steps: int = 60) -> Tensor:
    r""":math:`\arg\min_x \|Ax-y\|^2 + \lambda\|x\|^2` by conjugate gradients.

    Parameters
    ----------
    operator
        :math:`A`.
    y
        Data ``[n, *data_shape]``.
    weight
        :math:`\lambda`.
    steps
        Iterations; 60 converge for the operators of this package.

    Returns
    -------
    tensor [n, *image_shape]
        Reconstructions.
    """
    return cgls(operator, y, steps, damping=weight)
