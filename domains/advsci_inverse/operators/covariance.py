r"""A covariance that is never formed: low rank and a diagonal.

.. math:: C = F F^\top + \mathrm{diag}(d), \qquad C v = F (F^\top v) + d \odot v .

A product costs :math:`2nr` operations and the memory is that of the factor, :math:`n \times r`.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

__all__ = ["LowRankCovariance"]


@dataclass(frozen=True)
class LowRankCovariance:
    """Covariance of flattened images, by its factor and diagonal.

    Attributes
    ----------
    factor
        :math:`F`, ``[n, r]``.
    rest
        :math:`d`, ``[n]``, not negative.

    Examples
    --------
    >>> import torch
    >>> covariance = LowRankCovariance(torch.ones(3, 1), torch.tensor([1.0, 2.0, 3.0]))
    >>> covariance(torch.eye(3))
    tensor([[2., 1., 1.],
            [1., 3., 1.],
            [1., 1., 4.]])
    """

    factor: Float[Tensor, "n r"]
    rest: Float[Tensor, " n"]

    def __call__(self, v: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
        """The product with each of some vectors.

        Parameters
        ----------
        v
            Flattened images, one a row.

        Returns
        -------
        tensor [b, n]
            ``C v`` of each.
        """
        return (v @ self.factor) @ self.factor.T + self.rest * v

    def diagonal(self) -> Float[Tensor, " n"]:
        """Variance of each pixel."""
        return self.factor.square().sum(1) + self.rest
