"""Robustness: the share of random parameter sets with which a circuit does its job, and how sure that share is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor

from advsci.streams import Stream
from advsci_circuits.dynamics.functions import shows
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.dynamics.racipe import racipe
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.circuit import Circuit

__all__ = ["CONFIRM", "Robustness", "robustness", "shares_of", "wilson_interval"]

CONFIRM = 2
"""Further searches for steady states behind a share that is reported; a screen does without."""


def wilson_interval(
    successes: Float[Tensor, "*b"] | Int[Tensor, "*b"], trials: int, z: float = 1.96
) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b"]]:
    """Wilson's score interval of a binomial share (1927): honest also at 0 and 1.

    Parameters
    ----------
    successes
        Successes.
    trials
        Trials.
    z
        Standard deviations: 1.96 for 95 %.
    """
    p = successes / trials
    centre = (p + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * (p * (1 - p) / trials + z * z / (4 * trials**2)).sqrt()
    return (centre - half).clamp_min(0), (centre + half).clamp_max(1)


@dataclass(frozen=True)
class Robustness:
    """Share of parameter sets that show the function, with its 95 % interval, one a circuit."""

    share: Float[Tensor, " c"]
    low: Float[Tensor, " c"]
    high: Float[Tensor, " c"]
    sets: int


def robustness(
    signs: Int8[Tensor, "c n n"],
    function: str,
    stream: Stream,
    sets: int = 150,
    logic: str = "product",
    chunk: int = 20_000,
    source: int = 0,
    output: int = -1,
    change: Callable[[HillModel], HillModel] | None = None,
    confirm: int = 0,
) -> Robustness:
    """Simulate every circuit with ``sets`` random parameter sets.

    Parameters
    ----------
    stream : Stream
        Parameters come from it; a stream that no search has seen gives a held-out estimate.
    chunk : int
        Models worked on at once: bounds memory, changes nothing but the draw.
    signs
        Sign matrices: ``signs[:, i, j]`` is the effect of gene j on gene i.
    function
        One of `advsci_circuits.dynamics.functions.FUNCTIONS`.
    logic
        How regulators of a promoter combine.
    source
        Place of the input gene.
    output
        Place of the output gene.
    change
        What is done to every parameter set, as a knock-down does.
    confirm
        Further searches for steady states, so that fewer are missed; `CONFIRM` where the share is reported.

    Returns
    -------
    Robustness
        Share of parameter sets that show the function, one per circuit, with its interval.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci_circuits import Circuit, CircuitBatch
    >>> ring = Circuit.from_edges([("LacI", "TetR", -1), ("TetR", "cI", -1), ("cI", "LacI", -1)])
    >>> from advsci_circuits import robustness
    >>> share = robustness(CircuitBatch.of([ring]).signs, "oscillation", Stream(0), sets=100)
    >>> bool(0 <= float(share.share.reshape(-1)[0]) <= 1)
    True
    """
    circuits = max(1, chunk // sets)
    shares = []
    for part, some in enumerate(signs.split(circuits)):
        model = racipe(some, sets, stream.at("parameters", part), logic=logic)
        model = model if change is None else change(model)
        verdict = shows(function, model, stream.at("starts", part), source, output, confirm=confirm)
        shares.append(verdict.view(len(some), sets).to(torch.float64).mean(1))
    share = torch.cat(shares) if shares else torch.zeros(0, dtype=torch.float64)
    low, high = wilson_interval(share * sets, sets)
    return Robustness(share, low, high, sets)


def shares_of(
    circuit: Circuit, functions: Sequence[str], sets: int, stream: Stream, **options: Any
) -> list[tuple[str, float, float, float]]:
    """Robustness of one circuit for several functions, steady states sought `CONFIRM` times more.

    Parameters
    ----------
    circuit
        The circuit.
    functions
        Names of `advsci_circuits.dynamics.functions.FUNCTIONS`.
    sets
        Random parameter sets of each function.
    stream
        Where they come from.
    options
        Further arguments of `robustness`: logic, source, output, change.

    Returns
    -------
    list of (function, share, low, high)
    """
    signs, rows = CircuitBatch.of([circuit]).signs, []
    for function in functions:
        found = robustness(signs, function, stream.at(function), sets, confirm=CONFIRM, **options)
        rows.append((function, float(found.share[0]), float(found.low[0]), float(found.high[0])))
    return rows
