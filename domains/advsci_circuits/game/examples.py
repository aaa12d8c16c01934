"""Circuits with simulated function: what the conditional generator learns from, found without looking at any answer.

Real circuits rarely oscillate and rarely adapt, so a library teaches little of it. Examples come from simulation
instead: random circuits are judged, the best are mutated and judged again. Strongly connected circuits, rare in the
library, are thereby oversampled.
"""

from collections.abc import Callable
from dataclasses import dataclass

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
from advsci_circuits.graphs.variation import mutate, random_circuits

__all__ = ["Examples", "find_examples", "label"]


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
    """Share of parameter sets with which each circuit oscillates, is tristable, adapts (first gene in, last out).

    Parameters
    ----------
    signs
        Sign matrices: ``signs[:, i, j]`` is the effect of gene j on gene i.
    stream
        Where the draws come from.
    chunk
        Models worked on at once.
    """
    shares = []
    for part, some in enumerate(signs.split(max(1, chunk // sets))):
        model = racipe(some, sets, stream.at("parameters", part))
        points = fixed_points(model, stream.at("starts", part))
        verdicts = [points.none_stable, points.stable_count >= 3]
        sensitivity, precision = adaptation(model)
        verdicts.append((sensitivity > SENSITIVITY) & (precision > PRECISION))
        shares.append(torch.stack([v.view(len(some), sets).double().mean(1) for v in verdicts], -1))
    return torch.cat(shares) if shares else torch.zeros(0, len(CONDITIONED), dtype=torch.float64)


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
    stream
        Where the draws come from.
    sets
        Parameter sets per circuit.

    Returns
    -------
    Examples
        The judged circuits.
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
