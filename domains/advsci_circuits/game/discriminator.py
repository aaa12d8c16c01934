"""The discriminator: an invariant network that no renaming of genes can fool, with structure it need not learn.

Beside the pair network it sees differentiable invariants of the signed graph: closed walks of either sign up to length
five (feedback), the eight signed feed-forward and the four signed cyclic triads, spectral moments of the magnetic
Laplacian (direction as a phase), and moments of the signed in- and out-degrees.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from advsci_circuits.game.condition import WIDTH, genes_mask, scaled
from advsci_circuits.game.network import PairNetwork
from advsci_circuits.graphs.cycles import signed_closed_walks

__all__ = ["INVARIANTS", "CircuitDiscriminator", "invariants"]

LONGEST = 5
MOMENTS = 6
INVARIANTS = 2 * LONGEST + 12 + MOMENTS + 12


def invariants(edges: Float[Tensor, "b n n 2"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b f"]:
    """Permutation-invariant, differentiable features of a signed digraph, compressed to comparable size."""
    n = edges.shape[1]
    activation, repression = edges[..., 0], edges[..., 1]
    signed = activation - repression
    features = [signed_closed_walks(signed, LONGEST)]

    loopless = 1 - torch.eye(n, dtype=edges.dtype, device=edges.device)
    kinds = (activation * loopless, repression * loopless)
    triads = []
    for a in kinds:
        for b in kinds:
            path = a @ b
            triads += [(path * c).sum((1, 2)) for c in kinds]
    p, m = kinds
    pp, pm, mm = p @ p, p @ m, m @ m
    triads += [(x * y.mT).sum((1, 2)) / 3 for x, y in ((pp, p), (pp, m), (pm, m), (mm, m))]
    features.append(torch.stack(triads, -1))

    # magnetic Laplacian with charge 1/4: an edge one way is a quarter turn, both ways are real
    either = (activation + repression) * loopless
    size = mask.sum(1).to(edges.dtype)
    real = either * either.mT
    turn = (either - either.mT) / 2
    degree = (either + either.mT).sum(2).div(2).clamp_min(1e-3).rsqrt()
    real, turn = (degree[:, :, None] * matrix * degree[:, None] for matrix in (real, turn))
    # moments of the Hermitian matrix R + iT: traces of its powers, kept as real pairs
    power, phase, moments = real, turn, []
    for k in range(1, MOMENTS + 1):
        if k > 1:
            power, phase = power @ real - phase @ turn, power @ turn + phase @ real
        moments.append(power.diagonal(dim1=1, dim2=2).sum(1) / size)
    features.append(torch.stack(moments, -1))

    degrees = torch.cat([edges.sum(2), edges.sum(1)], -1)  # in +, in -, out +, out -
    first = degrees.sum(1) / size[:, None]
    second = degrees.square().sum(1) / size[:, None]
    third = (degrees * degrees.roll(1, -1)).sum(1) / size[:, None]
    features.append(torch.cat([first, second, third], -1))
    values = torch.cat(features, -1)
    return values / (1 + values.abs()).sqrt()


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
