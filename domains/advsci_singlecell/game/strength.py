r"""The adversary's strength as a player: raised while the batch can be read, lowered when a cell meets phantoms.

.. math:: \lambda \leftarrow 1.5 \, \lambda \quad \text{or} \quad \lambda / 2

every fifty steps, by two numbers measured on cells held for it: *readability*, the balanced accuracy above chance of a
fresh linear probe (ridge regression in closed form, fitted to one half of the cells and read on the other) of the batch
within each group, and
*phantom mixing*, the share of neighbours that come from a batch without the cell's group, beyond
the share at the start. So a strength is not chosen by hand, and data whose batches are mixed already are left alone.
"""

import math
from dataclasses import dataclass, field
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from advsci.training import Training
from advsci_singlecell.game.biology import Biology

__all__ = ["AdaptiveStrength", "phantom", "readability"]


class AdaptiveStrength:
    """A strength that a callback moves; as a schedule it ignores the progress.

    Parameters
    ----------
    start, largest
        First and largest :math:`\\lambda`.
    """

    def __init__(self, start: float = 0.02, largest: float = 0.1):
        self.value, self.largest = start, largest

    def __call__(self, progress):
        return self.value + 0.0 * progress


@dataclass
class Balance:
    """Trainer callback: measures the held cells and moves the strength.

    Attributes
    ----------
    held
        Cells with anchor, batch, membership, allowed.
    tolerance
        Readability, and phantom mixing beyond the start, that are let be.
    history
        (step, strength, readability, phantom mixing) of every measurement: the curve of the report.
    """

    strength: AdaptiveStrength
    held: dict[str, Tensor]
    tolerance: float = 0.02
    history: list[tuple[int, float, float, float]] = field(default_factory=list)
    start: float | None = None

    def __call__(self, training: Training) -> dict[str, float]:
        with torch.no_grad():
            task = cast(Biology, training.game.players["task"])
            z = task.encoder(self.held.get("untold", self.held["anchor"]))
            if self.start is None:
                self.start = float(phantom(self.held["anchor"], self.held["batch"], self.held["allowed"]))
            read = readability(z, self.held["batch"], self.held["membership"].argmax(1))
            lost = float(phantom(z, self.held["batch"], self.held["allowed"])) - self.start
        self.history.append((training.step, self.strength.value, read, lost))
        if lost > self.tolerance or read < self.tolerance:
            self.strength.value *= 0.5
        else:
            self.strength.value = min(1.5 * self.strength.value, self.strength.largest)
        return {"strength": self.strength.value, "readability": read, "phantom": lost}


def neighbours(z: Float[Tensor, "n d"], k: int) -> Int[Tensor, "n k"]:
    """Numbers of the ``k`` nearest other rows.

    Parameters
    ----------
    z
        Embedding (n d).
    """
    distance = torch.cdist(z, z)
    distance.fill_diagonal_(float("inf"))
    return distance.topk(min(k, len(z) - 1), largest=False).indices


def readability(
    z: Float[Tensor, "n d"],
    batch: Int[Tensor, " n"],
    group: Int[Tensor, " n"],
    *,
    ridge: float = 1.0,
    least: int = 10,
) -> float:
    """Balanced accuracy above chance of a fresh probe of the batch within groups: 0 unreadable, 1 always read.

    Mean over the groups that have ``least`` cells of two batches, weighted by their cells.

    Parameters
    ----------
    z
        Embedding (n d).
    group
        Group numbers (n).
    ridge
        Penalty of the probe, per root of a cell.
    """
    scores, sizes = [], []
    for k in range(int(group.max()) + 1):
        rows = (group == k).nonzero()[:, 0]
        names, number, count = torch.unique(batch[rows], return_inverse=True, return_counts=True)
        kept = (count >= least)[number]
        rows, number = rows[kept], number[kept]
        if len(torch.unique(number)) < 2:
            continue
        x = z[rows] - z[rows].mean(0)
        x = torch.cat([x / x.std(0).clamp(min=1e-6), torch.ones_like(x[:, :1])], dim=1)
        y = F.one_hot(number, len(names)).to(z.dtype)
        balance = (1.0 / y.sum(0).clamp(min=1.0))[number] * len(rows) / len(names)
        recall = torch.zeros(2, len(names), dtype=z.dtype)
        fold = torch.arange(len(rows)) % 2
        for side in (0, 1):
            fit, read = fold == side, fold != side
            w = balance[fit, None]
            gram = x[fit].T @ (w * x[fit]) + ridge * math.sqrt(len(rows)) * torch.eye(x.shape[1], dtype=z.dtype)
            guess = (x[read] @ torch.linalg.solve(gram, x[fit].T @ (w * y[fit]))).argmax(1)
            hit = F.one_hot(number[read], len(names)).to(z.dtype)
            recall[side] = (hit * (guess == number[read])[:, None]).sum(0) / hit.sum(0).clamp(min=1.0)
        classes = int((y.sum(0) > 0).sum())
        accuracy = float(recall.mean(0).sum()) / classes
        scores.append((accuracy - 1.0 / classes) / (1.0 - 1.0 / classes))
        sizes.append(len(rows))
    return sum(s * n for s, n in zip(scores, sizes, strict=True)) / max(sum(sizes), 1)


def phantom(
    z: Float[Tensor, "n d"], batch: Int[Tensor, " n"], allowed: Bool[Tensor, "n b"], k: int = 15
) -> Float[Tensor, ""]:
    """Share of neighbours from batches that lack the cell's group, over the cells of which some batch does.

    Parameters
    ----------
    z
        Embedding (n d).
    allowed
        Batches that a cell may be told apart from (n b).
    k
        How many neighbours.
    """
    foreign = ~allowed.gather(1, batch[neighbours(z, k)])
    concerned = (~allowed).any(1).to(z.dtype)
    return (foreign.to(z.dtype).mean(1) * concerned).sum() / concerned.sum().clamp(min=1.0)
