"""The link predictor of large networks: is a pair a regulation, and of which sign, given all others.

``logits(i, j) = MLP(h_i, h_j, h_i h_j, f_ij)``: states h of the genes by messages over the visible edges, as the
generator of rows has them, and what short walks say of the pair, f. Pairs that are asked about carry no edge.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from advsci.nn import MLP
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.networks.discriminator import cycles
from advsci_circuits.networks.messages import Messages, degrees
from advsci_circuits.networks.pairs import PAIRS, pair_features

__all__ = ["SIZES", "NetworkLinks"]

FEATURES = 12
"""Numbers per gene: degrees, cycles and clustering, the network's size."""
SIZES = (13, 100)
"""Fewest and most genes of what is learned."""
CHUNK = 20_000
"""Pairs read at once."""


class NetworkLinks(nn.Module):
    """Which pairs of a large network are regulations.

    Parameters
    ----------
    width
        Numbers per gene.
    layers
        Rounds of messages.
    sizes
        Fewest and most genes of what it learns.
    dropout
        Share of the changes, and of the numbers of a pair, that is lost in training.

    Examples
    --------
    >>> batch = CircuitBatch(torch.ones(2, 3, 3, dtype=torch.int8), torch.tensor([3, 3]))
    >>> graph, target, source = torch.tensor([0, 1, 1]), torch.tensor([0, 1, 2]), torch.tensor([1, 1, 0])
    >>> NetworkLinks(8, 1)(batch, graph, target, source).shape
    torch.Size([3, 3])
    """

    def __init__(self, width: int = 48, layers: int = 3, sizes: tuple[int, int] = SIZES, dropout: float = 0.2):
        super().__init__()
        self.width, self.layers, self.sizes = width, layers, (int(sizes[0]), int(sizes[1]))
        self.messages = Messages(FEATURES, width, layers, dropout)
        self.dropout = nn.Dropout(dropout)
        self.out = MLP(3 * width + PAIRS, 3, width)

    def forward(
        self, batch: CircuitBatch, graph: Int[Tensor, " k"], target: Int[Tensor, " k"], source: Int[Tensor, " k"]
    ) -> Float[Tensor, "k 3"]:
        """Logits of (none, activation, repression), at even odds of an edge and none.

        Parameters
        ----------
        batch
            Networks in which the pairs asked about are zero.
        graph, target, source
            Which network, and which genes of it, each pair is.
        """
        n, dtype = batch.signs.shape[1], self.messages.enter.weight.dtype
        size = (batch.sizes.to(dtype) / 40).log()[:, None, None].expand(-1, n, 1)
        about = torch.cat([degrees(batch.signs), cycles(batch), size], -1)
        h = self.messages(about, batch.signs, batch.mask)
        walks = pair_features(batch.signs)
        found = []
        for g, i, j in zip(graph.split(CHUNK), target.split(CHUNK), source.split(CHUNK), strict=True):
            ends = torch.cat([h[g, i], h[g, j], h[g, i] * h[g, j]], -1)
            found.append(self.out(torch.cat([self.dropout(ends), walks[g, i, j]], -1)))
        return torch.cat(found)
