r"""R1 and R2 without double backward: along random directions, by finite differences or by a Jacobian-vector product.

With :math:`u \sim N(0, I)`, :math:`E_u (u \cdot \nabla D)^2 = |\nabla D|^2`: one direction a sample estimates the
penalty without bias. The difference form needs nothing but forward passes, so it runs where a second differentiation
does not (sharded parameters, wrapped networks); it is what adversarial post-training of diffusion models uses (Lin et
al. 2025, arXiv 2501.08316, section 3.3).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.objectives import weighted_mean
from advsci.penalties.penalty import RandomPenalty
from advsci.penalties.scores import Scores
from advsci.schedules import Schedule, as_schedule

__all__ = [
    "ApproximateR1",
    "ApproximateR2",
    "DirectionalR1",
    "DirectionalR2",
    "difference_penalty",
    "directional_penalty",
]

Discriminator = Callable[[Tensor], Tensor]


def difference_penalty(
    logits: Float[Tensor, " n"],
    discriminator: Discriminator,
    x: Float[Tensor, "n ..."],
    u: Float[Tensor, "n ..."],
    sigma: float,
    weight: Float[Tensor, " n"] | None = None,
) -> Float[Tensor, ""]:
    r""":math:`\frac1n \sum_i ((D(x_i + \sigma u_i) - D(x_i)) / \sigma)^2`, equal to `directional_penalty` as
    :math:`\sigma \to 0`.

    ``logits`` are :math:`D(x_i)`, which the loss has anyway.

    Parameters
    ----------
    discriminator
        Samples to logits.
    x
        Samples (n ...).
    u
        Random directions, of the shape of what they perturb.
    weight
        Non-negative weights of the samples (n); None: equal ones.
    """
    return weighted_mean(((discriminator(x + sigma * u) - logits) / sigma).square(), weight)


def directional_penalty(
    discriminator: Discriminator,
    x: Float[Tensor, "n ..."],
    u: Float[Tensor, "n ..."],
    weight: Float[Tensor, " n"] | None = None,
) -> Float[Tensor, ""]:
    r""":math:`\frac1n \sum_i (u_i \cdot \nabla_x D(x_i))^2` by one forward-mode Jacobian-vector product.

    Parameters
    ----------
    discriminator
        Samples to logits.
    x
        Samples (n ...).
    u
        Random directions, of the shape of what they perturb.
    weight
        Non-negative weights of the samples (n); None: equal ones.
    """
    slope = torch.func.jvp(discriminator, (x,), (u,))[1]
    return weighted_mean(slope.square(), weight)


def _normal(x: Tensor, stream, key: str) -> dict[str, Tensor]:
    return {key: stream.normal(tuple(x.shape), device=x.device, dtype=x.dtype)}


@dataclass(frozen=True)
class ApproximateR1(RandomPenalty):
    r""":math:`\frac\gamma2 E_{real}` of `difference_penalty`: R1 up to :math:`O(\sigma)`, forward passes only.

    Parameters
    ----------
    gamma
        Weight :math:`\gamma`, a number or a schedule.

    Examples
    --------
    >>> import torch
    >>> from advsci import GAN, Stream
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.penalties import ApproximateR1
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2), penalties=(ApproximateR1(1.0),))
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> sorted(game.terms("discriminator", batch, game.draw(batch, Stream(1))))
    ['approximate_r1', 'objective']
    """

    gamma: float | Schedule = 1.0
    sigma: float = 0.01
    name: ClassVar[str] = "approximate_r1"

    def draw(self, x, stream):
        """Random numbers for a batch ``x`` from ``stream``, keyed by the penalty's name."""
        return _normal(x, stream, "approximate_r1/normal")

    def __call__(self, made: Scores, progress):
        u = made.draw["approximate_r1/normal"]
        value = difference_penalty(made.real_logits, made.discriminator, made.real, u, self.sigma, made.real_weight)
        return 0.5 * as_schedule(self.gamma)(progress) * value


@dataclass(frozen=True)
class ApproximateR2(RandomPenalty):
    r""":math:`\frac\gamma2 E_{fake}` of `difference_penalty`: R2 up to :math:`O(\sigma)`, forward passes only.

    Parameters
    ----------
    gamma
        Weight :math:`\gamma`, a number or a schedule.

    Examples
    --------
    >>> import torch
    >>> from advsci import GAN, Stream
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.penalties import ApproximateR2
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2), penalties=(ApproximateR2(1.0),))
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> sorted(game.terms("discriminator", batch, game.draw(batch, Stream(1))))
    ['approximate_r2', 'objective']
    """

    gamma: float | Schedule = 1.0
    sigma: float = 0.01
    name: ClassVar[str] = "approximate_r2"

    def draw(self, x, stream):
        """Random numbers for a batch ``x`` from ``stream``, keyed by the penalty's name."""
        return _normal(x, stream, "approximate_r2/normal")

    def __call__(self, made: Scores, progress):
        u = made.draw["approximate_r2/normal"]
        value = difference_penalty(made.fake_logits, made.discriminator, made.fake, u, self.sigma, made.fake_weight)
        return 0.5 * as_schedule(self.gamma)(progress) * value


@dataclass(frozen=True)
class DirectionalR1(RandomPenalty):
    r""":math:`\frac\gamma2 E_{real} (u \cdot \nabla_x D)^2`: R1 without bias, by forward-mode differentiation."""

    gamma: float | Schedule = 1.0
    name: ClassVar[str] = "directional_r1"

    def draw(self, x, stream):
        """Random numbers for a batch ``x`` from ``stream``, keyed by the penalty's name."""
        return _normal(x, stream, "directional_r1/normal")

    def __call__(self, made: Scores, progress):
        value = directional_penalty(made.discriminator, made.real, made.draw["directional_r1/normal"], made.real_weight)
        return 0.5 * as_schedule(self.gamma)(progress) * value


@dataclass(frozen=True)
class DirectionalR2(RandomPenalty):
    r""":math:`\frac\gamma2 E_{fake} (u \cdot \nabla_x D)^2`: R2 without bias, by forward-mode differentiation."""

    gamma: float | Schedule = 1.0
    name: ClassVar[str] = "directional_r2"

    def draw(self, x, stream):
        """Random numbers for a batch ``x`` from ``stream``, keyed by the penalty's name."""
        return _normal(x, stream, "directional_r2/normal")

    def __call__(self, made: Scores, progress):
        value = directional_penalty(made.discriminator, made.fake, made.draw["directional_r2/normal"], made.fake_weight)
        return 0.5 * as_schedule(self.gamma)(progress) * value
