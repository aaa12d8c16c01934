r"""Linear systems solved by products alone, for all samples of a batch at once.

Conjugate gradients (Hestenes and Stiefel 1952) for symmetric positive definite :math:`A`, and the same on the normal
equations :math:`(A^T A + \rho) x = A^T y + \rho x_{ref}` for least squares with any :math:`A`.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["conjugate_gradients", "least_squares"]

Product = Callable[[Tensor], Tensor]


def conjugate_gradients(
    product: Product,
    b: Float[Tensor, "n ..."],
    *,
    tolerance: float = 1e-8,
    steps: int = 1000,
    precondition: Product | None = None,
) -> Float[Tensor, "n ..."]:
    """Solve ``product(x) = b`` for a symmetric positive definite map of each sample.

    Parameters
    ----------
    product
        ``product(v)``, linear in ``v`` (n ...), sample by sample.
    b
        Right-hand sides; the samples lie along the first axis.
    tolerance
        Largest ``|b - product(x)| / |b|`` of a sample at which the iteration ends.
    steps
        Most iterations.
    precondition
        A cheap approximation of the inverse map, symmetric positive definite too; None for none.

    Returns
    -------
    Tensor
        x, of the shape of ``b``.

    Examples
    --------
    >>> conjugate_gradients(lambda v: 4.0 * v, torch.tensor([[2.0, 8.0]]))
    tensor([[0.5000, 2.0000]])
    """
    target = _dot(b, b) * tolerance**2

    def apply(p: Tensor) -> tuple[Tensor, Tensor]:
        """The system's operator, applied to the rows of ``p``."""
        image = product(p)
        return image, _dot(p, image)

    return _iterate(apply, torch.zeros_like(b), b, steps, target, precondition)


def least_squares(
    product: Product,
    adjoint: Product,
    y: Float[Tensor, "n ..."],
    *,
    steps: int,
    start: Float[Tensor, "n ..."],
    damping: float | Float[Tensor, " n"] = 0.0,
    reference: Float[Tensor, "n ..."] | None = None,
) -> Float[Tensor, "n ..."]:
    r"""``steps`` iterations on :math:`\min_x |A x - y|^2 + \rho |x - x_{ref}|^2`, never waiting for the device.

    Parameters
    ----------
    product, adjoint
        :math:`A` and :math:`A^T`, sample by sample.
    y
        Data, the samples along the first axis.
    steps
        Iterations; stopping early regularises.
    start
        First iterate.
    damping
        :math:`\rho \ge 0`, one number, or one per sample.
    reference
        :math:`x_{ref}`; 0 if None.

    Returns
    -------
    Tensor
        x, of the shape of ``start``.

    Examples
    --------
    >>> double = lambda v: 2.0 * v
    >>> least_squares(double, double, torch.tensor([[4.0]]), steps=2, start=torch.zeros(1, 1), damping=4.0)
    tensor([[1.]])
    """
    rho = torch.as_tensor(damping, dtype=y.dtype, device=y.device).reshape(-1, *[1] * (start.dim() - 1))
    pull = -start if reference is None else reference - start
    r = adjoint(y - product(start)) + rho * pull

    def apply(p: Tensor) -> tuple[Tensor, Tensor]:
        """The normal equations' operator, applied to the rows of ``p``."""
        image = product(p)
        curvature = _dot(image, image).reshape(-1, *[1] * (p.dim() - 1)) + rho * _dot(p, p)
        return adjoint(image) + rho * p, curvature

    return _iterate(apply, start, r, steps)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """The inner product of each sample, shaped to multiply the samples."""
    return (a * b).sum(tuple(range(1, a.dim())), keepdim=True)


def _iterate(
    apply: Callable[[Tensor], tuple[Tensor, Tensor]],
    x: Tensor,
    r: Tensor,
    steps: int,
    target: Tensor | None = None,
    precondition: Product | None = None,
) -> Tensor:
    """Conjugate gradients from ``x`` with residual ``r``; ``apply(p)`` gives A p and p . A p.

    Accelerators are asked only every eighth step whether all samples have met their target.
    """
    tiny, every = torch.finfo(r.dtype).tiny, 1 if r.device.type == "cpu" else 8
    p = r if precondition is None else precondition(r)
    gamma = _dot(r, p)
    for k in range(min(steps, 3) if r.is_meta else steps):
        square = gamma if precondition is None else _dot(r, r)
        if target is not None and not r.is_meta and k % every == 0 and bool((square <= target).all()):
            break
        image, curvature = apply(p)
        alpha = gamma / curvature.clamp_min(tiny)
        if target is not None:
            alpha = torch.where(square > target, alpha, 0.0)
        x, r = x + alpha * p, r - alpha * image
        z = r if precondition is None else precondition(r)
        new = _dot(r, z)
        p, gamma = z + new / gamma.clamp_min(tiny) * p, new
    return x
