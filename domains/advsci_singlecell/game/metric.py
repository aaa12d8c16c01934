r"""The metric of the embedding: a direction counts by what it says of cells within their batch.

In the game every dimension has variance one, so that a direction of noise is as long as one that tells cells apart.
Let :math:`W` be the least-squares map from the embedding to the components :math:`x`, both without the means of the
batches,

.. math:: W = \arg\min_W \sum_i \| (x_i - \bar x_{b_i}) - W (z_i - \bar z_{b_i}) \|^2, \qquad
          z \mapsto (W^T W)^{p/2} z

For :math:`p = 1` the distance of two cells is then that of the components which the embedding stands for. Nothing
is compared across batches. The map becomes part of the networks: decoder and class head stay the same functions.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from advsci_singlecell.game.counts import CountEncoder

__all__ = ["metric_of", "remeasure"]

FLAT = 1e-3


def metric_of(
    z: Float[np.ndarray, "n d"], x: Float[np.ndarray, "n e"], batch: Int[np.ndarray, " n"], p: float = 1.0
) -> Float[Tensor, "d d"]:
    """The symmetric matrix :math:`(W^T W)^{p/2}`, scaled so that the embedding keeps its total variance.

    Parameters
    ----------
    z, x
        Embedding and components of the cells.
    batch
        Batch numbers.
    p
        Exponent: 0 leaves the embedding as it is.

    Returns
    -------
    Tensor
        The map; directions that say nothing keep a thousandth of the longest, so that it has an inverse.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(90, 2))
    >>> long = metric_of(x / [1.0, 3.0], x, np.arange(90) % 3)
    >>> round(float(long[1, 1] / long[0, 0]), 2)
    3.0
    """
    inside_z, inside_x = (np.asarray(values, np.float64).copy() for values in (z, x))
    for b in np.unique(batch):
        for values in (inside_z, inside_x):
            values[batch == b] -= values[batch == b].mean(axis=0)
    slope = np.linalg.lstsq(inside_z, inside_x, rcond=None)[0]
    value, axes = np.linalg.eigh(slope @ slope.T)
    scale = np.sqrt(np.maximum(value, 0.0)) ** p
    metric = (axes * np.maximum(scale, FLAT * scale.max() + 1e-12)) @ axes.T
    variance = np.cov(np.asarray(z, np.float64).T)
    return torch.from_numpy((metric * np.sqrt(variance.trace() / (metric @ variance @ metric).trace())).astype("f"))


@torch.no_grad()
def remeasure(metric: Float[Tensor, "d d"], encoder: CountEncoder, *readers: nn.Module | None) -> None:
    """Make a linear map of the embedding part of what writes and what reads it.

    Parameters
    ----------
    metric
        The map, symmetric and of full rank.
    encoder
        Whose embedding is mapped from now on.
    *readers
        Networks whose first linear layer reads the embedding (and more, after it); they undo the map.
    """
    last = [module for module in encoder.network.modules() if isinstance(module, nn.Linear)][-1]
    last.weight.copy_(metric @ (last.weight / encoder.spread[:, None]))
    last.bias.copy_(metric @ ((last.bias - encoder.centre) / encoder.spread))
    encoder.centre.zero_()
    encoder.spread.fill_(1.0)
    inverse = torch.linalg.inv(metric.double())
    for reader in filter(None, readers):
        first = next(module for module in reader.modules() if isinstance(module, nn.Linear))
        first.weight[:, : len(metric)] = (first.weight[:, : len(metric)].double() @ inverse).to(first.weight.dtype)
