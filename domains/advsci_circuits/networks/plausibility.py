"""Whether a network of 13 to 60 genes would be taken for a real one.

``p = sigmoid(log p_real(x) / p_made(x))``: at even odds between real networks and those that the generator makes, the
probability of a real one, by discriminators whose logits are calibrated on families held out from their training. Their
least and greatest say how sure that is; it is no statement on function, nor on networks unlike both.
"""

from dataclasses import dataclass

import torch

from advsci.errors import ConfigError
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.circuit import Circuit
from advsci_circuits.networks.model import NetworkModel

__all__ = ["FEWEST", "MOST", "Plausibility", "plausibility"]

FEWEST, MOST = 13, 60
"""Genes of the networks that the discriminators were trained on."""


@dataclass(frozen=True)
class Plausibility:
    """Probability that a network is real, at even odds.

    Parameters
    ----------
    p
        By the mean of the calibrated logits.
    low, high
        By the least and by the greatest of them.
    against
        What real ones are told from.
    """

    p: float
    low: float
    high: float
    against: str = "generated ones"


@torch.no_grad()
def plausibility(model: NetworkModel, circuit: Circuit) -> Plausibility:
    """Whether a network would be taken for a real one.

    Parameters
    ----------
    model
        Trained discriminators.
    circuit
        A network of 13 to 60 genes: beyond, the slope on unseen families is not above 0 by its interval.

    Returns
    -------
    Plausibility

    Raises
    ------
    ConfigError
        The network is smaller or larger.

    Examples
    --------
    >>> from advsci_circuits.store import load_networks
    >>> chain = Circuit.from_edges([(f"g{k}", f"g{k + 1}", 1) for k in range(19)])
    >>> 0 < plausibility(load_networks()[0], chain).p < 1
    True
    """
    if not FEWEST <= len(circuit) <= MOST:
        raise ConfigError(
            f"got {len(circuit)} genes; expected {FEWEST} to {MOST}. Try: looks_real, for small circuits."
        )
    batch = CircuitBatch.of([circuit])
    logits = [
        float(model.slope[k] * discriminator(batch)[0] + model.offset[k])
        for k, discriminator in enumerate(model.discriminators)
    ]
    p, low, high = (torch.tensor(x).sigmoid().item() for x in (sum(logits) / len(logits), min(logits), max(logits)))
    return Plausibility(p, low, high)
