r"""Does a detail that the prior has never seen vanish silently? Matched filters on what the reconstruction leaves.

For a template :math:`d` (a disc, say) at every place, the residual :math:`r = y - A\hat x` of a faithful reconstruction
has covariance :math:`\Sigma`, and

.. math:: t = \frac{(Ad)^\top\Sigma^{-1} r}{\sqrt{(Ad)^\top\Sigma^{-1} Ad}}

is standard normal for each place. The largest over all places, compared with that of held-out images, raises the flag:
a lesion that the reconstruction shows is no longer in the residual; one that it left out is.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from advsci_inverse.operators.linear import LinearOperator

__all__ = ["disc_templates", "matched_residual"]


def disc_templates(
    shape: tuple[int, int], radius: float, stride: int = 2, inside: Float[Tensor, "h w"] | None = None
) -> Float[Tensor, "p h w"]:
    """Discs of one radius, smooth by a pixel at the edge, centred on a grid.

    Parameters
    ----------
    shape
        Height and width.
    radius
        Of the discs [pixels].
    stride
        Of the grid [pixels].
    inside
        Keeps centres where it is not zero.

    Returns
    -------
    tensor [p, h, w]
        One image per disc.
    """
    rows, columns = torch.arange(0, shape[0], stride), torch.arange(0, shape[1], stride)
    centres = torch.cartesian_prod(rows, columns)
    if inside is not None:
        centres = centres[inside[centres[:, 0], centres[:, 1]] > 0]
    i, j = torch.arange(shape[0])[None, :, None], torch.arange(shape[1])[None, None]
    distance = ((i - centres[:, 0, None, None]) ** 2 + (j - centres[:, 1, None, None]) ** 2).sqrt()
    return (radius + 0.5 - distance).clamp(0, 1)


@torch.no_grad()
def matched_residual(
    operator: LinearOperator, residual: Float[Tensor, "n *data"], factor: Float[Tensor, "m m"], templates: Tensor
) -> tuple[Float[Tensor, " n"], Tensor]:
    r"""Largest matched-filter value of each residual.

    Parameters
    ----------
    operator
        :math:`A`.
    residual
        :math:`y - A\hat x`.
    factor
        Lower Cholesky factor of the residual's covariance.
    templates
        Details ``[p, h, w]`` that are sought.

    Returns
    -------
    value : tensor [n]
        The largest value.
    index : tensor [n]
        Its template.
    """
    seen = torch.linalg.solve_triangular(factor, operator(templates).flatten(1).T, upper=False)
    white = torch.linalg.solve_triangular(factor, residual.flatten(1).T, upper=False)
    scores = (seen.T @ white) / seen.norm(dim=0).clamp(min=1e-12)[:, None]
    best = scores.abs().max(0)
    return best.values, best.indices
