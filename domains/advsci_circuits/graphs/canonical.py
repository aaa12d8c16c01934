"""Keys that two signed directed graphs share exactly when one is the other with its genes renamed.

Individualisation and refinement (McKay & Piperno 2014, https://arxiv.org/abs/1301.1493), run on a whole batch at once:

1. colour genes by an invariant hash of (own colour, own loop, multiset of (colour, edge out, edge in)) until stable;
2. where colours are not yet distinct, split on each gene of the first smallest shared cell, one representative of every
   class of *twins* (genes whose swap changes nothing), and refine again;
3. of all fully split colourings of a graph keep the smallest matrix.

A collision of hashes only makes a colouring coarser, never wrong: the form is exact.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int8

from advsci.errors import ShapeError
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.circuit import Circuit

__all__ = ["canonical_form", "canonical_keys"]

EXACT_GENES = 12
"""Largest circuit that is keyed: beyond it symmetric graphs could need very many splittings."""


def _mix(x: np.ndarray) -> np.ndarray:
    """splitmix64, a bijection of 64-bit integers that scatters them."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _refine(pairs: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Stable colours [s, n]; a colour is the number of genes in smaller cells: distinct colours are a permutation."""
    n = colours.shape[1]
    classes = (colours[:, :, None] == colours[:, None, :]).sum(2)
    for _ in range(n):
        messages = _mix(pairs * np.uint64(64) + colours[:, None, :].astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15))
        hashed = messages.sum(2, dtype=np.uint64)
        # the old colour leads, so that cells are only ever split
        hashed = (hashed >> np.uint64(5)) | (colours.astype(np.uint64) << np.uint64(59))
        colours = (hashed[:, None, :] < hashed[:, :, None]).sum(2)
        now = (colours[:, :, None] == colours[:, None, :]).sum(2)
        if (now == classes).all():
            break
        classes = now
    return colours


def _twins(signs: np.ndarray) -> np.ndarray:
    """[g, n, n]: whether swapping two genes leaves the graph as it is."""
    n = signs.shape[1]
    twin = np.zeros(signs.shape, dtype=bool)
    for a in range(n):
        for b in range(a):
            order = np.arange(n)
            order[[a, b]] = b, a
            twin[:, a, b] = twin[:, b, a] = (signs[:, order][:, :, order] == signs).all((1, 2))
    return twin


def canonical_form(signs: Int8[np.ndarray, "g n n"]) -> Int8[np.ndarray, "g n n"]:
    """The smallest reordering of each matrix over its fully split colourings.

    Parameters
    ----------
    signs : Int8[np.ndarray, "g n n"]
        Graphs of one size, at most 12 genes.

    Raises
    ------
    ShapeError
        On more than 12 genes.
    """
    signs = np.ascontiguousarray(signs)
    graphs, n, _ = signs.shape
    if n > EXACT_GENES:
        raise ShapeError(
            f"got circuits of {n} genes; expected at most {EXACT_GENES} for an exact canonical form. Try: graph_keys."
        )
    if not graphs:
        return signs
    # the pair relation of genes i and j, the loop of i told apart by an extra term
    pairs = (signs + 1) * 3 + (signs.transpose(0, 2, 1) + 1) + 16 * np.eye(n, dtype=np.int64)
    pairs = pairs.astype(np.uint64)
    best = np.zeros((graphs, n * n), dtype=np.int8)
    found = np.zeros(graphs, dtype=bool)
    owner = np.arange(graphs)
    colours = _refine(pairs, np.zeros((graphs, n), dtype=np.int64))
    twin: np.ndarray | None = None
    while len(owner):
        cells = (colours[:, :, None] == colours[:, None, :]).sum(2)
        done = (cells == 1).all(1)
        if done.any():
            who = owner[done]
            order = np.argsort(colours[done], axis=1)
            forms = np.take_along_axis(signs[who], order[:, :, None], 1)
            forms = np.take_along_axis(forms, order[:, None, :], 2).reshape(len(who), n * n)
            ranked = np.lexsort((*forms.T[::-1], who))
            first = np.r_[True, np.diff(who[ranked]) > 0]
            who, forms = who[ranked][first], forms[ranked][first]
            differs = forms != best[who]
            at = differs.argmax(1)
            rows = np.arange(len(who))
            better = ~found[who] | (differs.any(1) & (forms[rows, at] < best[who][rows, at]))
            best[who[better]] = forms[better]
            found[who] = True
        owner, colours, cells = owner[~done], colours[~done], cells[~done]
        if not len(owner):
            break
        twin = _twins(signs) if twin is None else twin
        # the first of the smallest shared cells: smallest (size, colour)
        rank = np.where(cells > 1, cells * (n + 1) + colours, n * (n + 2))
        target = rank == rank.min(1, keepdims=True)
        same = twin[owner] & target[:, :, None] & target[:, None, :]
        earlier = np.tril(same, -1).any(2)
        state, gene = np.nonzero(target & ~earlier)
        children = colours[state].copy()
        cell_colour = children[np.arange(len(state)), gene]
        # the chosen gene keeps the cell's colour, the others of its cell move up by one
        children += (children == cell_colour[:, None]) & (np.arange(n) != gene[:, None])
        owner = owner[state]
        colours = _refine(pairs[owner], children)
        # an invariant of the split colouring: keep only its smallest value for each graph
        trace = _mix(
            (_mix(pairs[owner] + (colours[:, :, None] * 4096 + colours[:, None, :] * 64).astype(np.uint64))).sum(
                (1, 2), dtype=np.uint64
            )
        )
        least = np.full(graphs, np.iinfo(np.uint64).max)
        np.minimum.at(least, owner, trace)
        keep = trace == least[owner]
        owner, colours = owner[keep], colours[keep]
    return best.reshape(graphs, n, n)


def canonical_keys(circuits: CircuitBatch | Sequence[Circuit | np.ndarray]) -> list[bytes]:
    """One key a circuit, equal exactly for circuits that are isomorphic as signed directed graphs.

    Parameters
    ----------
    circuits
        Circuits of at most twelve genes each.

    Returns
    -------
    list of bytes

    Raises
    ------
    ShapeError
        On a circuit of more than 12 genes.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci_circuits import Circuit, CircuitBatch
    >>> ring = Circuit.from_edges([("LacI", "TetR", -1), ("TetR", "cI", -1), ("cI", "LacI", -1)])
    >>> renamed = Circuit.from_edges([("a", "b", -1), ("b", "c", -1), ("c", "a", -1)])
    >>> from advsci_circuits import canonical_keys
    >>> one, other = canonical_keys(CircuitBatch.of([ring, renamed]))
    >>> one == other
    True
    """
    batch = circuits if isinstance(circuits, CircuitBatch) else CircuitBatch.of(circuits)
    signs, sizes = batch.signs.cpu().numpy(), batch.sizes.cpu().numpy()
    keys: list[bytes] = [b""] * len(sizes)
    for n in np.unique(sizes):
        where = np.flatnonzero(sizes == n)
        forms = canonical_form(signs[where, :n, :n]).reshape(len(where), -1)
        for place, form in zip(where, forms, strict=True):
            keys[place] = bytes([n]) + form.tobytes()
    return keys
