"""What a data step does, whether by a matrix (`DataStep`) or by products alone (`MatrixFreeStep`)."""

from abc import ABC, abstractmethod

from torch import Tensor

from advsci_inverse.operators.linear import LinearOperator

__all__ = ["GaussianStep"]


class GaussianStep(ABC):
    """Posterior means of a Gaussian prior under one operator; the formula is that of `DataStep`.

    Attributes
    ----------
    operator
        :math:`A`.
    """

    operator: LinearOperator

    def __call__(self, v: Tensor, y: Tensor, sigma: float, scale: float = 1.0) -> Tensor:
        """Posterior mean.

        Parameters
        ----------
        v
            Prior mean ``[b, *image]``.
        y
            Data ``[b, *data]``.
        sigma
            Standard deviation of the noise.
        scale
            :math:`c`, a factor of the covariance.

        Returns
        -------
        tensor [b, *image]
            Images.
        """
        return v + self.correction(y - self.operator(v), sigma, scale)

    @abstractmethod
    def correction(self, residual: Tensor, sigma: float, scale: float = 1.0) -> Tensor:
        """What a residual adds to the prior mean.

        Parameters
        ----------
        residual
            ``y - A v``, ``[b, *data]``.
        sigma
            Standard deviation of the noise.
        scale
            :math:`c`, a factor of the covariance.

        Returns
        -------
        tensor [b, *image]
            Images.
        """

    @abstractmethod
    def mean_variance(self, sigma: float, scale: float = 1.0) -> float:
        """Posterior variance, averaged over pixels.

        Parameters
        ----------
        sigma
            Standard deviation of the noise.
        scale
            :math:`c`, a factor of the covariance.

        Returns
        -------
        float
            It does not depend on the data.
        """
