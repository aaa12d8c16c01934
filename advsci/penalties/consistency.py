r"""Consistency regularisation: a change that means nothing must not change the discriminator's verdict.

CR penalises :math:`E (D(x) - D(T(x)))^2` on data (Zhang et al. 2020, arXiv 1910.12027, eq. 3); balanced CR does so on
generated samples too (Zhao et al. 2021, arXiv 2002.04724, algorithm 1).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from advsci.objectives import weighted_mean
from advsci.penalties.penalty import RandomPenalty
from advsci.penalties.scores import Scores
from advsci.schedules import Schedule, as_schedule
from advsci.streams import Stream

__all__ = ["Consistency", "Jitter", "Transform", "consistency"]


@runtime_checkable
class Transform(Protocol):
    """A random change of samples that keeps their meaning, such as a flip, a shift or measurement noise."""

    def draw(self, x: Tensor, stream: Stream) -> dict[str, Tensor]:
        """Its random numbers for the samples ``x``.

        Parameters
        ----------
        stream
            Where the random numbers come from.
        """
        ...

    def __call__(self, x: Tensor, draw: Mapping[str, Tensor]) -> Tensor:
        """The changed samples, of the same shape."""
        ...


@dataclass(frozen=True)
class Jitter:
    r"""The transform :math:`x + \sigma n` with Gaussian :math:`n`: measurement noise of width ``sigma``."""

    sigma: float

    def draw(self, x: Tensor, stream: Stream) -> dict[str, Tensor]:
        """Normal numbers of the shape of ``x``, from ``stream``."""
        return {"normal": stream.normal(tuple(x.shape), device=x.device, dtype=x.dtype)}

    def __call__(self, x: Tensor, draw: Mapping[str, Tensor]) -> Tensor:
        return x + self.sigma * draw["normal"]


def consistency(
    logits: Float[Tensor, " n"], changed_logits: Float[Tensor, " n"], weight: Float[Tensor, " n"] | None = None
) -> Float[Tensor, ""]:
    r""":math:`\frac1n \sum_i (D(x_i) - D(T(x_i)))^2`.

    Parameters
    ----------
    logits
        Logits (n).
    changed_logits
        Logits of the changed samples (n).
    weight
        Weights (n), None for equal ones.
    """
    return weighted_mean((logits - changed_logits).square(), weight)


@dataclass(frozen=True)
class Consistency(RandomPenalty):
    r""":math:`\lambda_{real}` times `consistency` on data plus :math:`\lambda_{fake}` times it on generated samples.

    Parameters
    ----------
    transform
        The change that should not matter.
    real, fake
        The two weights; ``fake=0`` is CR, both positive is balanced CR.
    name
        Name of the term in the records.

    Examples
    --------
    >>> import torch
    >>> from advsci import GAN, Stream
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.penalties import Consistency, Jitter
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2), penalties=(Consistency(Jitter(0.1)),))
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> sorted(game.terms("discriminator", batch, game.draw(batch, Stream(1))))
    ['consistency', 'objective']
    """

    transform: Transform
    real: float | Schedule = 10.0
    fake: float | Schedule = 0.0
    name: str = "consistency"

    def draw(self, x, stream):
        """Numbers of the transform for real samples ``x``, and for generated ones where asked, from ``stream``."""
        numbers = {"real": self.transform.draw(x, stream.at("real"))}
        if self.fake:
            numbers["fake"] = self.transform.draw(x, stream.at("fake"))
        return {f"{self.name}/{side}/{key}": value for side, part in numbers.items() for key, value in part.items()}

    def __call__(self, made: Scores, progress):
        value = as_schedule(self.real)(progress) * self._side(made, "real", made.real, made.real_logits)
        if self.fake:
            value = value + as_schedule(self.fake)(progress) * self._side(made, "fake", made.fake, made.fake_logits)
        return value

    def _side(self, made: Scores, side: str, x: Tensor, logits: Tensor) -> Tensor:
        start = f"{self.name}/{side}/"
        draw = {key.removeprefix(start): value for key, value in made.draw.items() if key.startswith(start)}
        weight = made.real_weight if side == "real" else made.fake_weight
        return consistency(logits, made.discriminator(self.transform(x, draw)), weight)
