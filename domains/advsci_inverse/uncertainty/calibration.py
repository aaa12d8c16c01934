r"""Intervals that cover what they say: split-conformal calibration on images that the prior was not trained on.

Errors of reconstructions are not Gaussian (a black background is known almost exactly): ``1.645`` standard deviations
cover more or less than 90 %. The factor :math:`q` in ``mean +- q * deviation`` is instead the finite-sample quantile of
:math:`|x-\hat x|/\mathrm{sd}` over held-out images measured by the same operator at the same noise (Lei et al. 2018,
J. Amer. Statist. Assoc. 113:1094).
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ConfigError, DataError

__all__ = ["interval_factor"]


def interval_factor(
    truth: Float[Tensor, "n h w"], mean: Float[Tensor, "n h w"], deviation: Float[Tensor, "n h w"], level: float = 0.9
) -> float:
    """Half width of the intervals in standard deviations, for coverage ``level`` of the pixels."""
    if not 0.0 < level < 1.0:
        raise ConfigError(f"got level {level}; expected a share between 0 and 1, such as 0.9. Try: 0.9.")
    scores = ((truth - mean).abs() / deviation.clamp(min=1e-9)).flatten()
    rank = math.ceil((scores.numel() + 1) * level)
    if rank > scores.numel():
        raise DataError(
            f"got {scores.numel()} pixels for level {level}; expected at least 1 / (1 - level). "
            "Try: more held-out images."
        )
    return float(torch.kthvalue(scores, rank).values)
