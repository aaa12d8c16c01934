r"""Reconstruction under an adversarial regulariser: a convergent minimisation, its weight set by the noise.

.. math:: \hat x = \arg\min_x \tfrac12\|Ax-y\|^2 + \lambda R(x), \qquad \lambda = \mathbb E\,|A^\top\eta| ,

the weight at which a true image is stationary when the gradient of R has unit length there: nothing is tuned.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.streams import Stream
from advsci_inverse.baselines.krylov import cgls
from advsci_inverse.operators.linear import LinearOperator
from advsci_inverse.search.quasi_newton import lbfgs

__all__ = ["poor_reconstruction", "regularised", "weight_of_noise"]


def weight_of_noise(operator: LinearOperator, sigma: float, *, probes: int = 16, seed: int = 0) -> float:
    r""":math:`\mathbb E\,|A^\top\eta|` for white noise.

    Parameters
    ----------
    operator
        :math:`A`.
    sigma
        Standard deviation of the noise.
    probes
        Draws of the noise.
    seed
        Of the draws.

    Returns
    -------
    float
        The weight.
    """
    noise = Stream(seed).at("probes").normal((probes, *operator.data_shape))
    return sigma * float(operator.adjoint(noise).flatten(1).norm(dim=1).mean())


def poor_reconstruction(operator: LinearOperator, y: Tensor) -> Float[Tensor, "n h w"]:
    """Ten steps of CGLS: what a regulariser learns to tell from true images, and where its minimisation starts.

    Parameters
    ----------
    operator
        :math:`A`.
    y
        Data ``[n, *data]``.

    Returns
    -------
    tensor [n, h, w]
        Images.
    """
    return cgls(operator, y, 10)


def regularised(
    regulariser: Callable[[Tensor], Tensor],
    operator: LinearOperator,
    y: Tensor,
    sigma: float,
    *,
    weight: float | None = None,
    start: Float[Tensor, "n h w"] | None = None,
    steps: int = 150,
) -> Float[Tensor, "n h w"]:
    r"""Minimisers of :math:`\tfrac12\|Ax-y\|^2+\lambda R(x)` by L-BFGS.

    Without convexity the start matters: the `poor_reconstruction` that the regulariser was trained against is best.

    Parameters
    ----------
    regulariser
        :math:`R`, images to one number each.
    operator
        :math:`A`.
    y
        Data ``[n, *data]``.
    sigma
        Standard deviation of the noise.
    weight
        :math:`\lambda`; None takes :math:`\mathbb E|A^\top\eta|`.
    start
        First images; zero if None.
    steps
        Evaluations of value and gradient.

    Returns
    -------
    tensor [n, h, w]
        Reconstructions.
    """
    shape = operator.image_shape
    weight = weight_of_noise(operator, sigma) if weight is None else weight
    x = start if start is not None else y.new_zeros(len(y), *shape)

    def value_and_gradient(flat: Tensor) -> tuple[Tensor, Tensor]:
        """Misfit plus penalty (n) at ``flat`` images, and its gradient."""
        with torch.enable_grad():
            image = flat.detach().reshape(-1, *shape).requires_grad_()
            misfit = 0.5 * (operator(image) - y).flatten(1).square().sum(1)
            value = misfit + weight * regulariser(image)
            (slope,) = torch.autograd.grad(value.sum(), image)
        return value.detach(), slope.flatten(1)

    return lbfgs(value_and_gradient, x.flatten(1), steps=steps)[0].reshape(-1, *shape)
