"""Values that change over a training: callables of progress in [0, 1].

A schedule takes the training's progress as a float or a 0-dim tensor and gives a value of the same kind, so that it
runs inside a compiled loss without a host sync.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

__all__ = ["Constant", "Cosine", "DannRamp", "Geometric", "Linear", "Schedule", "Warmup", "as_schedule"]

# progress in [0, 1] -> value, float to float and tensor to tensor
Schedule = Callable[[Any], Any]


@dataclass(frozen=True)
class Constant:
    """The same ``value`` throughout."""

    value: float

    def __call__(self, progress):
        return self.value + 0.0 * progress


@dataclass(frozen=True)
class Linear:
    r"""``start + (end - start) * progress``.

    Examples
    --------
    >>> from advsci.schedules import Linear
    >>> Linear(1.0, 0.0)(0.25)
    0.75
    """

    start: float
    end: float

    def __call__(self, progress):
        return self.start + (self.end - self.start) * progress


@dataclass(frozen=True)
class Cosine:
    r"""``end + (start - end) (1 + cos(pi t)) / 2`` with progress :math:`t`, as in R3GAN (arXiv 2501.05441).

    Examples
    --------
    >>> from advsci.schedules import Cosine
    >>> round(Cosine(1.0, 0.0)(0.5), 6)
    0.5
    """

    start: float
    end: float

    def __call__(self, progress):
        cos = torch.cos if isinstance(progress, Tensor) else math.cos
        return self.end + (self.start - self.end) * 0.5 * (1.0 + cos(math.pi * progress))


@dataclass(frozen=True)
class Geometric:
    r"""``start (end / start)^t``: equal ratios in equal times, for weights that run over orders of magnitude."""

    start: float
    end: float

    def __call__(self, progress):
        return self.start * (self.end / self.start) ** progress


@dataclass(frozen=True)
class DannRamp:
    r"""``peak (2 / (1 + exp(-steepness t)) - 1)``: the ramp of DANN (Ganin et al. 2016, section 5.2.2, arXiv
    1505.07818).
    """

    peak: float = 1.0
    steepness: float = 10.0

    def __call__(self, progress):
        exp = torch.exp if isinstance(progress, Tensor) else math.exp
        return self.peak * (2.0 / (1.0 + exp(-self.steepness * progress)) - 1.0)


@dataclass(frozen=True)
class Warmup:
    """Zero to ``value`` linearly over the first ``share`` of the training, then ``value``."""

    value: float
    share: float

    def __call__(self, progress):
        ramp = progress / self.share
        return self.value * (ramp.clamp(max=1.0) if isinstance(ramp, Tensor) else min(ramp, 1.0))


def as_schedule(value: float | Schedule) -> Schedule:
    """A number becomes a `Constant`; a schedule stays what it is.

    Parameters
    ----------
    value
        A number or a schedule.
    """
    return value if callable(value) else Constant(float(value))
