r"""A mixture of Gaussians fitted to images, with the posterior of linear data in closed form.

Components are the clusters of k-means, each with its full covariance shrunk towards the common one. For data
:math:`y = Ax+\eta` every component has a Gaussian posterior and an evidence
:math:`N(y; A\mu_k, A C_k A^\top + \sigma^2)`; the estimate is the evidence-weighted mean, which minimises the expected
squared error under the mixture.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["MixturePrior", "kmeans"]


@torch.no_grad()
def kmeans(x: Float[Tensor, "n d"], clusters: int, *, stream: Stream, steps: int = 15) -> Tensor:
    """Lloyd's iterations from random samples; empty clusters restart at far samples.

    On the device where the samples lie, which scikit-learn's and scipy's k-means would leave.

    Parameters
    ----------
    x
        Samples.
    clusters
        Clusters that are asked for.
    stream
        Chooses the first centres.
    steps
        Iterations.

    Returns
    -------
    tensor [n]
        Cluster of each sample.
    """
    centres = x[stream.at("start").permutation(len(x))[:clusters].to(x.device)].clone()
    labels = torch.zeros(len(x), dtype=torch.long, device=x.device)
    for _ in range(steps):
        far = x.new_empty(len(x))
        for start in range(0, len(x), 8192):
            block = x[start : start + 8192]
            distance = (centres.square().sum(1) - 2 * block @ centres.T) + block.square().sum(1, keepdim=True)
            far[start : start + 8192], labels[start : start + 8192] = distance.min(1)
        counts = torch.bincount(labels, minlength=clusters)
        sums = torch.zeros_like(centres).index_add_(0, labels, x)
        centres = sums / counts.clamp(min=1)[:, None]
        empty = (counts == 0).nonzero().flatten()
        centres[empty] = x[far.topk(len(empty)).indices] if len(empty) else centres[empty]
    return labels


@dataclass(frozen=True)
class MixturePrior:
    """A mixture of Gaussians over flattened images.

    Attributes
    ----------
    weights, means, covariances
        Share, mean and covariance of each component.
    """

    weights: Float[Tensor, " k"]
    means: Float[Tensor, "k n"]
    covariances: Float[Tensor, "k n n"]

    @classmethod
    def fit(
        cls,
        images: Float[Tensor, "m h w"],
        components: int = 60,
        *,
        stream: Stream | None = None,
        shrinkage: float = 0.1,
        ridge: float = 1e-4,
        smallest: int = 60,
    ) -> "MixturePrior":
        """Fit to images.

        Parameters
        ----------
        images
            Images of the kind.
        components
            Clusters that are asked for.
        stream
            Chooses the first centres; seed 0 if omitted.
        shrinkage
            Share of the common covariance in each component's.
        ridge
            Added to the variances.
        smallest
            Clusters with fewer members are dropped.

        Returns
        -------
        MixturePrior
            The fitted prior.

        Raises
        ------
        DataError
            Fewer images than two clusters need.
        """
        x = images.flatten(1)
        if len(x) < 2 * smallest:
            raise DataError(f"got {len(x)} images for a mixture; expected at least {2 * smallest}. Try: GaussianPrior.")
        labels = kmeans(x, components, stream=stream if stream is not None else Stream(0))
        common = torch.cov(x.T)
        weights, means, covariances = [], [], []
        for k in range(components):
            members = x[labels == k]
            if len(members) < smallest:
                continue
            mean = members.mean(0)
            own = (members - mean).T @ (members - mean) / len(members)
            covariance = (1 - shrinkage) * own + shrinkage * common
            covariance.diagonal().add_(ridge)
            weights.append(len(members))
            means.append(mean)
            covariances.append(covariance)
        share = torch.tensor(weights, dtype=x.dtype, device=x.device)
        return cls(share / share.sum(), torch.stack(means), torch.stack(covariances))

    @torch.no_grad()
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
        mean, deviation : tensor [n, h, w]
            Posterior mean and standard deviation of each image.
        """
        matrix = operator.matrix(dtype=self.means.dtype, device=self.means.device)
        data = y.flatten(1)
        evidence, means, variances = [], [], []
        for weight, mean, covariance in zip(self.weights, self.means, self.covariances, strict=True):
            rows = matrix @ covariance
            gram = rows @ matrix.T
            gram.diagonal().add_(sigma**2 + 1e-6 * float(gram.diagonal().mean()))
            factor = torch.linalg.cholesky(gram)
            half = torch.linalg.solve_triangular(factor, rows, upper=False)
            white = torch.linalg.solve_triangular(factor, (data - matrix @ mean).T, upper=False)
            evidence.append(weight.log() - factor.diagonal().log().sum() - 0.5 * white.square().sum(0))
            means.append(mean + white.T @ half)
            variances.append(covariance.diagonal() - half.square().sum(0))
        share = torch.softmax(torch.stack(evidence), 0)[..., None]
        each, spread = torch.stack(means), torch.stack(variances)[:, None]
        mean = (share * each).sum(0)
        variance = (share * (each.square() + spread)).sum(0) - mean.square()
        shape = (-1, *operator.image_shape)
        return mean.reshape(shape), variance.clamp(min=1e-8).sqrt().reshape(shape)
