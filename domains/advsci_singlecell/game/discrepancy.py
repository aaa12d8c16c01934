r"""Maximum mean discrepancy between batches: what an adversary in a reproducing-kernel space sees, in closed form.

.. math:: \mathrm{MMD}^2(b, b') = \| \mu_b - \mu_{b'} \|^2, \qquad
          \mu_b = \sum_{i \in b} w_i \phi(z_i) / \sum_{i \in b} w_i

with Gaussian kernels of several widths (Gretton et al. 2012; trVAE, Lotfollahi et al. 2020). An ablation: a penalty
that can stand beside the adversary or in its place.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

__all__ = ["batch_discrepancy"]

WIDTHS = (0.25, 1.0, 4.0)


def batch_discrepancy(
    z: Float[Tensor, "n d"], batch: Int[Tensor, " n"], batches: int, weight: Float[Tensor, " n"]
) -> Float[Tensor, ""]:
    """Mean squared discrepancy over the pairs of batches present, kernel widths in units of the mean squared
    distance.

    Parameters
    ----------
    z
        Embedding (n d).
    batch
        Batch numbers (n).
    weight
        Weight of every cell (n).
    """
    distance = torch.cdist(z, z).square()
    scale = distance.mean().detach().clamp(min=1e-12)
    kernel = torch.stack([torch.exp(-distance / (w * scale)) for w in WIDTHS]).mean(0)
    share = F.one_hot(batch, batches).to(z.dtype) * weight[:, None]
    mass = share.sum(0)
    share = share / mass.clamp(min=1e-12)
    inner = share.T @ kernel @ share
    diagonal = inner.diagonal()
    squared = diagonal[:, None] + diagonal[None] - 2.0 * inner
    present = (mass > 0).to(z.dtype)
    pairs = torch.triu(present[:, None] * present[None], diagonal=1)
    return (squared * pairs).sum() / pairs.sum().clamp(min=1.0)
