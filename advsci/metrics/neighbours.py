r"""Fidelity and diversity from nearest-neighbour balls: precision, recall, density, coverage.

With :math:`r_i` the distance of the real sample :math:`x_i` to its k-th nearest real neighbour and :math:`s_j` that
of the generated :math:`y_j` among the generated,

.. math::
    \mathrm{precision} &= \tfrac1m \#\{j : \exists i\; |x_i - y_j| < r_i\}, &
    \mathrm{recall} &= \tfrac1n \#\{i : \exists j\; |x_i - y_j| < s_j\}, \\
    \mathrm{density} &= \tfrac1{km} \#\{(i, j) : |x_i - y_j| < r_i\}, &
    \mathrm{coverage} &= \tfrac1n \#\{i : \min_j |x_i - y_j| < r_i\}.

Kynkaanniemi et al. 2019, arXiv 1904.06991 (precision and recall); Naeem et al. 2020, arXiv 2002.09797 (density and
coverage).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ConfigError
from advsci.metrics.distances import blocks, check_samples, least, squared_distances

__all__ = ["PRDC", "neighbour_radius", "prdc", "precision_recall"]


class PRDC(NamedTuple):
    """Fidelity (precision, density) and diversity (recall, coverage)."""

    precision: Float[Tensor, ""]
    recall: Float[Tensor, ""]
    density: Float[Tensor, ""]
    coverage: Float[Tensor, ""]


def neighbour_radius(x: Float[Tensor, "n d"], k: int) -> Float[Tensor, " n"]:
    """Squared distance of each sample to its ``k``-th nearest other sample."""
    radius = x.new_empty(len(x))
    for rows in blocks(len(x), len(x)):
        square = squared_distances(x[rows], x)
        square.diagonal(rows.start).zero_()
        radius[rows] = least(square, k + 1)[:, k]
    return radius


@torch.no_grad()
def prdc(real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], k: int = 5) -> PRDC:
    """Precision, recall, density and coverage, in blocks: memory is that of one block of distances.

    Parameters
    ----------
    real, fake
        Samples or their features. Integers and half precision are computed in float64.
    k
        Neighbour whose distance is a ball's radius; the sample itself does not count.

    Raises
    ------
    ConfigError
        If a set has no k-th neighbour.
    ShapeError
        If the sets are not (n, d) and (m, d).
    """
    check_samples(real, fake, 2)
    if not 1 <= k < min(len(real), len(fake)):
        raise ConfigError(f"got k = {k} with {len(real)} and {len(fake)} samples; expected 1 <= k < both. Try: k = 5")
    real, fake = real.double(), fake.double()
    centre = real.mean(0)
    real, fake = real - centre, fake - centre
    radius, reach = neighbour_radius(real, k), neighbour_radius(fake, k)
    inside = torch.zeros(len(fake), dtype=torch.int64, device=real.device)
    recalled = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    covered = torch.zeros_like(recalled)
    for rows in blocks(len(real), len(fake)):
        square = squared_distances(real[rows], fake)
        covered[rows] = square.amin(1) < radius[rows]
        inside += (square < radius[rows, None]).sum(0)
        recalled[rows] = (square < reach).any(1)
    return PRDC(
        precision=(inside > 0).double().mean(),
        recall=recalled.double().mean(),
        density=inside.sum().double() / (k * len(fake)),
        coverage=covered.double().mean(),
    )


def precision_recall(real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], k: int = 3) -> tuple[Tensor, Tensor]:
    """Improved precision and recall (arXiv 1904.06991), whose authors take ``k = 3``."""
    result = prdc(real, fake, k)
    return result.precision, result.recall
