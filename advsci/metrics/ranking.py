r"""How often a real sample scores above a generated one, :math:`P(D(x) > D(G)) + \tfrac12 P(D(x) = D(G))`.

The area under the ROC curve (Hanley and McNeil 1982), Mann-Whitney's U over the number of pairs: 1/2 where the scores
tell nothing, 1 where they do not overlap, whatever their scale.
"""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["ranking_probability"]


@torch.no_grad()
def ranking_probability(real: Float[Tensor, " n"], fake: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """Chance that a score of ``real`` exceeds one of ``fake``, ties counted half, by sorting: n + m memory.

    Parameters
    ----------
    real, fake
        Scores of two sets, such as a discriminator's logits, in any numbers.

    Returns
    -------
    Tensor
        In [0, 1], float64, on the scores' device.

    Examples
    --------
    >>> float(ranking_probability(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 1.0])))
    0.875
    """
    ordered = fake.sort().values
    below = torch.searchsorted(ordered, real.contiguous())
    below = below + torch.searchsorted(ordered, real.contiguous(), right=True)
    return 0.5 * below.double().mean() / len(fake)
