r"""The step that every method shares: what linear data with Gaussian noise say about a Gaussian unknown.

For :math:`x\sim N(v, c\,C)` and :math:`y = Ax + \eta`, :math:`\eta\sim N(0, \sigma^2 I)`, the posterior mean is

.. math:: v + c\,C A^\top\,(c\,A C A^\top + \sigma^2 I)^{-1} (y - A v) .

With :math:`C = I` this is the proximal data-consistency step (and, for :math:`c\to\infty`, the projection that changes
only what the data determine and leaves the null space alone); with the covariance of a class of images it is the linear
minimum-mean-square-error estimate.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import DataError
from advsci_inverse.operators.covariance import LowRankCovariance
from advsci_inverse.operators.gaussian_step import GaussianStep
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["DataStep"]


class DataStep(GaussianStep):
    """Posterior means of a Gaussian prior under one operator, for any number of data sets and prior scales.

    Parameters
    ----------
    operator
        Up to a few thousand data; the matrix ``A C A^T`` is built once.
    covariance
        ``[n, n]`` over the flattened image, low rank and diagonal (never formed), or None for the identity.
    dtype
        Precision where no covariance says it.

    Examples
    --------
    >>> from advsci_inverse.operators import gaussian_sensing
    >>> operator = gaussian_sensing(8, (4, 4))
    >>> step, truth = DataStep(operator), torch.ones(1, 4, 4)
    >>> found = step(torch.zeros(1, 4, 4), operator(truth), sigma=1e-3)
    >>> bool((operator(found) - operator(truth)).abs().max() < 1e-3)  # what was measured is explained
    True
    """

    def __init__(
        self,
        operator: LinearOperator,
        covariance: Float[Tensor, "n n"] | LowRankCovariance | None = None,
        dtype: torch.dtype = torch.float32,
    ):
        self.operator, self.covariance = operator, covariance
        if isinstance(covariance, Tensor):
            image = covariance.reshape(-1, *operator.image_shape)
            rows = operator(image).flatten(1).T  # A C
        else:
            factor = None if covariance is None else covariance.factor
            kind = {
                "dtype": dtype if factor is None else factor.dtype,
                "device": operator.device if factor is None else factor.device,
            }
            units = torch.eye(operator.data_size, **kind).reshape(-1, *operator.data_shape)
            rows = operator.adjoint(units).flatten(1)
            rows = rows if covariance is None else covariance(rows)
        self.gram = operator(rows.reshape(-1, *operator.image_shape)).flatten(1)
        self.gram = 0.5 * (self.gram + self.gram.T)
        self.rows = rows  # C A^T, transposed
        self._factors: dict[tuple[float, float], Tensor] = {}

    def factor(self, sigma: float, scale: float) -> Tensor:
        """Cholesky factor of ``scale A C A^T + sigma^2``, kept for the next call.

        Parameters
        ----------
        sigma
            Standard deviation of the noise.
        scale
            :math:`c`, a factor of the covariance.

        Returns
        -------
        tensor [m, m]
            The lower factor.

        Raises
        ------
        DataError
            The matrix is not positive definite.
        """
        key = (sigma, scale)
        if key not in self._factors:
            n = len(self.gram)
            ridge = sigma**2 + 1e-6 * scale * float(self.gram.diagonal().mean())
            matrix = scale * self.gram + ridge * torch.eye(n, dtype=self.gram.dtype, device=self.gram.device)
            factor, info = torch.linalg.cholesky_ex(matrix)
            if int(info):
                raise DataError(
                    f"got A C A^T + sigma^2 not positive definite at sigma={sigma:.3g}; expected positive noise. "
                    "Try: a larger sigma, or float64."
                )
            self._factors[key] = factor
        return self._factors[key]

    def correction(self, residual: Tensor, sigma: float, scale: float = 1.0) -> Tensor:
        """What a ``residual`` ``[b, *data]`` adds to the prior mean at noise ``sigma`` and ``scale``: images."""
        solved = torch.cholesky_solve(residual.flatten(1).T, self.factor(sigma, scale)).T
        return (scale * (solved @ self.rows)).reshape(-1, *self.operator.image_shape)

    def gain(self, sigma: float, scale: float = 1.0) -> Float[Tensor, "m n"]:
        """The matrix ``K`` of `correction`, ``residual @ K``: dear to build, quicker for many small batches.

        Parameters
        ----------
        sigma
            Standard deviation of the noise.
        scale
            :math:`c`, a factor of the covariance.

        Returns
        -------
        tensor [m, n]
            The matrix.
        """
        return scale * torch.cholesky_solve(self.rows, self.factor(sigma, scale))

    def variance(self, sigma: float, scale: float = 1.0) -> Tensor:
        """Posterior variance of each pixel.

        Parameters
        ----------
        sigma
            Standard deviation of the noise.
        scale
            :math:`c`, a factor of the covariance.

        Returns
        -------
        tensor [*image]
            Variances; they do not depend on the data.
        """
        half = torch.linalg.solve_triangular(self.factor(sigma, scale), scale * self.rows, upper=False)
        prior = torch.ones_like(half[0]) if self.covariance is None else self.covariance.diagonal()
        return (scale * prior - half.square().sum(0)).clamp(min=0).reshape(self.operator.image_shape)

    def mean_variance(self, sigma: float, scale: float = 1.0) -> float:
        """The mean of `variance` at noise ``sigma`` and ``scale``."""
        return float(self.variance(sigma, scale).mean())
