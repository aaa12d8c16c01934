"""Feedback: elementary cycles with their signs (exact, up to a bound), and signed closed walks (differentiable)."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from advsci.errors import ConvergenceError

__all__ = ["MOST_CYCLES", "cycle_signs", "elementary_cycles", "signed_closed_walks"]

MOST_CYCLES = 100_000
"""Cycles that are listed at most."""


def elementary_cycles(signs: np.ndarray, most: int = MOST_CYCLES) -> Iterator[tuple[tuple[int, ...], int]]:
    """Cycles without a repeated gene, each once, as (genes, product of signs), by Johnson's algorithm.

    Johnson 1975 (https://doi.org/10.1137/0204007), as networkx has it.

    Parameters
    ----------
    signs : array, shape [n, n]
        ``signs[i, j]`` is the effect of gene j on gene i.
    most
        Cycles after which the enumeration stops: thirty genes can have more than could ever be listed.

    Returns
    -------
    iterator of (genes, sign)

    Examples
    --------
    >>> import numpy as np
    >>> list(elementary_cycles(np.array([[0, -1], [-1, 0]])))
    [((0, 1), 1)]
    """
    import networkx

    graph = networkx.DiGraph([(int(j), int(i)) for i, j in np.argwhere(signs)])
    for cycle in islice(networkx.simple_cycles(graph), most):
        steps = zip(cycle, [*cycle[1:], cycle[0]], strict=True)
        yield tuple(cycle), int(np.prod([int(signs[target, source]) for source, target in steps]))


def _balanced(signs: np.ndarray) -> bool:
    """Whether all cycles of a strongly connected graph are positive: its genes fall into two camps."""
    camp, stack = {0: 1}, [0]
    while stack:
        gene = stack.pop()
        for target in np.flatnonzero(signs[:, gene]).tolist():
            wanted = camp[gene] * int(signs[target, gene])
            if target not in camp:
                camp[target] = wanted
                stack.append(target)
            elif camp[target] != wanted:
                return False
    return True


def cycle_signs(signs: np.ndarray, most: int = MOST_CYCLES) -> tuple[bool, bool, bool]:
    """Whether a circuit has a positive cycle, a negative cycle, and a negative cycle of at least two genes.

    Thomas' rules (Soule 2003, https://arxiv.org/abs/q-bio/0302025): several steady states need the first, sustained
    oscillation the last. Negative cycles are decided without listing any: a strongly connected part has none exactly
    where its genes fall into two camps, with activation within and repression between them (Harary 1953). A positive
    cycle is certain in such a part; elsewhere cycles are listed until one is found.

    Parameters
    ----------
    signs : array, shape [n, n]
        ``signs[i, j]`` is the effect of gene j on gene i.
    most
        Cycles listed in search of a positive one.

    Returns
    -------
    (positive, negative, longer)

    Raises
    ------
    ConvergenceError
        Where none of ``most`` cycles is positive and there are more.
    """
    loops = np.diag(signs)
    positive, longer = bool((loops > 0).any()), False
    count, part = connected_components(signs.T != 0, connection="strong")
    for k in range(count):
        genes = np.flatnonzero(part == k)
        if len(genes) < 2:
            continue
        inner = signs[np.ix_(genes, genes)] * (1 - np.eye(len(genes), dtype=signs.dtype))
        balanced = _balanced(inner)
        longer |= not balanced
        positive = positive or balanced or _has_positive(inner, most)
    return positive, longer or bool((loops < 0).any()), longer


def _has_positive(signs: np.ndarray, most: int) -> bool:
    listed = 0
    for _, sign in elementary_cycles(signs, most):
        if sign > 0:
            return True
        listed += 1
    if listed == most:
        raise ConvergenceError(f"got {most} negative cycles and more; expected an end. Try: a larger bound 'most'.")
    return False


def signed_closed_walks(adjacency: Float[Tensor, "*b n n"], longest: int) -> Float[Tensor, "*b walks"]:
    """Closed walks of each length and sign.

    ``(tr |A|^k + s tr A^k) / 2k`` for k = 1 ... longest and s = +1, -1: the number of closed walks of length k whose
    sign is s, each counted once a starting point. Differentiable in a soft adjacency; permutation-invariant.

    Parameters
    ----------
    adjacency
        Signed weights in [-1, 1].
    longest
        Edges of the longest walks.

    Returns
    -------
    Float[Tensor, "*b 2*longest"]
        Length 1 positive, length 1 negative, length 2 positive, ...
    """
    signed, unsigned, walks = adjacency, adjacency.abs(), []
    power, absolute = signed, unsigned
    for length in range(1, longest + 1):
        if length > 1:
            power, absolute = power @ signed, absolute @ unsigned
        even, odd = (matrix.diagonal(dim1=-2, dim2=-1).sum(-1) for matrix in (absolute, power))
        walks += [(even + odd) / (2 * length), (even - odd) / (2 * length)]
    return torch.stack(walks, -1)
