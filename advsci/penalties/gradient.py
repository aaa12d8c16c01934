r"""Penalties on the gradient of the discriminator with respect to its input, by double backward.

Plain functions first; the classes bind a weight (a number or a schedule). `R1` and `R2` read the pass of a `Scores`, so
that together they cost one extra differentiation and no extra forward pass.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from advsci.errors import ConfigError
from advsci.objectives import weighted_mean
from advsci.penalties.penalty import Penalty, RandomPenalty
from advsci.penalties.scores import Scores, input_gradient
from advsci.schedules import Schedule, as_schedule

__all__ = [
    "DRAGAN",
    "R1",
    "R2",
    "WGANGP",
    "ZeroCentred",
    "gradient_penalty",
    "interpolate",
    "norm_penalty",
    "squared_norm",
    "zero_centred",
]

Discriminator = Callable[[Tensor], Tensor]


def squared_norm(gradient: Float[Tensor, "n ..."]) -> Float[Tensor, " n"]:
    r""":math:`|g_i|^2` of each sample.

    Parameters
    ----------
    gradient
        Gradients (n ...).
    """
    return gradient.flatten(1).square().sum(1)


def zero_centred(
    discriminator: Discriminator, x: Float[Tensor, "n ..."], weight: Float[Tensor, " n"] | None = None
) -> Float[Tensor, ""]:
    r"""Zero-centred gradient penalty at the points ``x``: :math:`\frac1n \sum_i |\nabla_x D(x_i)|^2`.

    At data it is R1, at generated points R2 (Mescheder et al. 2018, arXiv 1801.04406, eq. 9 and 10), without the factor
    :math:`\gamma/2`; at interpolates it is the penalty of Thanh-Tung et al. 2019, arXiv 1902.03984.

    Parameters
    ----------
    discriminator
        Samples to logits.
    weight
        Non-negative weights of the samples (n); None: equal ones.
    """
    return weighted_mean(squared_norm(input_gradient(discriminator, x)), weight)


def norm_penalty(
    discriminator: Discriminator,
    x: Float[Tensor, "n ..."],
    target: float = 1.0,
    one_sided: bool = False,
    weight: Float[Tensor, " n"] | None = None,
) -> Float[Tensor, ""]:
    r""":math:`\frac1n \sum_i (|\nabla_x D(x_i)| - target)^2`; one-sided: only norms above the target count.

    Parameters
    ----------
    discriminator
        ``discriminator(x) -> logits``, sample by sample.
    x
        Points (n ...).
    target
        Wanted norm.
    one_sided
        Whether only norms above the target count.
    weight
        Weights of the points, None for equal ones.

    Returns
    -------
    Tensor
        0-dim.
    """
    norm2 = squared_norm(input_gradient(discriminator, x))
    # sqrt has an infinite slope at 0, which a discriminator that is flat at a point would meet
    excess = (norm2 + 1e-12).sqrt() - target
    return weighted_mean((excess.clamp_min(0.0) if one_sided else excess).square(), weight)


def interpolate(
    real: Float[Tensor, "n ..."], fake: Float[Tensor, "n ..."], eps: Float[Tensor, " n"]
) -> Float[Tensor, "n ..."]:
    r""":math:`\hat x_i = \epsilon_i x_i + (1 - \epsilon_i) G_i`, one :math:`\epsilon_i \in [0, 1]` a sample.

    Parameters
    ----------
    real
        Real samples (n ...).
    fake
        Generated samples (n ...).
    eps
        One number in [0, 1] per sample (n).
    """
    eps = eps.reshape(-1, *[1] * (real.dim() - 1))
    return eps * real + (1.0 - eps) * fake


def gradient_penalty(
    discriminator: Discriminator,
    real: Float[Tensor, "n ..."],
    fake: Float[Tensor, "n ..."],
    eps: Float[Tensor, " n"],
    target: float = 1.0,
    weight: Float[Tensor, " n"] | None = None,
) -> Float[Tensor, ""]:
    r"""WGAN-GP: :math:`\frac1n \sum_i (|\nabla_x D(\hat x_i)| - target)^2` at the points of `interpolate`.

    Gulrajani et al. 2017, arXiv 1704.00028, algorithm 1.

    Parameters
    ----------
    discriminator
        Samples to logits.
    real
        Real samples (n ...).
    fake
        Generated samples (n ...).
    eps
        One number in [0, 1] per sample (n).
    weight
        Non-negative weights of the samples (n); None: equal ones.
    """
    points = interpolate(real, fake, eps)
    if target == 0.0:
        return zero_centred(discriminator, points, weight)
    return norm_penalty(discriminator, points, target, weight=weight)


@dataclass(frozen=True)
class R1(Penalty):
    r""":math:`\frac\gamma2 E_{real} |\nabla_x D(x)|^2` (Mescheder et al. 2018, arXiv 1801.04406, eq. 9).

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
    >>> from advsci.penalties import R1
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2), penalties=(R1(1.0),))
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> sorted(game.terms("discriminator", batch, game.draw(batch, Stream(1))))
    ['objective', 'r1']
    """

    gamma: float | Schedule = 1.0
    name: ClassVar[str] = "r1"
    gradients: ClassVar[bool] = True

    def __call__(self, made: Scores, progress):
        norms = squared_norm(made.real_gradient)
        return 0.5 * as_schedule(self.gamma)(progress) * weighted_mean(norms, made.real_weight)


@dataclass(frozen=True)
class R2(Penalty):
    r""":math:`\frac\gamma2 E_{fake} |\nabla_x D(x)|^2` (Mescheder et al. 2018, arXiv 1801.04406, eq. 10).

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
    >>> from advsci.penalties import R2
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2), penalties=(R2(1.0),))
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> sorted(game.terms("discriminator", batch, game.draw(batch, Stream(1))))
    ['objective', 'r2']
    """

    gamma: float | Schedule = 1.0
    name: ClassVar[str] = "r2"
    gradients: ClassVar[bool] = True

    def __call__(self, made: Scores, progress):
        norms = squared_norm(made.fake_gradient)
        return 0.5 * as_schedule(self.gamma)(progress) * weighted_mean(norms, made.fake_weight)


@dataclass(frozen=True)
class ZeroCentred(Penalty):
    r""":math:`\frac\gamma2 E_i |\nabla_x D(x_i)|^2` at any points.

    Parameters
    ----------
    points
        ``points(scores) -> x`` from the batch, such as ``lambda s: (s.real + s.fake) / 2``.
    gamma
        Weight :math:`\gamma`, a number or a schedule.
    name
        Name of the term in the records.

    Examples
    --------
    >>> import torch
    >>> from advsci import GAN, Stream
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.penalties import ZeroCentred
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2), penalties=(ZeroCentred(lambda s: (s.real + s.fake) / 2),))
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> sorted(game.terms("discriminator", batch, game.draw(batch, Stream(1))))
    ['objective', 'zero_centred']
    """

    points: Callable[[Scores], Tensor]
    gamma: float | Schedule = 1.0
    name: str = "zero_centred"

    def __call__(self, made: Scores, progress):
        return 0.5 * as_schedule(self.gamma)(progress) * zero_centred(made.discriminator, self.points(made))


@dataclass(frozen=True)
class WGANGP(RandomPenalty):
    r""":math:`\lambda E (|\nabla_x D(\hat x)| - target)^2` at interpolates (Gulrajani et al. 2017, arXiv
    1704.00028).

    Parameters
    ----------
    weight
        Weight, a number or a schedule.

    Examples
    --------
    >>> import torch
    >>> from advsci import GAN, Stream
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.penalties import WGANGP
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2), penalties=(WGANGP(),))
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> sorted(game.terms("discriminator", batch, game.draw(batch, Stream(1))))
    ['objective', 'wgan_gp']
    """

    weight: float | Schedule = 10.0
    target: float = 1.0
    name: ClassVar[str] = "wgan_gp"

    def draw(self, x, stream):
        """Random numbers for a batch ``x`` from ``stream``, keyed by the penalty's name."""
        return {"wgan_gp/uniform": stream.uniform((x.shape[0],), device=x.device, dtype=x.dtype)}

    def __call__(self, made: Scores, progress):
        eps = made.draw["wgan_gp/uniform"]
        # a point between a real and a generated sample weighs as the loss weighs the pair
        weight = made.fake_weight if made.real_weight is None else made.real_weight
        value = gradient_penalty(made.discriminator, made.real, made.fake, eps, self.target, weight)
        return as_schedule(self.weight)(progress) * value


@dataclass(frozen=True)
class DRAGAN(RandomPenalty):
    r""":math:`\lambda E (|\nabla_x D(x + c\,s\,u)| - target)^2` around the data, :math:`u` uniform, :math:`s` the
    batch's spread.

    Kodali et al. 2017, arXiv 1705.07215, section 2.3; :math:`s` is the standard deviation over all entries of the
    batch and :math:`u \in [0, 1)^d` as in the authors' code.

    Parameters
    ----------
    weight
        Weight, a number or a schedule.

    Raises
    ------
    ConfigError
        The radius is negative.

    Examples
    --------
    >>> import torch
    >>> from advsci import GAN, Stream
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.penalties import DRAGAN
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2), penalties=(DRAGAN(),))
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> sorted(game.terms("discriminator", batch, game.draw(batch, Stream(1))))
    ['dragan', 'objective']
    """

    weight: float | Schedule = 10.0
    c: float = 0.5
    target: float = 1.0
    name: ClassVar[str] = "dragan"
    couples_batch: ClassVar[bool] = True
    gathers: ClassVar[bool] = True

    def __post_init__(self):
        if self.c < 0.0:
            raise ConfigError(
                f"got c={self.c}; expected a non-negative radius. Try: 0.5, in standard deviations of the data."
            )

    def draw(self, x, stream):
        """Random numbers for a batch ``x`` from ``stream``, keyed by the penalty's name."""
        return {"dragan/uniform": stream.uniform(tuple(x.shape), device=x.device, dtype=x.dtype)}

    def __call__(self, made: Scores, progress):
        points = made.real + self.c * made.spread * made.draw["dragan/uniform"]
        return as_schedule(self.weight)(progress) * norm_penalty(
            made.discriminator, points, self.target, weight=made.real_weight
        )
