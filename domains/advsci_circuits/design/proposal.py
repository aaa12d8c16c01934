"""A ranked design, and what a search for designs found and cost."""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.graphs.circuit import Circuit

__all__ = ["Proposal", "Search"]


@dataclass(frozen=True)
class Proposal:
    """A ranked design.

    Attributes
    ----------
    circuit
        The circuit.
    share, low, high
        Share of random parameter sets that show the function, with the ends of its 95 % interval, on a draw that the
        search has not seen.
    key
        Its isomorphism class.
    model
        Kinetics that show the function, or None.
    log_likelihood
        How likely the likelihood of real circuits holds it, in nats; None where no likelihood was asked.
    """

    circuit: Circuit
    share: float
    low: float
    high: float
    key: bytes
    model: HillModel | None
    log_likelihood: float | None = None


@dataclass(frozen=True)
class Search:
    """What a search found and what it cost.

    Attributes
    ----------
    proposals
        Designs, best first.
    judged, models
        Circuits simulated, and models simulated for them.
    facts
        How the search went: per size and weight the chains' acceptance and mixing, guessed success, density.
    states
        Per size the last states of the chains, a sample of the posterior as the surrogate guesses it.
    """

    proposals: list[Proposal]
    judged: int
    models: int
    facts: list[dict[str, Any]] = field(default_factory=list)
    states: dict[int, Tensor] = field(default_factory=dict)
