"""Whether a circuit of 3 to 8 genes is unlike anything known, by its contents: density, signs, loops, roles of genes.

``d^2 = z' (0.8 C + 0.2 I)^-1 z`` with z the contents standardised by, and C the correlations of, known circuits of the
same size; p is the share of those that are at least as far. It sees what a circuit is made of, not how that is wired.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from advsci_circuits.game.condition import contents_of
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.circuit import Circuit

__all__ = ["LEVEL", "Unlikeness", "unlikeness"]

LEVEL = 0.02
"""Share of known circuits that are as far, up to which the alarm is given."""
FEWEST_KNOWN = 100
SHRINKAGE = 0.2
STEADY = 0.05
"""Added to every standard deviation, so that what never varies is not infinitely far."""


@dataclass(frozen=True)
class Unlikeness:
    """How far a circuit's contents are from those of known circuits.

    Parameters
    ----------
    p
        Share of the known circuits of its size that are at least as far from their middle.
    known
        How many those are.
    """

    p: float
    known: int

    @property
    def alarm(self) -> bool:
        """Whether it is called unlike anything known."""
        return self.p <= LEVEL


def unlikeness(prior: Float[Tensor, "k c"], circuit: Circuit) -> Unlikeness | None:
    """Whether a circuit is unlike anything known.

    Parameters
    ----------
    prior
        Size and contents of known circuits, one a row, as a generator remembers them.
    circuit
        The circuit.

    Returns
    -------
    Unlikeness or None
        None where hardly any circuit of its size is known.

    Examples
    --------
    >>> from advsci_circuits.store import load_generator
    >>> full = Circuit.from_edges([(a, b, 1) for a in "ABCDE" for b in "ABCDE"])
    >>> unlikeness(load_generator()[0].prior, full).alarm
    True
    """
    known = prior[prior[:, 0] == len(circuit), 1:].cpu()
    if len(known) < FEWEST_KNOWN:
        return None
    batch = CircuitBatch.of([circuit])
    own = contents_of(batch.signs, batch.sizes)
    scale = known.std(0) + STEADY
    z, mine = (known - known.mean(0)) / scale, (own - known.mean(0)) / scale
    spread = (1 - SHRINKAGE) * torch.cov(z.mT) + SHRINKAGE * torch.eye(z.shape[1])
    far, here = ((x @ torch.linalg.inv(spread) * x).sum(1) for x in (z, mine))
    return Unlikeness((1 + int((far >= here).sum())) / (1 + len(known)), len(known))
