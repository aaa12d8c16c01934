"""Circuits at random, and circuits one or a few changes away from given ones."""

import numpy as np
import torch
from jaxtyping import Int8
from torch import Tensor

from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.validity import is_valid

__all__ = ["mutate", "neighbours", "random_circuits"]


def random_circuits(size: int, count: int, rng: np.random.Generator, most_regulators: int = 4) -> Int8[Tensor, "c n n"]:
    """Valid random circuits with 1.2 to 3 edges a gene and signs at random.

    Parameters
    ----------
    size
        Genes of each.
    count
        How many.
    rng
        Where the draws come from.
    most_regulators
        Most regulators of a gene.
    """
    kept: list[Tensor] = []
    have = 0
    while have < count:
        density = rng.uniform(1.2, min(3.0, size), 2 * count) / size
        edge = rng.random((2 * count, size, size)) < density[:, None, None]
        signs = torch.from_numpy(np.where(edge, rng.choice([-1, 1], edge.shape), 0).astype(np.int8))
        batch = CircuitBatch(signs, torch.full((2 * count,), size))
        kept.append(signs[is_valid(batch, most_regulators)])
        have += len(kept[-1])
    return torch.cat(kept)[:count]


def mutate(signs: Int8[Tensor, "c n n"], rng: np.random.Generator, most: int = 2) -> Int8[Tensor, "c n n"]:
    """Each circuit with one to ``most`` entries set to another value; invalid mutants stay as their parent.

    Parameters
    ----------
    signs
        Sign matrices: ``signs[:, i, j]`` is the effect of gene j on gene i.
    rng
        Where the draws come from.
    """
    out = signs.clone()
    c, n, _ = signs.shape
    for _ in range(most):
        rows = torch.from_numpy(np.flatnonzero(rng.random(c) < 0.75))
        i, j = (torch.from_numpy(rng.integers(n, size=len(rows))) for _ in range(2))
        value = out[rows, i, j].long()
        out[rows, i, j] = ((value + 1 + torch.from_numpy(rng.integers(1, 3, len(rows)))) % 3 - 1).to(torch.int8)
    fine = is_valid(CircuitBatch(out, torch.full((c,), n)))
    return torch.where(fine[:, None, None], out, signs)


def neighbours(batch: CircuitBatch, fixed_genes: int = 0) -> CircuitBatch:
    """Every circuit that differs in one entry, those among the first ``fixed_genes`` excepted.

    Parameters
    ----------
    batch
        Circuits.
    """
    signs, sizes = [], []
    for matrix, size in zip(batch.signs, batch.sizes.tolist(), strict=True):
        i, j = (torch.cartesian_prod(torch.arange(size), torch.arange(size))).T
        i, j = (k[(i >= fixed_genes) | (j >= fixed_genes)] for k in (i, j))
        i, j, by = i.repeat(2), j.repeat(2), torch.tensor([1, 2]).repeat_interleave(len(i))
        changed = matrix.repeat(len(i), 1, 1)
        changed[torch.arange(len(i)), i, j] = ((matrix[i, j].long() + 1 + by) % 3 - 1).to(torch.int8)
        signs.append(changed)
        sizes.append(torch.full((len(i),), size))
    return CircuitBatch(torch.cat(signs), torch.cat(sizes))
