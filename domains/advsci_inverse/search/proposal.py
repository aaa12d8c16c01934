r"""Draws by likelihood: samples of a posterior that is tractable, where the prior is simpler than the images.

* `LatentProposal`: the prior is a generator, :math:`x = G(z) + e`. The end points of a latent search, with their
  weights and Gauss-Newton covariances, are a mixture of Gaussians over :math:`z`; the residual :math:`e` is completed
  by its posterior mean.
* `GaussianProposal`: the prior is :math:`N(\mu, C)`. With a draw :math:`x_0\sim N(\mu, C)` and noise :math:`\eta`

  .. math:: x = x_0 + C A^\top (A C A^\top + \sigma^2)^{-1} (y + \eta - A x_0)

  has exactly the posterior's law (Matheron's rule; Doucet 2010).
* `carried`: how pixels go together is taken from such draws; where they lie and how far each pixel spreads, from a
  better estimate of mean :math:`m` and deviation :math:`d`, as :math:`s' = m + d\,(s - m_0)/d_0`.

Such draws lie where the data allow. How images look there is learned by `advsci_inverse.game.posterior`.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.streams import Stream
from advsci_inverse.operators.data_step import DataStep
from advsci_inverse.operators.linear import LinearOperator
from advsci_inverse.search.latent import LatentSearch

__all__ = ["GaussianProposal", "LatentProposal", "Proposal", "Start", "carried"]


@dataclass(frozen=True)
class Start:
    """What the first stage says of each image.

    Attributes
    ----------
    point
        Estimate of the posterior mean.
    deviation
        Standard deviation of each pixel.
    draws
        ``k`` draws of each image.
    """

    point: Float[Tensor, "n h w"]
    deviation: Float[Tensor, "n h w"]
    draws: Float[Tensor, "n k h w"]


class Proposal(Protocol):
    """Gives draws for data, and what it knows of mean and deviation."""

    def __call__(self, y: Tensor, count: int, stream: Stream) -> Start:
        """``count`` draws for each data set ``y`` ``[n, *data]``, a pure function of the stream."""
        ...


class LatentProposal:
    """Draws of the latent posterior that a search has found.

    Parameters
    ----------
    search
        Search under one prior, operator and noise level.
    starts
        End points for each data set; more find more modes.
    steps
        Gauss-Newton steps of each.
    """

    def __init__(self, search: LatentSearch, *, starts: int = 2, steps: int = 5):
        self.search, self.starts, self.steps = search, starts, steps

    @torch.no_grad()
    def __call__(self, y: Tensor, count: int, stream: Stream) -> Start:
        """Mean, deviation and draws.

        Parameters
        ----------
        y
            Data ``[n, *data]``.
        count
            Draws for each data set.
        stream
            Of the draws.

        Returns
        -------
        Start
            Images, not clipped.
        """
        search, n = self.search, len(y)
        found = search(y, starts=self.starts, steps=self.steps)
        k = found.latents.shape[2]
        edges = found.weights.cumsum(1)[:, :-1]
        u = stream.at("mode").uniform((n, count), device=y.device, dtype=y.dtype)
        mode = (u[..., None] > edges[:, None]).sum(-1)
        z = found.latents.gather(1, mode[..., None].expand(-1, -1, k)).reshape(n * count, k)
        root = search.curvature(found.latents.reshape(-1, k))[1].reshape(n, -1, k, k)
        root = root[torch.arange(n, device=y.device)[:, None], mode].reshape(n * count, k, k)
        z = z + (root @ stream.at("latent").normal((n * count, k, 1), device=y.device, dtype=y.dtype))[..., 0]
        draws = search.step(search.prior.decode(z), y.repeat_interleave(count, 0), search.sigma)
        return Start(found.mean, found.deviation, draws.reshape(n, count, *draws.shape[1:]))


class GaussianProposal:
    """Exact posterior draws under a Gaussian prior.

    Parameters
    ----------
    operator, sigma
        The measurement and the standard deviation of its noise.
    mean
        Mean image.
    covariance
        Of the flattened image.

    Examples
    --------
    >>> from advsci_inverse.operators import gaussian_sensing
    >>> operator, images = gaussian_sensing(6, (3, 3)), torch.zeros(2, 3, 3)
    >>> proposal = GaussianProposal(operator, 0.1, torch.zeros(3, 3), torch.eye(9))
    >>> proposal(operator(images), 4, Stream(0)).draws.shape
    torch.Size([2, 4, 3, 3])
    """

    def __init__(
        self,
        operator: LinearOperator,
        sigma: float,
        mean: Float[Tensor, "h w"],
        covariance: Float[Tensor, "p p"],
    ):
        self.operator, self.sigma, self.mean = operator, sigma, mean
        self.step = DataStep(operator, covariance)
        ridge = 1e-6 * covariance.diagonal().mean() * torch.eye(len(covariance), dtype=covariance.dtype)
        self.root = torch.linalg.cholesky(covariance + ridge.to(covariance.device))

    @torch.no_grad()
    def __call__(self, y: Tensor, count: int, stream: Stream) -> Start:
        """Mean, deviation and draws.

        Parameters
        ----------
        y
            Data ``[n, *data]``.
        count
            Draws for each data set.
        stream
            Of the draws.

        Returns
        -------
        Start
            Images, not clipped.
        """
        n, shape, kind = len(y), self.operator.image_shape, {"device": y.device, "dtype": y.dtype}
        white = stream.at("prior").normal((n * count, self.operator.image_size), **kind)
        prior = self.mean + (white @ self.root.T).reshape(-1, *shape)
        noise = self.sigma * stream.at("noise").normal((n * count, *self.operator.data_shape), **kind)
        draws = self.step(prior, y.repeat_interleave(count, 0) + noise, self.sigma)
        mean = self.step(self.mean.expand(n, *shape), y, self.sigma)
        deviation = self.step.variance(self.sigma).sqrt().expand(n, *shape)
        return Start(mean, deviation, draws.reshape(n, count, *shape))


def carried(start: Start, mean: Float[Tensor, "n h w"], deviation: Float[Tensor, "n h w"]) -> Start:
    """Draws of a Gaussian posterior, moved and stretched pixel by pixel to a better estimate.

    Parameters
    ----------
    start
        Mean, deviation and draws of one posterior.
    mean, deviation
        Of the better estimate.

    Returns
    -------
    Start
        The better estimate, and draws around it that are correlated as those of ``start`` were.

    Examples
    --------
    >>> zero = torch.zeros(1, 2, 2)
    >>> start = Start(zero, zero + 2, torch.full((1, 3, 2, 2), 4.0))  # two deviations above the mean
    >>> carried(start, zero + 1, zero + 0.1).draws.unique()
    tensor([1.2000])
    """
    least = 1e-3 * start.deviation.amax().clamp(min=1e-9)
    unit = (start.draws - start.point[:, None]) / start.deviation.clamp(min=float(least))[:, None]
    return Start(mean, deviation, mean[:, None] + deviation[:, None] * unit)
