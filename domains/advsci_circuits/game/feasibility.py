"""What a circuit must be to be built, as differentiable penalties and as exact checks.

Degree: at most so many regulators a promoter. Connection: every gene touches another. Thomas' rules: an oscillator
needs a negative, a multistable circuit a positive feedback. Promoter logic and parts: with the Cello repressors as
the only parts, every regulation is a repression and there are as many distinct repressors as repressing genes.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from advsci.physics import Findings, Physics
from advsci_circuits.game.condition import CONDITIONED, genes_mask
from advsci_circuits.game.surrogate import RobustnessSurrogate
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.cycles import signed_closed_walks

__all__ = ["CircuitPhysics", "buildable", "excess_regulators", "missing_feedback", "unconnected"]


def excess_regulators(edges: Float[Tensor, "b n n 2"], most: int = 4) -> Float[Tensor, " b"]:
    """Regulators beyond ``most``, summed over genes.

    Parameters
    ----------
    edges
        Circuits as edges (activation, repression).
    """
    return (edges.sum((2, 3)) - most).relu().sum(1)


def unconnected(edges: Float[Tensor, "b n n 2"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, " b"]:
    """How many genes touch no other (soft: one minus the edges to others, where positive).

    Parameters
    ----------
    mask
        Which places hold a gene.
    """
    n = edges.shape[1]
    link = edges.sum(-1) * (1 - torch.eye(n, dtype=edges.dtype, device=edges.device))
    touch = link.sum(1) + link.sum(2)
    return ((1 - touch).relu() * mask).sum(1)


def missing_feedback(edges: Float[Tensor, "b n n 2"], condition: Float[Tensor, "b c"]) -> Float[Tensor, " b"]:
    """Thomas' rules: no negative closed walk of two or more (oscillation), no positive one (tristability).

    Parameters
    ----------
    edges
        Circuits as edges (activation, repression).
    condition
        What is asked of each circuit, as `advsci_circuits.game.condition.condition_vector` has it.
    """
    walks = signed_closed_walks(edges[..., 0] - edges[..., 1], 4)
    positive, negative = walks[:, 0::2].sum(1), walks[:, 3::2].sum(1)
    wanted = condition[:, -len(CONDITIONED) :]
    return wanted[:, 0] * (1 - negative).relu() + wanted[:, 1] * (1 - positive).relu()


class CircuitPhysics(Physics):
    """What a circuit must obey: limits that hold where not positive, in counts of genes or edges.

    ``regulators`` (beyond ``most_regulators``), ``connection`` (genes that touch no other), ``feedback`` (Thomas' rules
    for the function asked), ``function`` (what the surrogate's lowest guess lacks of ``target``, in tenths of the
    square root of robustness; only where a function is asked, and scaled by ``trust``).

    Parameters
    ----------
    surrogate : RobustnessSurrogate, optional
        Guesses robustness; frozen here.
    target : float
        Robustness aimed at.
    trust : float
        0 to 1: how far fresh simulations bore the surrogate out.
    """

    def __init__(
        self,
        surrogate: RobustnessSurrogate | None = None,
        *,
        target: float = 0.1,
        trust: float = 1.0,
        most_regulators: int = 4,
    ):
        super().__init__()
        self.surrogate = surrogate.requires_grad_(False) if surrogate is not None else None
        self.target, self.trust, self.most_regulators = target, trust, most_regulators

    @property
    def names(self) -> tuple[str, ...]:
        return ("regulators", "connection", "feedback", "function")

    def forward(self, x: Float[Tensor, "b n n 2"], condition: Float[Tensor, "b c"] | None) -> Findings:
        """What the limits say of circuits.

        Parameters
        ----------
        x
            Circuits as edges (activation, repression).
        condition
            What is asked of each circuit, as `advsci_circuits.game.condition.condition_vector` has it.
        """
        assert condition is not None
        mask = genes_mask(condition, x.shape[1])
        lacking = torch.zeros_like(condition[:, 0])
        if self.surrogate is not None:
            wanted = condition[:, -len(CONDITIONED) :]
            guess = self.surrogate.pessimistic(x, condition[:, :1])
            lacking = 10 * self.trust * ((self.target**0.5 - guess).clamp(-1, 1) * wanted).sum(1)
        limits = {
            "regulators": excess_regulators(x, self.most_regulators),
            "connection": unconnected(x, mask),
            "feedback": missing_feedback(x, condition),
            "function": lacking,
        }
        return Findings({}, limits)


def buildable(batch: CircuitBatch, gates: Sequence[dict[str, Any]], chassis: str | None = None) -> Bool[Tensor, " b"]:
    """Whether repressor gates of a Cello library suffice: no activation, and a distinct repressor a repressing gene.

    Parameters
    ----------
    gates : sequence of dict
        As `advsci_datasets.circuits.load_gates` returns them.
    chassis : str, optional
        Only gates whose library name begins so (``"Eco1"``).
    batch
        Circuits.
    """
    parts = {gate["gate"] for gate in gates if chassis is None or gate.get("ucf", "").startswith(chassis)}
    repressors = (batch.signs < 0).any(1).sum(1)
    return ~(batch.signs > 0).flatten(1).any(1) & (repressors <= len(parts))
