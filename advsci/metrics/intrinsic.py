r"""Intrinsic dimension: how many coordinates the data need near a point, however many they are written in.

Near a point of a d-dimensional manifold the neighbours are uniform, so with the distances :math:`T_j` to the j-th
neighbour the ratio :math:`\mu = T_2 / T_1` has the density :math:`d\, \mu^{-d-1}`, and

.. math:: \hat d_{\mathrm{2NN}} = \frac{N - 1}{\sum_i \log \mu_i}, \qquad
    \hat d_{\mathrm{MLE}} = \left( \frac{1}{N (k - 1)} \sum_i \sum_{j < k} \log \frac{T_k(x_i)}{T_j(x_i)} \right)^{-1}

(Facco et al. 2017, arXiv 1803.06992, eq. 3 in its maximum likelihood form; Levina and Bickel 2004, NeurIPS 17, eq. 8,
averaged as MacKay and Ghahramani 2005 propose). Two neighbours see the finest scale and noise on it; more neighbours
see a coarser one, and are biased low where the manifold curves within their reach.
"""

import torch
from jaxtyping import Float, Num
from torch import Tensor

from advsci.errors import ConfigError, DataError, ShapeError
from advsci.metrics.distances import blocks, check_finite, least, squared_distances
from advsci.metrics.estimate import Estimate

__all__ = ["likelihood_dimension", "two_neighbour_dimension"]


@torch.no_grad()
def two_neighbour_dimension(x: Num[Tensor, "n d"]) -> Estimate:
    r"""Intrinsic dimension from the two nearest neighbours of each sample.

    Parameters
    ----------
    x
        Samples (n, d); of equal ones all but one are left out.

    Returns
    -------
    Estimate
        The dimension and its standard error :math:`\hat d / \sqrt N`, which takes the samples' ratios as independent.

    Raises
    ------
    ShapeError
        The samples are no matrix.
    DataError
        Fewer than 10 distinct samples.

    Examples
    --------
    >>> plane = torch.rand(2000, 2, generator=torch.Generator().manual_seed(0)) @ torch.eye(2, 7)
    >>> round(float(two_neighbour_dimension(plane).value))
    2
    """
    square = _neighbours(x, 2)
    half_log = torch.log(square[:, 1] / square[:, 0])  # twice the log ratio of distances
    value = 2.0 * (len(square) - 1) / half_log.sum()
    return Estimate(value, value / len(square) ** 0.5)


@torch.no_grad()
def likelihood_dimension(x: Num[Tensor, "n d"], k: int = 10) -> Estimate:
    """Intrinsic dimension by maximum likelihood from ``k`` neighbours of each sample.

    Parameters
    ----------
    x
        Samples (n, d); of equal ones all but one are left out.
    k
        Neighbours; more lower the variance and look at a coarser scale.

    Returns
    -------
    Estimate
        The dimension and its standard error, from the scatter of the samples' own estimates.

    Raises
    ------
    ConfigError
        ``k`` below 3.
    ShapeError
        The samples are no matrix.
    DataError
        Fewer than 10 distinct samples, or not more than ``k``.

    Examples
    --------
    >>> line = torch.rand(1000, 1, generator=torch.Generator().manual_seed(0)) @ torch.ones(1, 5)
    >>> round(float(likelihood_dimension(line).value))
    1
    """
    if k < 3:
        raise ConfigError(f"got k = {k}; expected at least 3 neighbours. Try: k=10, or two_neighbour_dimension.")
    square = _neighbours(x, k)
    inverse = 0.5 * torch.log(square[:, -1:] / square[:, :-1]).mean(1)  # 1 / d at each sample
    value = 1.0 / inverse.mean()
    return Estimate(value, value.square() * inverse.std() / len(inverse) ** 0.5)


def _neighbours(x: Tensor, k: int) -> Float[Tensor, "n k"]:
    """Squared distances to the ``k`` nearest others, of distinct samples, ascending."""
    if x.dim() != 2:
        raise ShapeError(f"got samples of shape {tuple(x.shape)}; expected (n, d). Try: x.flatten(1).")
    check_finite(x)
    x = torch.unique(x.double(), dim=0)
    if len(x) < max(10, k + 1):
        raise DataError(
            f"got {len(x)} distinct samples; expected at least {max(10, k + 1)}. Try: more samples, or a smaller k."
        )
    x = x - x.mean(0)
    parts = []
    for rows in blocks(len(x), len(x)):
        square = squared_distances(x[rows], x)
        square.diagonal(rows.start).fill_(-1.0)
        parts.append(least(square, k + 1)[:, 1:])
    return torch.cat(parts).clamp_min(torch.finfo(x.dtype).tiny)
