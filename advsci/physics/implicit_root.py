r"""Differentiate the root of an equation without differentiating its solver.

If :math:`F(x^*, \theta) = 0`, then :math:`dx^* / d\theta = -(\partial F/\partial x)^{-1} \partial F/\partial\theta`,
and a gradient w with respect to :math:`x^*` is pulled back by one linear solve,

.. math:: \left(\frac{\partial F}{\partial x}\right)^T \lambda = w, \qquad
          \frac{dL}{d\theta} = -\lambda^T \frac{\partial F}{\partial \theta}.

However many iterations found the root, memory and time of the backward pass do not depend on them. (Blondel et al.
2022, arXiv 2105.15183, section 2.)
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from advsci.errors import ConfigError

__all__ = ["dense_transpose_solve", "implicit_root"]

Residual = Callable[..., Tensor]
TransposeSolve = Callable[[Callable[[Tensor], Tensor], Tensor], Tensor]


def implicit_root(
    residual: Residual,
    root: Float[Tensor, "n ..."],
    *parameters: Tensor,
    solve: TransposeSolve | None = None,
) -> Float[Tensor, "n ..."]:
    r"""The root x* of ``residual(x, *parameters)``, made differentiable in the parameters.

    Parameters
    ----------
    residual
        F; the samples of the batch (first axis of x and F) must not depend on each other.
    root
        A converged root; its own graph is ignored.
    parameters
        Tensors that F depends on, differentiable where they require gradients.
    solve
        ``solve(transpose_product, w) -> lambda`` with the map :math:`\lambda \mapsto (\partial F/\partial x)^T
        \lambda`; default `dense_transpose_solve`, for up to some hundred unknowns a sample. Symmetric positive
        Jacobians: `advsci.linalg.conjugate_gradients`.

    Raises
    ------
    ConfigError
        There are not as many equations as unknowns.

    Examples
    --------
    >>> a = torch.tensor([[4.0]], requires_grad=True)
    >>> x = implicit_root(lambda x, a: x.square() - a, torch.tensor([[2.0]]), a)
    >>> x.sum().backward(); float(a.grad)  # d sqrt(a) / da = 1/4
    0.25
    """
    x = root.detach()
    value = residual(x, *parameters)
    if value.shape != x.shape:
        raise ConfigError(
            f"got a residual of shape {tuple(value.shape)} for a root of shape {tuple(x.shape)}; expected equal "
            f"shapes: as many "
            "equations as unknowns. Try: a residual of the root's shape."
        )
    fixed = tuple(p.detach() for p in parameters)
    return _Root.apply(x, value, lambda y: residual(y, *fixed), solve or dense_transpose_solve)  # type: ignore[no-any-return]


class _Root(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, value: Tensor, residual: Residual, solve: TransposeSolve) -> Tensor:
        """The root ``x``; keeps it, ``residual`` and ``solve`` in ``ctx``. ``value`` carries the gradient."""
        ctx.save_for_backward(x)
        ctx.residual, ctx.solve = residual, solve
        return x.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, w: Tensor) -> tuple[None, Tensor, None, None]:
        """Gradient ``w`` at the root of ``ctx``, pulled back to the residual's value by the transposed solve."""
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            point = x.detach().requires_grad_()
            value = ctx.residual(point)

        def transpose_product(v: Tensor) -> Tensor:
            """Transposed Jacobian of the residual, times ``v``."""
            return torch.autograd.grad(value, point, v, retain_graph=True)[0]

        return None, -ctx.solve(transpose_product, w), None, None


def dense_transpose_solve(
    transpose_product: Callable[[Tensor], Tensor], w: Float[Tensor, "n ..."]
) -> Float[Tensor, "n ..."]:
    """Solve with the assembled Jacobian of each sample: one product an unknown, then one batched LU.

    Parameters
    ----------
    transpose_product
        The map from a vector (n d) to its product with the transposed Jacobian.
    w
        Right-hand side (n d).

    Returns
    -------
    tensor [n, ...]
        The solution for each sample.
    """
    flat = w.flatten(1)
    d = flat.shape[1]
    columns = []
    for i in range(d):
        v = torch.zeros_like(flat)
        v[:, i] = 1.0
        columns.append(transpose_product(v.reshape(w.shape)).flatten(1))
    jacobian_transpose = torch.stack(columns, 2)
    return torch.linalg.solve(jacobian_transpose, flat.unsqueeze(2)).reshape(w.shape)
