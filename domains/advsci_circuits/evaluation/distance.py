"""How far two samples of circuits are apart: maximum mean discrepancy, and what a classifier can tell.

MMD^2 with a kernel of the total variation between histograms, as the graph-generation literature computes it (DiGress,
https://arxiv.org/abs/2209.14734), but with the exponential of the distance in place of the Gaussian: a Gaussian of
total variation is not positive definite, and gave negative squares on halves of the library (O'Bray et al. 2022,
https://arxiv.org/abs/2106.01098). On small graphs even shuffled signs score near the train-test baseline, so each ratio
is printed beside its nulls, and a classifier-based bound (PolyGraph, https://arxiv.org/abs/2510.06122) with signed
descriptors is the measure that discriminates.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from advsci_circuits.game.logistic import logistic

__all__ = ["Discrepancy", "discrepancy", "mmd_squared", "ratios"]


def mmd_squared(x: np.ndarray, y: np.ndarray, bandwidth: float = 1.0) -> float:
    """Biased (V-statistic) MMD^2 of histograms [samples, bins] under ``exp(-TV / bandwidth)``.

    Parameters
    ----------
    x
        Histograms of one sample.
    y
        Histograms of the other.
    """

    used = (x > 0).any(0) | (y > 0).any(0)  # most classes of triads never occur
    first, second = (torch.from_numpy(np.ascontiguousarray(h[:, used], dtype=np.float64)) for h in (x, y))

    def kernel(a: torch.Tensor, b: torch.Tensor) -> float:
        """Mean of the Laplacian kernel over the pairs of rows of ``a`` and ``b``."""
        return float(torch.exp(-torch.cdist(a, b, p=1) / (2 * bandwidth)).mean())

    return kernel(first, first) + kernel(second, second) - 2 * kernel(first, second)


def ratios(
    sample: Mapping[str, np.ndarray], train: Mapping[str, np.ndarray], test: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """MMD^2(sample, test) / MMD^2(train, test) for each descriptor: one is as close as the training set."""
    return {name: mmd_squared(sample[name], test[name]) / mmd_squared(train[name], test[name]) for name in test}


@dataclass(frozen=True)
class Discrepancy:
    """A lower bound on the Jensen-Shannon distance (0 equal, 1 disjoint), mean and 95 % interval over random splits."""

    value: float
    low: float
    high: float
    descriptor: str


def _bound(logits: torch.Tensor, y: torch.Tensor) -> float:
    """``1 + E[log2 D(real)]/2 + E[log2 (1 - D(fake))]/2``, a lower bound on the JS divergence, as a distance."""
    loss = nn.functional.binary_cross_entropy_with_logits(logits, y).item()
    return float(np.sqrt(max(0.0, 1 - loss / np.log(2))))


def discrepancy(
    sample: Mapping[str, np.ndarray], test: Mapping[str, np.ndarray], splits: int = 8, seed: int = 0
) -> Discrepancy:
    """How well a held-out classifier tells the sample from the test set, by its best descriptor.

    In every split half of each set fits one classifier a descriptor (square roots of shares, standardised), and one
    on all; the descriptor is chosen by an inner split of that half, and the bound is taken on the other half.

    Parameters
    ----------
    splits
        Random splits.
    seed
        Root of the draws.
    """
    rng = np.random.default_rng(seed)
    count = min(len(next(iter(sample.values()))), len(next(iter(test.values()))))
    values, chosen = [], []
    for _ in range(splits):
        pick = [rng.permutation(len(next(iter(s.values()))))[:count] for s in (sample, test)]
        features = {k: np.sqrt(np.concatenate([sample[k][pick[0]], test[k][pick[1]]])) for k in test}
        features["all"] = np.concatenate(list(features.values()), 1)
        label = np.r_[np.zeros(count), np.ones(count)]
        order = rng.permutation(2 * count)
        fit, inner, held = np.split(order, [int(0.7 * count), count])
        best: tuple[float, str, float] = (-1.0, "", 0.0)
        for name, x in features.items():
            keep = x[fit].std(0) > 1e-9
            if not keep.any():
                continue
            x = (x[:, keep] - x[fit][:, keep].mean(0)) / x[fit][:, keep].std(0)
            xt, yt = torch.from_numpy(x), torch.from_numpy(label)
            layer = logistic(xt[fit], yt[fit], decay=0.01)
            with torch.no_grad():
                logits = layer(xt)[:, 0]
            best = max(best, (_bound(logits[inner], yt[inner]), name, _bound(logits[held], yt[held])))
        values.append(best[2])
        chosen.append(best[1])
    spread = np.quantile(values, [0.025, 0.975])
    return Discrepancy(float(np.mean(values)), float(spread[0]), float(spread[1]), max(set(chosen), key=chosen.count))
