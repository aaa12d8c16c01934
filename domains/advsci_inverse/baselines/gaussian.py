"""A Gaussian prior fitted to images: the linear minimum-mean-square-error estimate, in closed form."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from advsci.errors import DataError
from advsci_inverse.linear_gaussian import DataStep
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["GaussianPrior"]


@dataclass(frozen=True)
class GaussianPrior:
    """Mean and covariance of a class of images, flattened."""

    mean: Float[Tensor, " n"]
    covariance: Float[Tensor, "n n"]

    @classmethod
    def fit(cls, images: Float[Tensor, "m h w"], ridge: float = 1e-4) -> "GaussianPrior":
        """Sample mean and covariance, with ``ridge`` added to the variances."""
        if len(images) < 2:
            raise DataError(f"got {len(images)} images; expected at least 2, better several hundred")
        flat = images.flatten(1)
        mean = flat.mean(0)
        centred = flat - mean
        covariance = centred.T @ centred / (len(images) - 1)
        covariance.diagonal().add_(ridge)
        return cls(mean, covariance)

    def estimate(self, operator: LinearOperator, y: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """Posterior mean of each image and the (common) standard deviation of each pixel."""
        step = DataStep(operator, self.covariance)
        start = self.mean.reshape(1, *operator.image_shape).expand(len(y), *operator.image_shape)
        return step(start, y, sigma), step.variance(sigma).sqrt()
