"""A fixed space to compare samples in: a random, untrained network of pairs, averaged over genes.

Random networks keep what a permutation-invariant view can tell apart and favour no model (Thompson et al. 2022,
https://arxiv.org/abs/2201.09871).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.streams import Stream
from advsci_circuits.game.network import PairNetwork
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.edges import edges_of
from advsci_circuits.graphs.invariants import invariants

__all__ = ["random_features"]


@torch.no_grad()
def random_features(batch: CircuitBatch, width: int = 32, blocks: int = 3, seed: int = 0) -> Float[Tensor, "b f"]:
    """Features of a network whose weights come from the seed alone, and the discriminator's invariants beside them.

    Parameters
    ----------
    batch
        Circuits.
    width
        Width of the network.
    blocks
        Its blocks.
    """
    network = PairNetwork(2, width, blocks)
    stream = Stream(seed).at("random features")
    for k, parameter in enumerate(network.parameters()):
        drawn = stream.at("parameter", k).normal(tuple(parameter.shape))
        parameter.copy_(drawn / (parameter.shape[-1] ** 0.5 if parameter.ndim > 1 else 1.0))
    edges, mask = edges_of(batch.signs), batch.mask
    h = network(edges, mask)
    size = batch.sizes[:, None].to(h.dtype)
    own = h.diagonal(dim1=1, dim2=2).mT
    return torch.cat([h.sum((1, 2)) / size.square(), own.sum(1) / size, invariants(edges, mask)], -1)
