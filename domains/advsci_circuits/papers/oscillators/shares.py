"""How many circuits of three genes oscillate, under random kinetics of the RACIPE kind.

A parameter set oscillates if its bounded dynamics has no attracting steady state; a topology does if more than 1 % of
its parameter sets do.
"""

from itertools import permutations, product

import numpy as np
import torch

from advsci.papers import step
from advsci.streams import Stream
from advsci_circuits import fixed_points, racipe

REPRESSILATOR = [[0, 0, -1], [-1, 0, 0], [0, -1, 0]]
ACTIVATOR_RING = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


def topologies() -> np.ndarray:
    """Every weakly connected signed graph of three genes, one of each class of isomorphic ones (c 3 3)."""
    every = np.array(list(product((-1, 0, 1), repeat=9)), dtype=np.int8).reshape(-1, 3, 3)
    powers = 3 ** np.arange(9)
    keys = [((every[:, p][:, :, p] + 1).reshape(-1, 9) @ powers) for p in map(list, permutations(range(3)))]
    first = np.unique(np.min(keys, axis=0), return_index=True)[1]
    links = (every != 0) | (every != 0).transpose(0, 2, 1)
    pairs = np.stack([links[:, 0, 1], links[:, 0, 2], links[:, 1, 2]], 1).sum(1)
    return every[first[pairs[first] >= 2]]


def has_negative_cycle(signs: np.ndarray) -> bool:
    """Whether a cycle of two genes or three has a negative sign: without one nothing oscillates (Thomas).

    Parameters
    ----------
    signs
        Signed adjacency (n g g).
    """
    pairs = [signs[i, j] * signs[j, i] for i, j in ((0, 1), (0, 2), (1, 2))]
    return min(*pairs, signs[0, 1] * signs[1, 2] * signs[2, 0], signs[0, 2] * signs[2, 1] * signs[1, 0]) < 0


def share(signs: np.ndarray, sets: int, stream: Stream) -> np.ndarray:
    """Share of parameter sets without an attracting steady state, of each topology.

    Parameters
    ----------
    signs
        Signed adjacency (n g g).
    stream
        Where the random numbers come from.
    """
    model = racipe(torch.from_numpy(np.ascontiguousarray(signs)), sets, stream.at("parameters"))
    return fixed_points(model, stream.at("starts")).none_stable.reshape(-1, sets).double().mean(1).numpy()


def measure(seed: int, effort: str) -> dict[str, float]:
    """Number of topologies, the share of a sample of them that oscillates, and circuits known to and known not to.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        ``"quick"`` or ``"full"``.
    """
    every, stream = topologies(), Stream(seed)
    count, sets, more = (100, 100, 1500) if effort == "quick" else (len(every), 150, 10_000)
    chosen = every[stream.at("topologies").permutation(len(every))[:count].numpy()]
    shares = np.concatenate([share(part, sets, stream.at("part", i)) for i, part in enumerate(np.split(chosen, 4))])
    cycles = np.array([has_negative_cycle(signs) for signs in chosen])
    known = share(np.array([REPRESSILATOR, ACTIVATOR_RING], dtype=np.int8), more, stream.at("known"))
    oscillating = 100.0 * float((shares > 0.01).mean())
    return {
        "topologies": float(len(every)),
        "oscillating": oscillating,
        "oscillating, stochastic": oscillating,
        "violations": float(((shares > 0.0) & ~cycles).sum()),
        "repressilator": 100.0 * float(known[0]),
        "activator ring": 100.0 * float(known[1]),
    }


if __name__ == "__main__":
    step(measure)
