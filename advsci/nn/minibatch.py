r"""Statistics of a batch as features: they show the discriminator how varied a batch is.

Both layers couple the samples of a batch, so real and generated samples must not share one; ``couples_batch`` says so.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ShapeError

__all__ = ["MinibatchDiscrimination", "MinibatchStddev"]


class MinibatchDiscrimination(nn.Module):
    r"""Closeness of a sample to the others of its batch, appended to its features.

    .. math:: M_i = f_i T, \qquad o_{ib} = \sum_{j \ne i} \exp\left(-\sum_c |M_{ibc} - M_{jbc}|\right)

    with a learned tensor :math:`T` of shape (features, kernels, dim) (Salimans et al. 2016, arXiv 1606.03498, section
    3.2).
    """

    couples_batch = True

    def __init__(self, features: int, kernels: int = 16, dim: int = 5):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features, kernels, dim) * features**-0.5)

    def forward(self, f: Float[Tensor, "n d"]) -> Float[Tensor, "n dk"]:
        """Features ``f`` (n d), with each sample's closeness to the others of its batch appended."""
        m = torch.einsum("nd,dkc->nkc", f, self.weight)
        closeness = torch.exp(-(m.unsqueeze(0) - m.unsqueeze(1)).abs().sum(3)).sum(1)
        return torch.cat([f, closeness - 1.0], dim=1)  # without the sample's closeness to itself, exp(0)


class MinibatchStddev(nn.Module):
    r"""The mean standard deviation of the features within a group of samples, appended as one more channel.

    .. math:: \sigma_{c} = \sqrt{\tfrac1g \sum_i (x_{ic} - \bar x_c)^2 + \epsilon}, \qquad s =
        \mathrm{mean}_c\, \sigma_c

    (Karras et al. 2018, arXiv 1710.10196, section 3.)

    Parameters
    ----------
    group
        Samples a group; the batch is divisible by it. 0 for the whole batch.
    """

    couples_batch = True

    def __init__(self, group: int = 0, eps: float = 1e-8):
        super().__init__()
        self.group = group
        self.eps = eps

    def forward(self, x: Float[Tensor, "n c *positions"]) -> Float[Tensor, "n c1 *positions"]:
        """Maps ``x`` (n c ...), with the standard deviation within each group appended as a channel.

        Raises
        ------
        ShapeError
            The batch cannot be divided into the groups.
        """
        n, group = x.shape[0], self.group or x.shape[0]
        if n % group:
            raise ShapeError(f"got a batch of {n} for groups of {group}; expected a multiple. Try: MinibatchStddev(0).")
        # group members are n/group apart, as in the published code, so that neighbours fall into different groups
        grouped = x.reshape(group, n // group, *x.shape[1:])
        s = (grouped.var(0, unbiased=False) + self.eps).sqrt().flatten(1).mean(1)
        s = s.repeat(group).reshape(n, 1, *[1] * (x.dim() - 2)).expand(n, 1, *x.shape[2:])
        return torch.cat([x, s], dim=1)
