"""Which regulations a large network may lack, or which open pairs of it are regulations, and of which sign."""

from collections.abc import Sequence

import numpy as np
import torch

from advsci.errors import ConfigError, DataError
from advsci_circuits.game.missing_edges import Completion, Link
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.circuit import Circuit
from advsci_circuits.networks.model import NetworkModel

__all__ = ["complete_network"]


@torch.no_grad()
def complete_network(
    model: NetworkModel, circuit: Circuit, pairs: Sequence[tuple[str, str]] | None = None
) -> Completion:
    """Say of pairs of a network of 13 to 200 genes how likely each is a regulation, and of which sign.

    An edge and none have even odds before the network is looked at: it is an order in which to test, not a rate.

    Parameters
    ----------
    model
        A trained model of large networks with a link predictor.
    circuit
        The network.
    pairs : sequence of (source, target), optional
        Which pairs are open, whatever the network says of them; all else is known. They are filled in where an edge is
        likelier than none. Left out, every pair without an edge is asked about, and the network stays as it is.

    Returns
    -------
    Completion
        Likeliest edge first; ``warning`` says where the network is of a size that nothing was trained on.

    Raises
    ------
    ConfigError
        The model has no link predictor.
    DataError
        On a gene that the network does not have, or where nothing is open or left.

    Examples
    --------
    >>> from advsci_circuits.store import load_networks
    >>> chain = Circuit.from_edges([(f"g{k}", f"g{k + 1}", 1) for k in range(19)])
    >>> found = complete_network(load_networks()[0], chain, [("g3", "g5"), ("g5", "g3")])
    >>> sorted(link.target for link in found.links)
    ['g3', 'g5']
    """
    if model.links is None:
        raise ConfigError("got a model without a link predictor; expected one. Try: advsci-circuits train --networks.")
    odd = next((gene for pair in pairs or () for gene in pair if gene not in circuit.genes), None)
    if odd is not None:
        few = ", ".join(circuit.genes[:12])
        raise DataError(f"got the unknown gene '{odd}'; expected one of {few}, ... Try: the file's names.")
    place = {gene: k for k, gene in enumerate(circuit.genes)}
    seen = circuit.signs.copy()
    if pairs is None:
        asked = np.argwhere(seen == 0)
    else:
        asked = np.array(sorted({(place[target], place[source]) for source, target in pairs})).reshape(-1, 2)
    if not len(asked):
        raise DataError("got no open pair; expected one. Try: name (source, target) pairs.")
    seen[tuple(asked.T)] = 0
    device = model.slope.device
    target, source = (torch.from_numpy(side.copy()).to(device) for side in asked.T)
    batch = CircuitBatch(torch.from_numpy(seen)[None].to(device), torch.tensor([len(seen)], device=device))
    p = model.links(batch, torch.zeros_like(target), target, source).softmax(-1).tolist()
    links = [Link(circuit.genes[j], circuit.genes[i], *three) for (i, j), three in zip(asked, p, strict=True)]
    if pairs is not None:
        seen[tuple(asked.T)] = [link.sign for link in links]
        circuit = Circuit(seen, circuit.genes, circuit.name)
    return Completion(circuit, sorted(links, key=lambda link: link.none), _warning(len(seen), model.links.sizes))


def _warning(genes: int, sizes: tuple[int, int]) -> str:
    """What is said of networks of sizes that were not learned."""
    if sizes[0] <= genes <= sizes[1]:
        return ""
    return (
        f"got {genes} genes; the link predictor was trained on {sizes[0]} to {sizes[1]}. "
        "Take its order with care: beyond its sizes it answers from what smaller networks look like."
    )
