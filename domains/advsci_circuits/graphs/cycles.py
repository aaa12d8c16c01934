"""Feedback: elementary cycles with their signs (exact), and signed closed walks (differentiable)."""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["cycle_signs", "elementary_cycles", "signed_closed_walks"]


def elementary_cycles(signs: np.ndarray) -> Iterator[tuple[tuple[int, ...], int]]:
    """Every cycle without a repeated gene, each once, as (genes, product of signs).

    Parameters
    ----------
    signs : array, shape [n, n]
        ``signs[i, j]`` is the effect of gene j on gene i.
    """
    n = len(signs)
    targets = [np.flatnonzero(signs[:, j]).tolist() for j in range(n)]
    for root in range(n):
        stack: list[tuple[tuple[int, ...], int]] = [((root,), 1)]
        while stack:
            path, sign = stack.pop()
            for gene in targets[path[-1]]:
                step = sign * int(signs[gene, path[-1]])
                if gene == root:
                    yield path, step
                elif gene > root and gene not in path:
                    stack.append(((*path, gene), step))


def cycle_signs(signs: np.ndarray) -> tuple[bool, bool, bool]:
    """Whether a circuit has a positive cycle, a negative cycle, and a negative cycle of at least two genes.

    Thomas' rules (Soule 2003, https://arxiv.org/abs/q-bio/0302025): several steady states need the first, sustained
    oscillation the last.
    """
    positive = negative = longer = False
    for genes, sign in elementary_cycles(signs):
        positive |= sign > 0
        negative |= sign < 0
        longer |= sign < 0 and len(genes) > 1
        if positive and longer:
            break
    return positive, negative, longer


def signed_closed_walks(adjacency: Float[Tensor, "*b n n"], longest: int) -> Float[Tensor, "*b walks"]:
    """Closed walks of each length and sign.

    ``(tr |A|^k + s tr A^k) / 2k`` for k = 1 ... longest and s = +1, -1: the number of closed walks of length k whose
    sign is s, each counted once a starting point. Differentiable in a soft adjacency; permutation-invariant.

    Parameters
    ----------
    adjacency
        Signed weights in [-1, 1].
    """
    signed, unsigned, walks = adjacency, adjacency.abs(), []
    power, absolute = signed, unsigned
    for length in range(1, longest + 1):
        if length > 1:
            power, absolute = power @ signed, absolute @ unsigned
        even, odd = (matrix.diagonal(dim1=-2, dim2=-1).sum(-1) for matrix in (absolute, power))
        walks += [(even + odd) / (2 * length), (even - odd) / (2 * length)]
    return torch.stack(walks, -1)
