r"""Conditions: class labels or vectors as embeddings, and the projection discriminator.

Integer labels (n) and vectors (n k) go through the same matrix, a label being its one-hot vector.
"""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from advsci.errors import DataError, ShapeError

__all__ = ["ConditionEmbedding", "Projection"]


class ConditionEmbedding(nn.Module):
    """Conditions (n k), or labels (n) of k classes, as vectors of length ``outputs``; linear, without bias.

    Parameters
    ----------
    k
        Length of the conditions, or number of classes.
    outputs
        Length of the embedding.

    Raises
    ------
    ShapeError
        The condition is missing, or neither n labels nor n vectors of length k.

    Examples
    --------
    >>> ConditionEmbedding(3, 5)(torch.tensor([0, 2])).shape
    torch.Size([2, 5])
    """

    def __init__(self, k: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(k, outputs) * k**-0.5)

    def refuse_unknown(self, condition: Tensor) -> None:
        """Refuse labels outside 0 ... k - 1, which an index would take from the end or crash on.

        Looks at the values, which waits for the device: for data before a training, not for every batch.

        Parameters
        ----------
        condition
            Labels (n); anything else is left alone.

        Raises
        ------
        DataError
            A label is unknown.
        """
        k = self.weight.shape[0]
        if condition.dim() != 1 or condition.is_floating_point() or condition.is_meta:
            return
        wrong = (condition < 0) | (condition >= k)
        if bool(wrong.any()):
            first = int(wrong.nonzero()[0])
            raise DataError(
                f"got label {int(condition[first])} at sample {first} ({int(wrong.sum())} of {len(condition)} are "
                f"outside); expected 0 to {k - 1}. Try: labels from 0, and networks with "
                f"condition={int(condition.max()) + 1}."
            )

    def forward(self, condition: Shaped[Tensor, "n *k"] | None) -> Float[Tensor, "n outputs"]:
        """Embedding (n outputs) of ``condition``: integer labels (n), or vectors (n k).

        Raises
        ------
        ShapeError
            The condition is neither vectors of the stated length nor whole labels in range.
        """
        k = self.weight.shape[0]
        integer = condition is not None and condition.dtype in (torch.int64, torch.int32, torch.int16)
        if condition is not None and condition.dim() == 1 and integer:
            # labels embed with unit variance, as vectors of unit entries do
            return self.weight[condition.long()] * k**0.5
        if condition is not None and condition.dim() == 2 and condition.shape[1] == k:
            return condition.to(self.weight.dtype) @ self.weight
        got = (
            "no condition" if condition is None else f"a condition of shape {tuple(condition.shape)}, {condition.dtype}"
        )
        raise ShapeError(
            f"got {got}; expected (n, {k}) vectors, or (n,) integer labels from 0 to {k - 1}. "
            "Try: batch['condition'] = labels.long()."
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
        """Logits (n) of ``x`` under ``condition``."""
        phi = self.features(x)
        return self.linear(phi).squeeze(1) + (self.embedding(condition) * phi).sum(1) * phi.shape[1] ** -0.5
