"""Tree search over circuit assembly, in the manner of CircuiTree (2024, https://doi.org/10.7554/eLife.106497).

From genes without edges, an action adds one signed edge or ends the circuit. Upper-confidence selection (Kocsis &
Szepesvari 2006) on classes of isomorphic circuits, random completion, and the judged share as reward.
"""

import math

import numpy as np
import torch
from torch import Tensor

from advsci.streams import Stream
from advsci_circuits.baselines.search import Found
from advsci_circuits.graphs.canonical import canonical_keys

__all__ = ["TreeSearch"]


class TreeSearch:
    """A proposer that remembers visits and rewards of partial circuits.

    Parameters
    ----------
    size : int
        Genes.
    exploration : float
        Weight of the confidence term.
    each : int
        Circuits proposed a turn; rewards come back with the next.
    """

    def __init__(self, size: int, stream: Stream, each: int = 32, exploration: float = 0.1, most_edges: int = 9):
        self.size, self.each, self.exploration, self.most_edges = size, each, exploration, most_edges
        self.rng = stream.at("tree").numpy()
        self.visits: dict[bytes, int] = {}
        self.reward: dict[bytes, float] = {}
        self.pending: list[tuple[list[bytes], bytes]] = []

    def __call__(self, turn: int, found: Found) -> Tensor:
        for path, key in self.pending:
            share = found.circuits[key][1] if key in found.circuits else 0.0
            for state in path:
                self.reward[state] = self.reward.get(state, 0.0) + share
        self.pending = []
        proposals = []
        for _ in range(self.each):
            matrix, path = self._walk()
            proposals.append(matrix)
            self.pending.append((path, canonical_keys([matrix])[0]))
            for state in path:
                self.visits[state] = self.visits.get(state, 0) + 1
        return torch.from_numpy(np.stack(proposals))

    def _walk(self) -> tuple[np.ndarray, list[bytes]]:
        """Down the tree by upper confidence, then at random, until the circuit has its number of edges."""
        matrix = np.zeros((self.size, self.size), dtype=np.int8)
        path: list[bytes] = [canonical_keys([matrix])[0]]
        edges = int(self.rng.integers(self.size, self.most_edges + 1))
        inside = True
        for _ in range(edges):
            free = np.argwhere(matrix == 0)
            tries = free[self.rng.permutation(len(free))[:6]]
            options = []
            for i, j in tries:
                for sign in (-1, 1):
                    option = matrix.copy()
                    option[i, j] = sign
                    options.append(option)
            if inside:
                keys = canonical_keys(options)
                total = math.log(self.visits.get(path[-1], 0) + 1)
                scores = [self._score(key, total) for key in keys]
                place = int(np.argmax(scores))
                matrix = options[place]
                inside = keys[place] in self.visits
                path.append(keys[place])
            else:
                matrix = options[int(self.rng.integers(len(options)))]
        return matrix, path

    def _score(self, key: bytes, total: float) -> float:
        visits = self.visits.get(key, 0)
        if not visits:
            return math.inf
        return self.reward.get(key, 0.0) / visits + self.exploration * math.sqrt(total / visits)
