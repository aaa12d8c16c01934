"""Circuits for a function, screened: more are drawn than asked for, and a short simulation chooses.

The kinetics of the screen are a draw of their own; whoever reports the robustness of what passed must draw again.
"""

import torch
from torch import Tensor

from advsci.streams import Stream
from advsci_circuits.dynamics.robustness import robustness
from advsci_circuits.game.generator import CompletionGenerator
from advsci_circuits.game.sample import generate
from advsci_circuits.graphs.batch import CircuitBatch

__all__ = ["screened"]


def screened(
    generator: CompletionGenerator,
    sizes: Tensor,
    function: str,
    stream: Stream,
    *,
    oversample: int = 4,
    sets: int = 48,
    at_least: float = 0.08,
    rounds: int = 8,
) -> CircuitBatch:
    """One circuit a size, of ``oversample`` times as many drawn.

    Those with a share of at least ``at_least`` are taken in the order drawn, so that the most robust do not crowd out
    the others; where they are too few, the best of the rest fill up.

    Parameters
    ----------
    generator
        The trained generator.
    sizes
        Number of genes of each circuit.
    function
        One of `advsci_circuits.dynamics.functions.FUNCTIONS`.
    stream
        Where the draws come from.
    sets
        Parameter sets of the screen.
    rounds
        Rounds of sampling; more are finer.
    """
    width = int(sizes.max())
    signs = torch.zeros(len(sizes), width, width, dtype=torch.int8)
    for n in sizes.unique().tolist():
        rows = (sizes == n).nonzero()[:, 0]
        drawn = generate(
            generator, torch.full((oversample * len(rows),), n), stream.at("draw", n), function=function, rounds=rounds
        )
        share = robustness(drawn.signs, function, stream.at("screen", n), sets).share
        rank = share.clamp(max=at_least).argsort(descending=True, stable=True)
        signs[rows, :n, :n] = drawn.signs[rank[: len(rows)]]
    return CircuitBatch(signs, sizes)
