"""What a sample must beat: graphs that keep counts, wiring or degrees of real ones, and nothing else."""

from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["NULLS", "erdos_renyi", "rewired", "sign_shuffled"]


def erdos_renyi(signs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As many genes, activations and repressions, anywhere.

    Parameters
    ----------
    signs
        Sign matrices: ``signs[:, i, j]`` is the effect of gene j on gene i.
    rng
        Where the draws come from.
    """
    n = len(signs)
    flat = np.zeros(n * n, dtype=np.int8)
    where = rng.permutation(n * n)[: int((signs != 0).sum())]
    flat[where] = -1
    flat[where[: int((signs > 0).sum())]] = 1
    return flat.reshape(n, n)


def sign_shuffled(signs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same wiring, the same signs on other edges.

    Parameters
    ----------
    rng
        Where the draws come from.
    """
    out = signs.copy()
    where = np.nonzero(signs)
    out[where] = rng.permutation(signs[where])
    return out


def rewired(signs: np.ndarray, rng: np.random.Generator, swaps: int = 10) -> np.ndarray:
    """The same in- and out-degrees: targets of random pairs of edges are exchanged, signs travel with the source.

    Parameters
    ----------
    rng
        Where the draws come from.
    swaps
        Tries of a swap per edge.
    """
    edges = [(int(i), int(j), int(signs[i, j])) for i, j in np.argwhere(signs)]
    present = {(i, j) for i, j, _ in edges}
    for _ in range(swaps * len(edges)):
        a, b = rng.integers(len(edges), size=2)
        (i, j, s), (k, l, t) = edges[a], edges[b]
        if (k, j) in present or (i, l) in present:
            continue
        present -= {(i, j), (k, l)}
        present |= {(k, j), (i, l)}
        edges[a], edges[b] = (k, j, s), (i, l, t)
    out = np.zeros_like(signs)
    for i, j, s in edges:
        out[i, j] = s
    return out


Null = Callable[[np.ndarray, np.random.Generator], np.ndarray]
NULLS: dict[str, Null] = {"Erdos-Renyi": erdos_renyi, "shuffled signs": sign_shuffled, "rewired": rewired}


def null_sample(name: str, graphs: Sequence[np.ndarray], seed: int = 0) -> list[np.ndarray]:
    """One null graph for each real one.

    Parameters
    ----------
    name
        One of `NULLS`.
    graphs
        Real circuits.
    seed
        Root of the draws.
    """
    rng = np.random.default_rng(seed)
    return [NULLS[name](graph, rng) for graph in graphs]
