"""Circuits with simulated function: what the conditional generator learns from, found without looking at any answer.

Real circuits rarely oscillate and rarely adapt, so a library teaches little of it. Examples come from simulation
instead: random circuits are judged, the best are mutated and judged again. Strongly connected circuits, rare in the
library, are thereby oversampled.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int8
from torch import Tensor

from advsci.streams import Stream
from advsci_circuits.dynamics.fixed_points import fixed_points
from advsci_circuits.dynamics.functions import PRECISION, SENSITIVITY, adaptation
from advsci_circuits.dynamics.racipe import racipe
from advsci_circuits.game.condition import CONDITIONED
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.graphs.validity import is_valid

__all__ = ["Examples", "find_examples", "label", "mutate", "neighbours", "random_circuits"]


@dataclass(frozen=True)
class Examples:
    """Judged circuits: ``shares[:, k]`` is the share of parameter sets that show ``CONDITIONED[k]``."""

    signs: Int8[Tensor, "c n n"]
    sizes: Tensor
    shares: Float[Tensor, "c f"]

    def __add__(self, other: "Examples") -> "Examples":
        width = max(self.signs.shape[1], other.signs.shape[1])
        padded = []
        for one in (self, other):
            room = width - one.signs.shape[1]
            padded.append(torch.nn.functional.pad(one.signs, (0, room, 0, room)))
        return Examples(torch.cat(padded), torch.cat([self.sizes, other.sizes]), torch.cat([self.shares, other.shares]))


def label(signs: Int8[Tensor, "c n n"], stream: Stream, sets: int = 64, chunk: int = 20_000) -> Float[Tensor, "c f"]:
    """Share of parameter sets with which each circuit oscillates, is tristable, adapts (first gene in, last out)."""
    shares = []
    for part, some in enumerate(signs.split(max(1, chunk // sets))):
        model = racipe(some, sets, stream.at("parameters", part))
        points = fixed_points(model, stream.at("starts", part))
        verdicts = [points.none_stable, points.stable_count >= 3]
        sensitivity, precision = adaptation(model)
        verdicts.append((sensitivity > SENSITIVITY) & (precision > PRECISION))
        shares.append(torch.stack([v.view(len(some), sets).double().mean(1) for v in verdicts], -1))
    return torch.cat(shares) if shares else torch.zeros(0, len(CONDITIONED), dtype=torch.float64)


def random_circuits(size: int, count: int, rng: np.random.Generator, most_regulators: int = 4) -> Int8[Tensor, "c n n"]:
    """Valid random circuits with 1.2 to 3 edges a gene and signs at random."""
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
    """Each circuit with one to ``most`` entries set to another value; invalid mutants stay as their parent."""
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
    """Every circuit that differs in one entry, those among the first ``fixed_genes`` excepted."""
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


def find_examples(
    size: int,
    count: int,
    stream: Stream,
    *,
    rounds: int = 3,
    sets: int = 64,
    forbidden: Callable[[bytes], bool] | None = None,
) -> Examples:
    """Judge ``count`` circuits of one size: random ones, then rounds of mutants of the best for each function.

    Parameters
    ----------
    forbidden : function of a canonical key, optional
        Circuits that must not be seen (a held-out set): dropped before they are judged.
    """
    rng = stream.at("propose").numpy()
    seen: set[bytes] = set()
    found = Examples(
        torch.zeros(0, size, size, dtype=torch.int8), torch.zeros(0, dtype=torch.long), torch.zeros(0, 3).double()
    )
    for turn in range(rounds):
        if turn == 0:
            proposal = random_circuits(size, count // rounds, rng)
        else:
            each = count // rounds // len(CONDITIONED)
            best = [found.shares[:, k].argsort(descending=True)[: max(each // 8, 1)] for k in range(len(CONDITIONED))]
            parents = torch.cat([b[torch.from_numpy(rng.integers(len(b), size=each))] for b in best])
            proposal = mutate(found.signs[parents], rng, most=3)
        keys = canonical_keys(CircuitBatch(proposal, torch.full((len(proposal),), size)))
        fresh = []
        for i, key in enumerate(keys):
            if key not in seen and not (forbidden and forbidden(key)):
                seen.add(key)
                fresh.append(i)
        proposal = proposal[torch.tensor(fresh, dtype=torch.long)]
        shares = label(proposal, stream.at("label", turn), sets)
        found = found + Examples(proposal, torch.full((len(proposal),), size), shares)
    return found
