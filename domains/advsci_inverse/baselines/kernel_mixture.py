r"""A Gaussian at every training image: a kernel density with local covariances, and its posterior in closed form.

With the clusters of `MixturePrior` (mean :math:`\mu_k`, covariance :math:`C_k`) and a bandwidth :math:`c\in(0, 1]`

.. math:: p(x) = \frac1N\sum_i N\big(x;\ \mu_k + \sqrt{1-c}\,(x_i-\mu_k),\ c\,C_k\big), \qquad k = k(i).

Drawing the images towards their cluster's mean keeps mean and covariance of the cluster at every bandwidth (West 1993,
J. R. Stat. Soc. B 55:409): :math:`c = 1` is the mixture, :math:`c\to0` the images themselves. The bandwidth is the one
under which the data at hand are most likely. With fewer data than the dimension of the images' manifold the details of
this density matter, and its posterior mean beats the mixture's; with more, the evidence chooses the mixture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from advsci_inverse.baselines.mixture import MixturePrior
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["KernelMixture"]


@dataclass(frozen=True)
class KernelMixture:
    """The images, the mixture fitted to them, and the component of each."""

    mixture: MixturePrior
    images: Float[Tensor, "n p"]
    component: Int[Tensor, " n"]

    @classmethod
    def fit(cls, images: Float[Tensor, "n h w"], components: int = 60) -> "KernelMixture":
        """Fit the mixture; every image joins the component of the nearest mean.

        Parameters
        ----------
        images
            Images of the kind; all are kept.
        components
            Clusters that are asked for.

        Returns
        -------
        KernelMixture
            The fitted density.
        """
        mixture, x = MixturePrior.fit(images, components), images.flatten(1)
        nearest = [(mixture.means.square().sum(1) - 2 * block @ mixture.means.T).argmin(1) for block in x.split(8192)]
        return cls(mixture, x, torch.cat(nearest))

    @torch.no_grad()
    def estimate(
        self,
        operator: LinearOperator,
        y: Tensor,
        sigma: float,
        *,
        bandwidths: Sequence[float] = (0.5, 0.75, 1.0),
        kept: int = 128,
    ) -> tuple[Float[Tensor, "b *image"], Float[Tensor, "b *image"], float]:
        """Posterior of images under this density.

        Parameters
        ----------
        operator
            The measurement.
        y
            Data ``[n, *data_shape]``.
        sigma
            Standard deviation of the noise.
        bandwidths
            Bandwidths :math:`c` from which the evidence chooses one for all data.
        kept
            Components of largest weight that are summed for each image; the others weigh next to nothing.

        Returns
        -------
        mean, deviation : tensor [b, *image]
            Posterior mean and standard deviation of each image.
        bandwidth : float
            The bandwidth of largest evidence.
        """
        matrix = operator.matrix(dtype=self.images.dtype, device=self.images.device)
        data, seen = y.flatten(1), self.images @ matrix.T
        rows = [matrix @ covariance for covariance in self.mixture.covariances]  # A C_k
        order = torch.argsort(self.component, stable=True)
        tops = [
            self._evidence(matrix, rows, data, seen, sigma, c).topk(min(kept, len(seen)), dim=1) for c in bandwidths
        ]
        best = max(range(len(bandwidths)), key=lambda i: float(tops[i].values.logsumexp(1).sum()))
        c, share, index = bandwidths[best], torch.softmax(tops[best].values, 1)[..., None], order[tops[best].indices]
        flat, owner = index.flatten(), torch.arange(len(data), device=index.device).repeat_interleave(index.shape[1])
        each, spread = torch.empty_like(self.images[flat]), torch.empty_like(self.images[flat])
        for k in self.component[flat].unique().tolist():
            of = self.component[flat] == k
            factor, centre = _factor(rows[k], matrix, c, sigma), self._centres(k, flat[of], c)
            half = torch.linalg.solve_triangular(factor, c * rows[k], upper=False)  # L^{-1} c A C_k
            each[of] = centre + _white(factor, data[owner[of]] - centre @ matrix.T) @ half
            spread[of] = c * self.mixture.covariances[k].diagonal() - half.square().sum(0)
        each, spread = each.reshape(*index.shape, -1), spread.reshape(*index.shape, -1)
        mean = (share * each).sum(1)
        variance = (share * (each.square() + spread)).sum(1) - mean.square()
        shape = (-1, *operator.image_shape)
        return mean.reshape(shape), variance.clamp(min=1e-8).sqrt().reshape(shape), c

    def _centres(self, k: int, index: Tensor, c: float) -> Tensor:
        mean = self.mixture.means[k]
        return mean + (1 - c) ** 0.5 * (self.images[index] - mean)

    def _evidence(self, matrix: Tensor, rows: list[Tensor], data: Tensor, seen: Tensor, sigma: float, c: float):
        """Log density of the data under every image's component, up to a constant: ``[b, n]``, cluster by cluster."""
        parts = []
        for k, row in enumerate(rows):
            of = (self.component == k).nonzero().flatten()
            mean, factor = matrix @ self.mixture.means[k], _factor(row, matrix, c, sigma)
            centres = _white(factor, mean + (1 - c) ** 0.5 * (seen[of] - mean))
            target = _white(factor, data)
            square = centres.square().sum(1) - 2 * target @ centres.T + target.square().sum(1, keepdim=True)
            parts.append(-0.5 * square - factor.diagonal().log().sum())
        return torch.cat(parts, 1)


def _factor(rows: Tensor, matrix: Tensor, c: float, sigma: float) -> Tensor:
    r"""``L`` with :math:`LL^\top = c A C_k A^\top + \sigma^2`, from ``rows = A C_k``."""
    gram = c * rows @ matrix.T
    gram.diagonal().add_(sigma**2 + 1e-6 * gram.diagonal().mean())
    return torch.linalg.cholesky(gram)


def _white(factor: Tensor, r: Tensor) -> Tensor:
    return torch.linalg.solve_triangular(factor, r.T, upper=False).T
