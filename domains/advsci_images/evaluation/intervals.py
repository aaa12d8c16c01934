"""Means over seeds with intervals, and whether one method beats another."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Mean", "gain", "mean_of"]


class Mean(NamedTuple):
    """A mean and the half width of its 95 % t-interval; the width is infinite for one value.

    The mean of values that are not all finite is NaN: a seed that failed is neither left out nor counted as zero.
    """

    value: float
    half: float

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "undefined"
        return f"{self.value:.3f} ± {self.half:.3f}" if math.isfinite(self.half) else f"{self.value:.3f}"


def mean_of(values: Sequence[float]) -> Mean:
    """The mean of ``values`` of several seeds with its interval.

    Examples
    --------
    >>> str(mean_of([0.5, 0.6, 0.7]))
    '0.600 ± 0.248'
    >>> str(mean_of([0.5, float("nan")]))
    'undefined'
    """
    from scipy import stats

    if not all(map(math.isfinite, values)):
        return Mean(math.nan, math.inf)
    if len(values) < 2:
        return Mean(float(values[0]), math.inf)
    half = float(stats.t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return Mean(statistics.fmean(values), half)


def gain(ours: Sequence[float], theirs: Sequence[float]) -> Mean:
    """The mean of the paired differences ``ours`` less ``theirs``, seed by seed, with its interval."""
    return mean_of([a - b for a, b in zip(ours, theirs, strict=True)])
