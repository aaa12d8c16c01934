r"""A network that turns draws by likelihood into images that look real, and the judge of pairs.

With a draw :math:`s`, the point estimate :math:`m`, the deviation :math:`d` of each pixel and fresh noise :math:`n`

.. math:: x = P_y\big(s + H(m, (s-m)/u, \log u, n)\big), \qquad u = \sqrt{d^2 + \ell^2},

where :math:`\ell` is a floor and :math:`P_y v = v + cA^\top(cAA^\top+\sigma^2)^{-1}(y - Av)` holds the sample to the
data in proportion to the noise. What the network reads of the draw is in units of the expected error; what it adds is
in units of the image. Where pixels have bounds, :math:`P_y` alternates with clipping: projections onto two convex sets
(Youla and Webb 1982, IEEE Trans. Med. Imaging 1:81), so that a clipped sample explains the data too. (Noise-fed
conditional generators: Adler and Oktem 2018, arXiv 1811.05910; Bendel et al. 2023, arXiv 2210.13389.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci_inverse.operators.data_step import DataStep
from advsci_inverse.operators.linear import LinearOperator
from advsci_inverse.priors.unet import ResidualUNet

__all__ = ["Consistency", "PairDiscriminator", "PosteriorSampler"]

ROUNDS = 4
"""Data steps, each followed by clipping: after one, clipped draws of digits miss the data by 8 times their noise."""


@dataclass(frozen=True)
class Consistency:
    """The data step :math:`P_y` of one operator and noise level, as ``P_y v = v + back(y) - again(v)``.

    Attributes
    ----------
    operator
        :math:`A`.
    gain
        :math:`K = cA^\\top(cAA^\\top+\\sigma^2)^{-1}`, transposed.
    """

    operator: LinearOperator
    gain: Float[Tensor, "m p"]

    @classmethod
    def of(cls, operator: LinearOperator, sigma: float, level: float) -> "Consistency":
        """The data step for images that are wrong by ``level``.

        Parameters
        ----------
        operator
            :math:`A`.
        sigma
            Standard deviation of the noise.
        level
            Root mean square error of what is to be held to the data, :math:`\\sqrt c`.

        Returns
        -------
        Consistency
            The step.
        """
        return cls(operator, DataStep(operator).gain(sigma, level**2))

    def back(self, y: Float[Tensor, "n *data"]) -> Float[Tensor, "n h w"]:
        """``K y``, computed once for each data set.

        Parameters
        ----------
        y
            Data.

        Returns
        -------
        tensor [n, h, w]
            What the data add to an image.
        """
        return (y.flatten(1) @ self.gain).reshape(-1, *self.operator.image_shape)

    def again(self, v: Float[Tensor, "n h w"]) -> Float[Tensor, "n h w"]:
        """``K A v``.

        Parameters
        ----------
        v
            Images.

        Returns
        -------
        tensor [n, h, w]
            What the data would have added if they were those of ``v``.
        """
        return self.back(self.operator(v))

    def held(
        self, v: Float[Tensor, "n h w"], back: Float[Tensor, "n h w"], bounds: tuple[float, float] | None = None
    ) -> Float[Tensor, "n h w"]:
        """:math:`P_y v`; alternately with clipping where there are bounds, ending with a data step.

        Parameters
        ----------
        v
            Images.
        back
            ``back(y)`` of their data.
        bounds
            Least and largest value of a pixel; None for any.

        Returns
        -------
        tensor [n, h, w]
            Images that explain the data; pixels are nearly within the bounds, and are to be clipped once more.
        """
        if bounds is not None:
            for _ in range(ROUNDS - 1):
                v = (v + back - self.again(v)).clamp(*bounds)
        return v + back - self.again(v)


class PosteriorSampler(nn.Module):
    """The noise-fed network :math:`H` and what it reads; the data step is the caller's.

    Parameters
    ----------
    floor
        :math:`\\ell`, a tenth of the expected error or so.
    widths, blocks, precision
        See `ResidualUNet`.

    Examples
    --------
    >>> sampler = PosteriorSampler(0.02, widths=(8,), blocks=(1,))
    >>> point, deviation = torch.zeros(2, 8, 8), torch.full((2, 8, 8), 0.1)
    >>> sampler(point, point, deviation, torch.randn(2, 8, 8)).shape
    torch.Size([2, 8, 8])
    """

    def __init__(
        self,
        floor: float,
        *,
        widths: Sequence[int] = (24, 64),
        blocks: Sequence[int] = (1, 2),
        precision: torch.dtype | None = None,
    ):
        super().__init__()
        self.floor = floor
        self.body = ResidualUNet(4, 1, widths, blocks, precision)
        nn.init.normal_(self.body.head.weight, std=0.005)  # some answer to the noise from the start

    def forward(
        self,
        draw: Float[Tensor, "n h w"],
        point: Float[Tensor, "n h w"],
        deviation: Float[Tensor, "n h w"],
        noise: Float[Tensor, "n h w"],
    ) -> Float[Tensor, "n h w"]:
        """Samples before the data step.

        Parameters
        ----------
        draw
            :math:`s`.
        point
            :math:`m`.
        deviation
            :math:`d`.
        noise
            :math:`n`, standard normal.

        Returns
        -------
        tensor [n, h, w]
            ``s + H``.
        """
        unit = (deviation.square() + self.floor**2).sqrt()
        channels = [point, (draw - point) / unit, unit.log() + 3.0, noise]
        return draw + self.body(torch.stack(channels, 1))[:, 0]


class PairDiscriminator(nn.Module):
    """Judges an image beside what was known of it: convolutions on 2 x 2 pixels at a time, then one logit.

    Parameters
    ----------
    shape
        Height and width, both even.
    width
        Channels at half the resolution; twice as many at a quarter.
    """

    def __init__(self, shape: tuple[int, int], width: int = 24):
        super().__init__()
        sides = [-(-n // 4) for n in shape]
        self.body = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(8, width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * width * sides[0] * sides[1], 128),
            nn.LeakyReLU(0.2),
            nn.Linear(128, 1),
        )

    def forward(self, x: Float[Tensor, "n h w"], condition: Float[Tensor, "n h w"]) -> Float[Tensor, "n 1"]:
        """Logits of images ``x`` given the point estimates ``condition``."""
        return self.body(torch.stack([x, condition], 1))
