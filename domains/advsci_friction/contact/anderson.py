r"""Anderson's mixing: the fixed point of a contraction, from the last few of its steps.

For :math:`x = T(x)` with the residuals :math:`f_k = T(x_k) - x_k` the next point is the combination of the last images
whose residuals cancel best,

.. math:: x_{k+1} = T(x_k) - \sum_i \gamma_i \left(T(x_{i+1}) - T(x_i)\right), \qquad
          \gamma = \arg\min \left|f_k - \sum_i \gamma_i (f_{i+1} - f_i)\right|,

which for an affine T is GMRES (Walker and Ni 2011, doi 10.1137/10078356X). A residual that grows empties the memory, so
that the plain steps of the contraction are never left for long.
"""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["anderson"]


def anderson(
    image: Callable[[Tensor], Tensor],
    start: Tensor,
    enough: Callable[[Tensor, Tensor], Tensor],
    *,
    memory: int = 8,
    max_iterations: int = 200,
) -> tuple[Tensor, Tensor, int]:
    """Iterate until every row of a batch is good enough.

    Parameters
    ----------
    image
        T, a contraction of each row, (b ...) to (b ...).
    start
        (b ...) where to begin.
    enough
        (x, T(x)) to (b) estimated errors over what is allowed: below 1 is good enough.
    memory
        How many differences are mixed.
    max_iterations
        Steps at most.

    Returns
    -------
    tuple
        The last images (b ...), their errors over what is allowed (b), and the number of steps.

    Examples
    --------
    >>> x, error, steps = anderson(
    ...     lambda x: 0.5 * x + 1.0, torch.zeros(1, 3), lambda x, y: (y - x).norm(dim=1) / 1e-6
    ... )
    >>> x
    tensor([[2., 2., 2.]])
    """
    x, y, size = start, start, None
    error, steps = start.new_full(start.shape[:1], torch.inf), 0
    residuals: list[Tensor] = []
    images: list[Tensor] = []
    while steps < max_iterations:
        y, steps = image(x), steps + 1
        error = enough(x, y)
        if y.is_meta or bool((error < 1.0).all()):
            break
        f = (y - x).flatten(1)
        norm = f.norm(dim=1)
        if size is not None and bool((norm > 2.0 * size).any()):
            residuals, images = [], []  # the model of the last steps was wrong: go on from the plain step
        size = norm
        residuals, images = [*residuals, f][-memory - 1 :], [*images, y.flatten(1)][-memory - 1 :]
        x = y
        if len(residuals) > 1:
            falls = torch.stack(residuals, 1).diff(dim=1)
            gram = falls @ falls.mT
            scale = gram.diagonal(dim1=1, dim2=2).mean(1).clamp_min(torch.finfo(gram.dtype).tiny)
            ridge = 1e3 * torch.finfo(gram.dtype).eps * scale[:, None, None] * torch.eye(gram.shape[-1]).to(gram)
            gamma = torch.linalg.solve(gram + ridge, falls @ f[..., None])
            mixed = torch.stack(images, 1).diff(dim=1)
            x = y - (gamma * mixed).sum(1).reshape(y.shape)
    return y, error, steps
