r"""Conditions: class labels or vectors as embeddings, and the projection discriminator.

Integer labels (n) and vectors (n k) go through the same matrix, a label being its one-hot vector.
"""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from advsci.errors import ShapeError

__all__ = ["ConditionEmbedding", "Projection"]


class ConditionEmbedding(nn.Module):
    """Conditions (n k), or labels (n) of k classes, as vectors of length ``outputs``; linear, without bias.

    Raises
    ------
    ShapeError
        The condition is missing, or neither n labels nor n vectors of length k.
    """

    def __init__(self, k: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(k, outputs) * k**-0.5)

    def forward(self, condition: Shaped[Tensor, "n *k"] | None) -> Float[Tensor, "n outputs"]:
        k = self.weight.shape[0]
        if condition is not None and condition.dim() == 1 and not condition.is_floating_point():
            # labels embed with unit variance, as vectors of unit entries do
            return self.weight[condition] * k**0.5
        if condition is not None and condition.dim() == 2 and condition.shape[1] == k:
            return condition.to(self.weight.dtype) @ self.weight
        got = (
            "no condition" if condition is None else f"a condition of shape {tuple(condition.shape)}, {condition.dtype}"
        )
        raise ShapeError(
            f"got {got}; expected (n, {k}) vectors, or (n,) integer labels below {k}. Try: batch['condition'] = "
            "labels.long()."
        )


class Projection(nn.Module):
    r"""Projection discriminator: :math:`D(x, c) = \psi(\phi(x)) + \langle V c, \phi(x) \rangle / \sqrt{d}`.

    If the data's log ratio is linear in the features for each condition, this form holds it exactly (Miyato and Koyama
    2018, arXiv 1802.05637, eq. 3; the factor :math:`d^{-1/2}` keeps the product's size independent of the width).

    Parameters
    ----------
    features
        The network :math:`\phi`: samples to vectors of length d.
    d
        Length of the feature vectors.
    condition
        Length k of the condition, or number of classes.

    Examples
    --------
    >>> import torch
    >>> from advsci.nn import MLP, Projection
    >>> net = Projection(MLP(2, 8), 8, 3)
    >>> net(torch.zeros(4, 2), torch.tensor([0, 1, 2, 0])).shape
    torch.Size([4])
    """

    def __init__(self, features: nn.Module, d: int, condition: int):
        super().__init__()
        self.features = features
        self.embedding = ConditionEmbedding(condition, d)
        self.linear = nn.Linear(d, 1)

    def forward(self, x: Float[Tensor, "n ..."], condition: Shaped[Tensor, "n *k"]) -> Float[Tensor, " n"]:
        phi = self.features(x)
        return self.linear(phi).squeeze(1) + (self.embedding(condition) * phi).sum(1) * phi.shape[1] ** -0.5
