r"""What keeps a discriminator tame: penalties on its gradient with respect to its input.

Plain functions first; the classes bind a weight (a number or a schedule) and read the shared pass of a `Scores`, so that
R1 and R2 together cost one extra differentiation and no extra forward pass.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.scores import Scores, input_gradient
from advsci.schedules import Schedule, as_schedule

__all__ = ["R1", "R2", "Penalty", "WGANGP", "gradient_penalty", "squared_norm", "zero_centred"]

Discriminator = Callable[[Tensor], Tensor]


def squared_norm(gradient: Float[Tensor, "n ..."]) -> Float[Tensor, " n"]:
    r""":math:`|g_i|^2` of each sample."""
    return gradient.flatten(1).square().sum(1)


def zero_centred(discriminator: Discriminator, x: Float[Tensor, "n ..."]) -> Float[Tensor, ""]:
    r"""Zero-centred gradient penalty at the points ``x``: :math:`\frac1n \sum_i |\nabla_x D(x_i)|^2`.

    At data it is R1, at generated points R2 (Mescheder et al. 2018, arXiv 1801.04406, eq. 9 and 10), without the factor
    :math:`\gamma/2`.
    """
    return squared_norm(input_gradient(discriminator, x)).mean()


def gradient_penalty(
    discriminator: Discriminator,
    real: Float[Tensor, "n ..."],
    fake: Float[Tensor, "n ..."],
    eps: Float[Tensor, " n"],
    target: float = 1.0,
) -> Float[Tensor, ""]:
    r"""WGAN-GP: :math:`\frac1n \sum_i (|\nabla_x D(\hat x_i)| - target)^2` at :math:`\hat x_i = \epsilon_i x_i + (1 - \epsilon_i) G_i`.

    Gulrajani et al. 2017, arXiv 1704.00028, algorithm 1; one :math:`\epsilon_i \in [0, 1]` a sample.
    """
    eps = eps.reshape(-1, *[1] * (real.dim() - 1))
    points = eps * real + (1.0 - eps) * fake
    norm2 = squared_norm(input_gradient(discriminator, points))
    # sqrt has an infinite slope at 0, which a discriminator that is flat at a point would meet
    norm = (norm2 + torch.finfo(norm2.dtype).tiny).sqrt() if target == 0.0 else (norm2 + 1e-12).sqrt()
    return (norm - target).square().mean()


class Penalty(ABC):
    """A weighted penalty on the discriminator, computed from the pass that scored the batch.

    ``needs`` names the random numbers it wants a sample: ``"uniform"`` (one a sample) or ``"normal"`` (shaped as the data).
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def __call__(self, scores: Scores, progress: Tensor) -> Float[Tensor, ""]:
        """The weighted penalty at this point of the training."""


@dataclass(frozen=True)
class R1(Penalty):
    r""":math:`\frac\gamma2 E_{real} |\nabla_x D(x)|^2` (Mescheder et al. 2018, arXiv 1801.04406, eq. 9)."""

    gamma: float | Schedule = 1.0
    name: ClassVar[str] = "r1"

    def __call__(self, scores, progress):
        return 0.5 * as_schedule(self.gamma)(progress) * squared_norm(scores.real_gradient).mean()


@dataclass(frozen=True)
class R2(Penalty):
    r""":math:`\frac\gamma2 E_{fake} |\nabla_x D(x)|^2` (Mescheder et al. 2018, arXiv 1801.04406, eq. 10)."""

    gamma: float | Schedule = 1.0
    name: ClassVar[str] = "r2"

    def __call__(self, scores, progress):
        return 0.5 * as_schedule(self.gamma)(progress) * squared_norm(scores.fake_gradient).mean()


@dataclass(frozen=True)
class WGANGP(Penalty):
    r""":math:`\lambda E (|\nabla_x D(\hat x)| - target)^2` at interpolates (Gulrajani et al. 2017, arXiv 1704.00028)."""

    weight: float | Schedule = 10.0
    target: float = 1.0
    name: ClassVar[str] = "wgan_gp"
    needs: ClassVar[tuple[str, ...]] = ("uniform",)

    def __call__(self, scores, progress):
        value = gradient_penalty(scores.discriminator, scores.real, scores.fake, scores.uniform, self.target)
        return as_schedule(self.weight)(progress) * value
