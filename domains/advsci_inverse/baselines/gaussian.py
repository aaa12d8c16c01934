"""A Gaussian prior fitted to images: the linear minimum-mean-square-error estimate, in closed form."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from advsci.errors import DataError
from advsci_inverse.operators.data_step import DataStep
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["GaussianPrior"]


@dataclass(frozen=True)
class GaussianPrior:
    """Mean and covariance of a class of images, flattened.

    Attributes
    ----------
    mean
        Mean of each pixel.
    covariance
        Covariance of the pixels.

    Examples
    --------
    >>> import torch
    >>> from advsci_inverse.operators import gaussian_sensing
    >>> images = torch.rand(50, 4, 4, generator=torch.Generator().manual_seed(0))
    >>> operator = gaussian_sensing(8, (4, 4))
    >>> mean, deviation = GaussianPrior.fit(images).estimate(operator, operator(images[:3]), sigma=0.01)
    >>> mean.shape, deviation.shape
    (torch.Size([3, 4, 4]), torch.Size([4, 4]))
    """

    mean: Float[Tensor, " n"]
    covariance: Float[Tensor, "n n"]

    @classmethod
    def fit(cls, images: Float[Tensor, "m h w"], ridge: float = 1e-4) -> "GaussianPrior":
        """Sample mean and covariance of images.

        Parameters
        ----------
        images
            Images of the kind.
        ridge
            Added to the variances, so that no direction has none.

        Returns
        -------
        GaussianPrior
            The fitted prior.

        Raises
        ------
        DataError
            Fewer than two images.
        """
        if len(images) < 2:
            raise DataError(f"got {len(images)} images; expected at least 2, better several hundred. Try: more images.")
        flat = images.flatten(1)
        mean = flat.mean(0)
        centred = flat - mean
        covariance = centred.T @ centred / (len(images) - 1)
        covariance.diagonal().add_(ridge)
        return cls(mean, covariance)

    def estimate(self, operator: LinearOperator, y: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """Posterior of images under this prior.

        Parameters
        ----------
        operator
            The measurement.
        y
            Data ``[n, *data_shape]``.
        sigma
            Standard deviation of the noise.

        Returns
        -------
        mean : tensor [n, h, w]
            Posterior mean of each image.
        deviation : tensor [h, w]
            Standard deviation of each pixel, common to all images.
        """
        step = DataStep(operator, self.covariance)
        start = self.mean.reshape(1, *operator.image_shape).expand(len(y), *operator.image_shape)
        return step(start, y, sigma), step.variance(sigma).sqrt()
