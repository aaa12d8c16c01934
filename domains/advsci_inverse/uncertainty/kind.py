r"""Is this an image of the kind that was learned? One test for every method, its threshold measured.

Three statistics, the first two computed from data that the operator can see at all:

* the evidence of the data under the training images' mean and covariance,
  :math:`(y-A\mu)^\top(ACA^\top+\sigma^2)^{-1}(y-A\mu)/m`: images of another kind are unlikely there, whatever a
  reconstruction makes of them;
* the residual over the noise, :math:`\|y-A\hat x\|/(\sigma\sqrt m)`, of the reconstruction before it is clipped: what
  the method could not explain;
* the distance of the reconstruction's look from the training images' (`advsci_inverse.uncertainty.look`).

Each is turned into the share of held-out training images that exceed it. An image is strange where the smallest share,
times the number of statistics, is at most the wanted rate of false alarms: at most 5 % of images of the kind raise it,
by construction.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from advsci.errors import DataError
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["Evidence", "KindTest", "residual_over_noise"]


class Evidence:
    """How unlikely data are under the mean and covariance of images.

    Parameters
    ----------
    operator, sigma
        The measurement and the standard deviation of its noise.
    images
        Training images.
    rank
        Principal directions of the data that are kept; the rest counts by its mean variance.

    Raises
    ------
    DataError
        There are fewer than 16 images.

    Examples
    --------
    >>> from advsci_inverse.operators import gaussian_sensing
    >>> operator = gaussian_sensing(6, (4, 4))
    >>> images = 0.1 * torch.randn(200, 4, 4, generator=torch.Generator().manual_seed(0))
    >>> evidence = Evidence(operator, 0.01, images)
    >>> bool(evidence(operator(images + 1.0)).min() > evidence(operator(images)).max())
    True
    """

    def __init__(self, operator: LinearOperator, sigma: float, images: Float[Tensor, "m h w"], rank: int = 128):
        if len(images) < 16:
            raise DataError(f"got {len(images)} images; expected at least 16. Try: more training images.")
        with torch.no_grad():
            data = torch.cat([operator(block).flatten(1) for block in images.split(256)])
            self.seen = data.abs().amax(0) > 1e-9 * float(data.abs().max())  # structurally zero data tell nothing
            data = data[:, self.seen]
            self.mean = data.mean(0)
            centred = data - self.mean
            rank = min(rank, len(images) // 2, centred.shape[1])
            _, values, self.directions = torch.svd_lowrank(centred, rank, niter=3)
            variance = values.square() / len(images)
            rest = (centred.square().sum() / len(images) - variance.sum()).clamp(min=0)
            self.floor = sigma**2 + float(rest) / max(centred.shape[1] - rank, 1)
            self.variance = variance + sigma**2

    @torch.no_grad()
    def __call__(self, y: Float[Tensor, "n *data"]) -> Float[Tensor, " n"]:
        """The statistic of each data set; about 1 for images of the kind.

        Parameters
        ----------
        y
            Data.

        Returns
        -------
        tensor [n]
            Larger is less likely.
        """
        centred = y.flatten(1)[:, self.seen] - self.mean
        along = centred @ self.directions
        rest = centred.square().sum(1) - along.square().sum(1)
        return ((along.square() / self.variance).sum(1) + rest / self.floor) / centred.shape[1]


@torch.no_grad()
def residual_over_noise(
    operator: LinearOperator, mean: Float[Tensor, "n h w"], y: Tensor, sigma: float
) -> Float[Tensor, " n"]:
    """Residual over the noise of each reconstruction, over data that the operator can see.

    Parameters
    ----------
    operator
        The measurement.
    mean
        Reconstructions, not clipped.
    y
        Their data.
    sigma
        Standard deviation of the noise.

    Returns
    -------
    tensor [n]
        About 1 where what is left is noise.
    """
    seen = operator(torch.ones_like(mean[:1])).flatten().abs() > 1e-9
    residual = (operator(mean) - y).flatten(1)
    kept = residual[:, seen] if bool(seen.any()) else residual
    return kept.square().mean(1).sqrt() / sigma


@dataclass(frozen=True)
class KindTest:
    """Statistics of held-out images of the kind, against which others are ranked.

    Attributes
    ----------
    own
        One row for each statistic, one column for each held-out image.
    """

    own: Float[Tensor, "s m"]

    def share(self, *statistics: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Bound on the share of images of the kind that are as strange as these.

        Parameters
        ----------
        statistics
            In the order of ``own``.

        Returns
        -------
        tensor [n]
            Between 0 and 1.

        Examples
        --------
        >>> test = KindTest(torch.arange(99.0)[None])
        >>> test.share(torch.tensor([1000.0, -1.0]))
        tensor([0.0100, 1.0000])
        """
        count = self.own.shape[1]
        each = [
            (1 + (own[None] >= new[:, None]).sum(1)) / (count + 1)
            for own, new in zip(self.own, statistics, strict=True)
        ]
        return (len(each) * torch.stack(each).amin(0)).clamp(max=1.0)

    def strange(self, *statistics: Float[Tensor, " n"], false_alarms: float = 0.05) -> Bool[Tensor, " n"]:
        """Which images are not of the kind.

        Parameters
        ----------
        statistics
            In the order of ``own``.
        false_alarms
            Share of images of the kind that may be called strange.

        Returns
        -------
        tensor [n]
            The verdicts.
        """
        return self.share(*statistics) <= false_alarms
