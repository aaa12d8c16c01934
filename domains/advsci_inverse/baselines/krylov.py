"""Least squares by conjugate gradients, with and without Tikhonov damping, all images of a batch at once."""

import torch
from torch import Tensor

from advsci.linalg import least_squares
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
    zero = reference if reference is not None else y.new_zeros(len(y), *operator.image_shape)
    start = start if start is not None else zero
    return least_squares(operator, operator.adjoint, y, steps=steps, start=start, damping=damping, reference=reference)


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
