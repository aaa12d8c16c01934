"""The discriminator: an invariant network that no renaming of genes can fool, with structure it need not learn.

Beside the pair network it sees the differentiable invariants of `advsci_circuits.graphs.invariants`.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci_circuits.game.condition import WIDTH, genes_mask, scaled
from advsci_circuits.game.network import PairNetwork
from advsci_circuits.graphs.invariants import INVARIANTS, invariants

__all__ = ["CircuitDiscriminator"]


class CircuitDiscriminator(nn.Module):
    """One logit a circuit, of its edges and its context: the condition it was made under, then ``findings`` numbers
    that the physics found of it.
    """

    def __init__(self, width: int = 32, blocks: int = 3, findings: int = 0):
        super().__init__()
        self.network = PairNetwork(2, width, blocks, context=WIDTH)
        self.head = nn.Sequential(
            nn.Linear(3 * width + INVARIANTS + WIDTH + findings, 2 * width), nn.SiLU(), nn.Linear(2 * width, 1)
        )

    def forward(self, x: Float[Tensor, "b n n 2"], context: Float[Tensor, "b c"]) -> Float[Tensor, " b"]:
        """One logit per circuit.

        Parameters
        ----------
        x
            Circuits as edges (activation, repression).
        context
            Condition, then what the physics found.
        """
        n = x.shape[1]
        condition, findings = context[:, :WIDTH], context[:, WIDTH:]
        mask = genes_mask(condition, n)
        asked = scaled(condition)
        h = self.network(x, mask, asked)
        size = condition[:, :1].to(h.dtype)
        own = h.diagonal(dim1=1, dim2=2).mT
        node = nn.functional.silu((h.sum(2) + h.sum(1)) / size[..., None])
        pooled = [h.sum((1, 2)) / size.square(), own.sum(1) / size, (node * mask[..., None]).sum(1) / size]
        return self.head(torch.cat([*pooled, invariants(x, mask), asked, findings], -1))[:, 0]
