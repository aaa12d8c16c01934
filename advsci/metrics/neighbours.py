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
from jaxtyping import Float, Num
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


def neighbour_radius(x: Num[Tensor, "n d"], k: int) -> Float[Tensor, " n"]:
    """Squared distance of each sample to its ``k``-th nearest other sample.

    Parameters
    ----------
    x
        Samples (n d).
    k
        Which neighbour.

    Returns
    -------
    Tensor
        Squared distances (n).
    """
    radius, memory = x.new_empty(len(x)), _block_memory(x, x)
    for rows in blocks(len(x), len(x)):
        square = squared_distances(x[rows], x, out=memory[: rows.stop - rows.start])
        square.diagonal(rows.start).zero_()
        radius[rows] = least(square, k + 1)[:, k]
    return radius


@torch.no_grad()
def prdc(real: Num[Tensor, "n d"], fake: Num[Tensor, "m d"], k: int = 5) -> PRDC:
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

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci.metrics import prdc
    >>> found = prdc(Stream(0).normal((200, 2)), Stream(1).normal((200, 2)))
    >>> bool(found.coverage > 0.9)
    True
    """
    check_samples(real, fake, 2)
    if not 1 <= k < min(len(real), len(fake)):
        raise ConfigError(f"got k = {k} with {len(real)} and {len(fake)} samples; expected 1 <= k < both. Try: k=5.")
    real, fake = real.double(), fake.double()
    centre = real.median(0).values  # values of the data: whole numbers, and ties between them, stay exact
    real, fake = real - centre, fake - centre
    # a ball has at least a hair's breadth, so that copies of one point lie in each other's balls
    hair = 1e-12 * real.square().sum(1).mean() + torch.finfo(real.dtype).tiny
    radius, reach = neighbour_radius(real, k).clamp_min(hair), neighbour_radius(fake, k).clamp_min(hair)
    memory, gaps = _block_memory(real, fake), _block_memory(real, fake)
    inside = torch.zeros((), dtype=torch.int64, device=real.device)
    nearest_edge = torch.full_like(reach, torch.inf)  # of each generated sample: below 0 is within some real ball
    to_real, to_fake = torch.empty_like(radius), torch.empty_like(radius)
    for rows in blocks(len(real), len(fake)):
        part = slice(rows.stop - rows.start)
        square = squared_distances(real[rows], fake, out=memory[part])
        gap = torch.sub(square, radius[rows, None], out=gaps[part])
        inside += (gap < 0).sum()
        nearest_edge = torch.minimum(nearest_edge, gap.amin(0))
        to_real[rows] = gap.amin(1)
        to_fake[rows] = square.sub_(reach).amin(1)
    return PRDC(
        precision=(nearest_edge < 0).double().mean(),
        recall=(to_fake < 0).double().mean(),
        density=inside.double() / (k * len(fake)),
        coverage=(to_real < 0).double().mean(),
    )


def _block_memory(x: Num[Tensor, "n d"], y: Num[Tensor, "m d"]) -> Float[Tensor, "rows m"]:
    """Room for one block of distances, used again for every block."""
    return x.new_empty((next(blocks(len(x), len(y))).stop, len(y)))


def precision_recall(real: Num[Tensor, "n d"], fake: Num[Tensor, "m d"], k: int = 3) -> tuple[Tensor, Tensor]:
    """Improved precision and recall (arXiv 1904.06991), whose authors take ``k = 3``.

    Parameters
    ----------
    real
        Real samples or their features (n d).
    fake
        Generated samples or their features (m d).
    k
        Neighbours that a radius spans.

    Returns
    -------
    tuple of Tensor
        Precision and recall, numbers in [0, 1].
    """
    result = prdc(real, fake, k)
    return result.precision, result.recall
