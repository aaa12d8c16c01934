r"""Intervals that cover what they say, where it matters: split-conformal calibration, stratum by stratum.

Errors of reconstructions are not Gaussian (a black background is known almost exactly): ``1.645`` standard deviations
cover more or less than 90 %. The factor :math:`q` in ``mean +- q * deviation`` is instead the finite-sample quantile of
:math:`|x-\hat x|/\mathrm{sd}` over held-out images measured by the same operator at the same noise (Lei et al. 2018,
J. Amer. Statist. Assoc. 113:1094).

One factor for all pixels covers 90 % of all of them: more of the background, which is most of the image, and less of
what a user looks at. `Calibration` therefore has a factor for each stratum of the reconstruction itself: background,
structure, edges (Vovk 2012, Mach. Learn. 92:349: conformal within categories is valid within each).
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from advsci.errors import ConfigError, DataError
from advsci_inverse.baselines.total_variation import gradient

__all__ = ["STRATA", "Calibration", "interval_factor", "strata"]

STRATA = ("background", "structure", "edges")
FLAT, STEEP, DARK = 0.04, 0.15, 0.05
"""Slopes per pixel below which an image is flat and from which it has an edge, and the value of a background."""


def strata(mean: Float[Tensor, "n h w"]) -> Int[Tensor, "n h w"]:
    """The stratum of each pixel, read from the reconstruction: an index into `STRATA`.

    Parameters
    ----------
    mean
        Reconstructions in [0, 1].

    Returns
    -------
    tensor [n, h, w]
        0 background (dark and flat), 1 structure, 2 edges.
    """
    slope = gradient(mean).square().sum(-3).sqrt()
    near = torch.nn.functional.max_pool2d(slope[:, None], 3, stride=1, padding=1)[:, 0]
    result = torch.ones(mean.shape, dtype=torch.long, device=mean.device)
    result[(mean < DARK) & (near < FLAT)] = 0
    result[slope >= STEEP] = 2
    return result


def interval_factor(
    truth: Float[Tensor, "n h w"], mean: Float[Tensor, "n h w"], deviation: Float[Tensor, "n h w"], level: float = 0.9
) -> float:
    """Half width of the intervals in standard deviations, one for all pixels.

    Parameters
    ----------
    truth
        Held-out images.
    mean, deviation
        Their reconstructions and standard deviations.
    level
        Share of the pixels that the intervals shall cover.

    Returns
    -------
    float
        The factor.

    Raises
    ------
    ConfigError
        A level outside (0, 1).
    DataError
        Too few pixels for this level.
    """
    if not 0.0 < level < 1.0:
        raise ConfigError(f"got level {level}; expected a share between 0 and 1, such as 0.9. Try: 0.9.")
    return _quantile(((truth - mean).abs() / deviation.clamp(min=1e-9)).flatten(), level)


def _quantile(scores: Tensor, level: float) -> float:
    rank = math.ceil((scores.numel() + 1) * level)
    if rank > scores.numel():
        raise DataError(
            f"got {scores.numel()} pixels for level {level}; expected at least {math.ceil(level / (1 - level))}. "
            "Try: more held-out images."
        )
    return float(torch.kthvalue(scores, rank).values)


@dataclass(frozen=True)
class Calibration:
    """Half widths in standard deviations, one for each stratum.

    Attributes
    ----------
    factors
        In the order of `STRATA`.
    level
        Share of each stratum that the intervals cover.

    Examples
    --------
    >>> truth = torch.rand(4, 12, 12, generator=torch.Generator().manual_seed(0))
    >>> calibration = Calibration.fit(truth, truth + 0.1, torch.full_like(truth, 0.1), level=0.8)
    >>> low, high = calibration.interval(truth + 0.1, torch.full_like(truth, 0.1))
    >>> bool(((low <= truth + 1e-6) & (truth <= high)).all())
    True
    """

    factors: tuple[float, ...]
    level: float

    @classmethod
    def fit(
        cls,
        truth: Float[Tensor, "n h w"],
        mean: Float[Tensor, "n h w"],
        deviation: Float[Tensor, "n h w"],
        level: float = 0.9,
    ) -> "Calibration":
        """Calibrate on held-out images.

        Parameters
        ----------
        truth
            Held-out images.
        mean, deviation
            Their reconstructions and standard deviations.
        level
            Share of each stratum that the intervals shall cover.

        Returns
        -------
        Calibration
            A stratum with too few pixels takes the factor of all pixels.
        """
        common = interval_factor(truth, mean, deviation, level)
        scores, of = (truth - mean).abs() / deviation.clamp(min=1e-9), strata(mean)
        chosen = [scores[of == k] for k in range(len(STRATA))]
        enough = math.ceil(20 / (1 - level))
        return cls(tuple(_quantile(s, level) if len(s) >= enough else common for s in chosen), level)

    @classmethod
    def normal(cls, level: float = 0.9) -> "Calibration":
        """As if errors were normal, where nothing is at hand to calibrate on.

        Parameters
        ----------
        level
            Share that is to be covered.

        Returns
        -------
        Calibration
            One quantile for all strata.
        """
        factor = math.sqrt(2) * float(torch.special.erfinv(torch.tensor(level, dtype=torch.float64)))
        return cls((factor,) * len(STRATA), level)

    def interval(
        self, mean: Float[Tensor, "n h w"], deviation: Float[Tensor, "n h w"]
    ) -> tuple[Float[Tensor, "n h w"], Float[Tensor, "n h w"]]:
        """Intervals of reconstructions.

        Parameters
        ----------
        mean, deviation
            Reconstructions and standard deviations.

        Returns
        -------
        low, high : tensor [n, h, w]
            Their ends.
        """
        half = torch.tensor(self.factors, dtype=mean.dtype, device=mean.device)[strata(mean)] * deviation
        return mean - half, mean + half
