r"""A learned denoiser: posterior mean and spread of an image seen in white noise of known level.

For :math:`r = x + s\,n`, :math:`n\sim N(0, I)`, the network estimates :math:`\mathbb E[x\mid r]` and the standard
deviation of each pixel. It is preconditioned as in Karras et al. 2022 (arXiv 2206.00364, table 1): with
:math:`d = x_0 + c_{skip}(r - x_0)` and :math:`c = s\,\sigma/\sqrt{s^2+\sigma^2}` the estimate is :math:`d + c\,F`. The
network's target then has unit variance at every level; :math:`x_0, \sigma` are mean and spread of the images' pixels.

The extra channels are for callers that know more than ``r``, such as a reconstruction under way.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci_inverse.priors.unet import ResidualUNet

__all__ = ["Denoiser", "gaussian_nll"]


class Denoiser(nn.Module):
    """Posterior mean and standard deviation of an image in white noise.

    Parameters
    ----------
    mean, spread
        Mean and standard deviation of the images' pixels.
    extra
        Further image channels that a caller may hand in (zeros if it does not).
    widths, blocks, precision
        See `ResidualUNet`.
    """

    def __init__(
        self,
        mean: float,
        spread: float,
        *,
        extra: int = 0,
        widths: Sequence[int] = (32, 96),
        blocks: Sequence[int] = (1, 3),
        precision: torch.dtype | None = None,
    ):
        super().__init__()
        self.mean, self.spread, self.extra = mean, spread, extra
        self.body = ResidualUNet(2 + extra, 2, widths, blocks, precision)

    def forward(
        self, r: Float[Tensor, "n h w"], level: Float[Tensor, " n"], extra: Float[Tensor, "n k h w"] | None = None
    ) -> tuple[Float[Tensor, "n h w"], Float[Tensor, "n h w"]]:
        """Mean and standard deviation of the image given pseudo-data.

        Parameters
        ----------
        r
            Pseudo-data: the image in white noise.
        level
            Standard deviation of the noise of each image.
        extra
            Further channels, where the network takes them.

        Returns
        -------
        mean, deviation : tensor [n, h, w]
            Posterior mean and standard deviation of each pixel.
        """
        s = level[:, None, None].clamp(min=1e-4)
        total = (s.square() + self.spread**2).sqrt()
        centred = r - self.mean
        channels = [(centred / total)[:, None], (s.log() / 2 + 1.0).expand_as(r)[:, None]]
        if self.extra:
            channels.append(r.new_zeros(len(r), self.extra, *r.shape[1:]) if extra is None else extra)
        out = self.body(torch.cat(channels, 1))
        scale = s * self.spread / total
        mean = self.mean + centred * (self.spread / total).square() + scale * out[:, 0]
        return mean, scale * torch.exp((out[:, 1] - 0.7).clamp(-5.0, 1.5))


def gaussian_nll(target: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """Mean negative log-likelihood of the spread alone: the mean's gradient is stopped.

    Parameters
    ----------
    target, mean, deviation
        Truth, estimate and its standard deviation, of one shape.

    Returns
    -------
    tensor []
        Up to a constant.
    """
    error = (target - mean).detach()
    return (deviation.log() + 0.5 * (error / deviation).square()).mean()
