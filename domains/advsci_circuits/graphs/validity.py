"""What makes a graph a circuit one could build: connected, regulated, few inputs a promoter."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from advsci_circuits.graphs.batch import CircuitBatch

__all__ = ["in_degree", "is_valid", "is_weakly_connected"]


def in_degree(batch: CircuitBatch) -> Int[Tensor, "b n"]:
    """Regulators of each gene, its own included.

    Parameters
    ----------
    batch
        Circuits.
    """
    return (batch.signs != 0).sum(2)


def is_weakly_connected(batch: CircuitBatch) -> Bool[Tensor, " b"]:
    """Whether every gene can be reached from every other when arrows are ignored.

    Parameters
    ----------
    batch
        Circuits.
    """
    n = batch.signs.shape[1]
    edge = (batch.signs != 0) | (batch.signs != 0).mT
    reach = (edge | torch.eye(n, dtype=torch.bool, device=edge.device)).float()
    for _ in range(max(n - 1, 1).bit_length()):
        reach = ((reach @ reach) > 0).float()
    mask = batch.mask
    return ((reach > 0) | ~(mask[:, :, None] & mask[:, None, :])).all(2).all(1)


def is_valid(batch: CircuitBatch, most_regulators: int = 4) -> Bool[Tensor, " b"]:
    """Connected, at most ``most_regulators`` regulators a gene, and some regulation.

    Parameters
    ----------
    batch
        Circuits.
    """
    regulated = (batch.signs != 0).any(2).any(1)
    return is_weakly_connected(batch) & (in_degree(batch).amax(1) <= most_regulators) & regulated
