r"""Whitening: the linear map after which the data have mean 0 and covariance I.

With covariance :math:`\Sigma = U \Lambda U^T`, every :math:`W` with :math:`W^T W = \Sigma^{-1}` whitens by :math:`W (x
- \mu)`:

* PCA, :math:`W = \Lambda^{-1/2} U^T`: uncorrelated principal components, the largest first;
* ZCA, :math:`W = U \Lambda^{-1/2} U^T`: the symmetric root, closest to the original coordinates;
* Cholesky, :math:`W = L^T` with :math:`L L^T = \Sigma^{-1}`: triangular, coordinate i uses only coordinates from i on.

(Kessy, Lewin and Strimmer 2018, arXiv 1512.00809.) An ill-conditioned input slows every first-order solver by its
condition number.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ConfigError, DataError

__all__ = ["Whitening", "condition_number", "whitening_matrix"]


def condition_number(x: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Largest over smallest eigenvalue of the covariance of the data; infinite where it is singular.

    Parameters
    ----------
    x
        Samples (n d).

    Returns
    -------
    Tensor
        A number of at least 1.
    """
    variances = torch.linalg.eigvalsh(torch.cov(x.double().T).reshape(x.shape[1], x.shape[1]))
    smallest = variances[0]
    return torch.where(smallest > 0, variances[-1] / smallest.clamp_min(torch.finfo(torch.double).tiny), torch.inf)


def whitening_matrix(
    covariance: Float[Tensor, "d d"], method: Literal["pca", "zca", "cholesky"] = "zca"
) -> Float[Tensor, "d d"]:
    """:math:`W` with :math:`W^T W = \\Sigma^{-1}`.

    Parameters
    ----------
    covariance
        The covariance (d d).
    method
        ``"zca"`` (symmetric, nearest to the identity), ``"pca"`` or ``"cholesky"``.

    Returns
    -------
    Tensor
        The matrix :math:`W` (d d).

    Raises
    ------
    ConfigError
        The kind of whitening is unknown.
    DataError
        The covariance is singular to working precision.
    """
    variances, u = torch.linalg.eigh(covariance)
    if bool(variances[0] <= variances[-1] * variances.shape[0] * torch.finfo(variances.dtype).eps):
        rank = int((variances > variances[-1] * variances.shape[0] * torch.finfo(variances.dtype).eps).sum())
        raise DataError(
            f"got a covariance of rank {rank} for {len(variances)} dimensions; expected full rank. "
            "Try: more samples than dimensions, fewer dimensions, or a ridge such as 1e-3."
        )
    if method == "pca":
        return variances.flip(0).rsqrt().unsqueeze(1) * u.flip(1).T
    if method == "zca":
        return (u * variances.rsqrt()) @ u.T
    if method == "cholesky":
        return torch.linalg.cholesky((u / variances) @ u.T).T
    raise ConfigError(f"got whitening method '{method}'; expected pca, zca or cholesky. Try: 'zca'.")


class Whitening(nn.Module):
    """The whitening map of a data set, as a layer with its inverse; all computed in float64.

    Parameters
    ----------
    x
        The data (n d), or (n ...) which are flattened.
    method
        ``"pca"``, ``"zca"`` or ``"cholesky"``.
    ridge
        Added to the variances, as a share of their mean.

    Raises
    ------
    DataError
        The covariance is singular and there is no ridge.
    """

    mean: Tensor
    matrix: Tensor
    inverse_matrix: Tensor

    def __init__(
        self, x: Float[Tensor, "n ..."], method: Literal["pca", "zca", "cholesky"] = "zca", *, ridge: float = 0.0
    ):
        super().__init__()
        flat = x.detach().flatten(1).double()
        covariance = torch.cov(flat.T).reshape(flat.shape[1], flat.shape[1])
        covariance.diagonal().add_(ridge * covariance.diagonal().mean())
        matrix = whitening_matrix(covariance, method)
        self.register_buffer("mean", flat.mean(0).to(x.dtype))
        self.register_buffer("matrix", matrix.to(x.dtype))
        self.register_buffer("inverse_matrix", torch.linalg.inv(matrix).to(x.dtype))

    def forward(self, x: Float[Tensor, "n *shape"]) -> Float[Tensor, "n *shape"]:
        """Samples ``x``, less the mean, in coordinates of unit covariance."""
        return ((x.flatten(1) - self.mean) @ self.matrix.T).reshape(x.shape)

    def inverse(self, y: Float[Tensor, "n *shape"]) -> Float[Tensor, "n *shape"]:
        """The data that belong to whitened ``y``."""
        return (y.flatten(1) @ self.inverse_matrix.T + self.mean).reshape(y.shape)
