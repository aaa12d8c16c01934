r"""Noise models: how clean data become measured ones, and how far a residual may be from zero.

Each model draws noisy data from clean ones, and gives the standard deviation of every datum, which is what
reconstruction needs: weights, the discrepancy principle and the test of the residual.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from advsci.errors import ConfigError, DataError
from advsci.streams import Stream
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["Gaussian", "Mixed", "Noise", "Poisson", "estimate_sigma", "relative_gaussian"]


class Noise(ABC):
    """What happens between the clean data ``A x`` and the measured ``y``."""

    @abstractmethod
    def sample(self, clean: Tensor, stream: Stream) -> Tensor:
        """Measured data for clean ones, a pure function of the stream.

        Parameters
        ----------
        clean
            Data without noise, of any shape.
        stream
            Draws the noise.

        Returns
        -------
        tensor
            Noisy data of the same shape.
        """

    @abstractmethod
    def deviation(self, y: Tensor) -> Tensor:
        """Standard deviation of each datum, estimated from the measured data.

        Parameters
        ----------
        y
            Measured data.

        Returns
        -------
        tensor
            In the shape of ``y``.
        """


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not (value > 0 and math.isfinite(value)):
            raise ConfigError(f"got {name}={value}; expected a positive number. Try: the noise of a measured blank.")


@dataclass(frozen=True)
class Gaussian(Noise):
    """``y = A x + sigma n``.

    Attributes
    ----------
    sigma
        Standard deviation.
    """

    sigma: float

    def __post_init__(self):
        _positive(sigma=self.sigma)

    def sample(self, clean: Tensor, stream: Stream) -> Tensor:
        """Measured data for ``clean`` ones, a pure function of the ``stream``."""
        return clean + self.sigma * stream.normal(tuple(clean.shape), device=clean.device, dtype=clean.dtype)

    def deviation(self, y: Tensor) -> Tensor:
        """Standard deviation of each datum of ``y``."""
        return torch.full_like(y, self.sigma)


@dataclass(frozen=True)
class Poisson(Noise):
    """Counts: ``y = Poisson(gain * A x) / gain``.

    Attributes
    ----------
    gain
        Counts of a datum of 1.
    """

    gain: float

    def __post_init__(self):
        _positive(gain=self.gain)

    def sample(self, clean: Tensor, stream: Stream) -> Tensor:
        """Measured data for ``clean`` ones, a pure function of the ``stream``.

        Raises
        ------
        DataError
            The clean data are negative.
        """
        if bool((clean < -1e-3 * clean.abs().amax()).any()):
            raise DataError("got negative clean data for Poisson counts; expected rates. Try: a non-negative image.")
        rate = (clean.clamp(min=0) * self.gain).cpu()
        counts = torch.poisson(rate, generator=stream.generator("cpu"))
        return (counts / self.gain).to(clean.device)

    def deviation(self, y: Tensor) -> Tensor:
        """Standard deviation of each datum of ``y``."""
        return (y.clamp(min=0) * self.gain + 1.0).sqrt() / self.gain  # a zero count leaves a rate of about one count


@dataclass(frozen=True)
class Mixed(Noise):
    """Counts and electronics: Poisson of ``gain``, then Gaussian of ``sigma``.

    Attributes
    ----------
    gain
        Counts of a datum of 1.
    sigma
        Standard deviation of the electronics' noise.
    """

    gain: float
    sigma: float

    def __post_init__(self):
        _positive(gain=self.gain, sigma=self.sigma)

    def sample(self, clean: Tensor, stream: Stream) -> Tensor:
        """Measured data for ``clean`` ones, a pure function of the ``stream``."""
        counted = Poisson(self.gain).sample(clean, stream.at("counts"))
        return Gaussian(self.sigma).sample(counted, stream.at("electronics"))

    def deviation(self, y: Tensor) -> Tensor:
        """Standard deviation of each datum of ``y``."""
        return (Poisson(self.gain).deviation(y).square() + self.sigma**2).sqrt()


def relative_gaussian(clean: Tensor, share: float, stream: Stream) -> tuple[Tensor, Tensor]:
    """Gaussian noise in proportion to each sample's data.

    Parameters
    ----------
    clean
        Data ``[n, *data_shape]`` without noise.
    share
        Standard deviation over the sample's root mean square datum.
    stream
        Draws the noise.

    Returns
    -------
    y : tensor [n, *data_shape]
        Noisy data.
    sigma : tensor [n]
        Standard deviation of each sample's noise.
    """
    _positive(share=share)
    sigma = share * clean.flatten(1).square().mean(1).sqrt()
    shape = (-1,) + (1,) * (clean.dim() - 1)
    noise = stream.normal(tuple(clean.shape), device=clean.device, dtype=clean.dtype)
    return clean + sigma.reshape(shape) * noise, sigma


@torch.no_grad()
def estimate_sigma(operator: LinearOperator, y: Tensor, tolerance: float = 1e-6) -> Tensor:
    r"""Each sample's noise level from the part of the data that no image can explain.

    With :math:`P` the projection onto the orthogonal complement of the range of :math:`A`,
    :math:`\mathbb E\|Py\|^2 = \sigma^2\,\mathrm{rank}\,P`; nothing about the image is assumed.

    Parameters
    ----------
    operator
        The measurement.
    y
        Data ``[n, *data_shape]``.
    tolerance
        Singular values below this share of the largest count as zero.

    Returns
    -------
    tensor [n]
        Standard deviations.

    Raises
    ------
    DataError
        The range of the operator is (almost) the whole data space: the data alone do not reveal their noise.
    """
    matrix = operator.matrix(dtype=torch.float64, device=y.device)
    u, s, _ = torch.linalg.svd(matrix, full_matrices=False)
    u = u[:, s > tolerance * s[0]]
    free = operator.data_size - u.shape[1]
    if free < 8:
        raise DataError(
            f"got data of {operator.data_size} values of which images explain all but {free}; expected at least 8 free "
            "ones to estimate the noise. Try: state sigma, or measure more."
        )
    flat = y.flatten(1).double()
    rest = flat - (flat @ u) @ u.T
    return (rest.square().sum(1) / free).sqrt().to(y.dtype)
