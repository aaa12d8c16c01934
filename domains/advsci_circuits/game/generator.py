"""The generator: a permutation-equivariant network that fills in the unknown edges of a circuit.

Unknown edges are a third state beside the edges that are fixed, so one network designs from nothing (all unknown),
completes a user's circuit (hers fixed) and, asked again with some of its own edges kept, refines what it made.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from advsci_circuits.game.condition import CONTENTS, WIDTH, genes_mask, scaled
from advsci_circuits.game.network import PairNetwork

__all__ = ["CompletionGenerator", "hard_edges"]


STRUCTURE = 19


def structure(known: Float[Tensor, "b n n 2"], unknown: Float[Tensor, "b n n"]) -> Float[Tensor, "b n n 19"]:
    """What a partial circuit says of each pair: degrees of both genes, walks between them, and whether they are linked.

    Networks on pairs can work these out, but learn it slowly; an unlinked gene must get an edge, so it matters.
    """
    n = known.shape[1]
    either = known.sum(-1)
    degrees = torch.cat([known.sum(2), known.sum(1), unknown.sum(2, True), unknown.sum(1)[..., None]], -1) / 4
    ends = torch.cat([degrees[:, :, None].expand(-1, -1, n, -1), degrees[:, None].expand(-1, n, -1, -1)], -1)
    signed = known[..., 0] - known[..., 1]
    two, three = signed @ signed, signed @ signed @ signed
    walks = torch.stack([either @ either, two, three], -1)
    walks = torch.cat([walks, walks.transpose(1, 2)], -1)
    walks = walks / (1 + walks.abs())
    linked = either + either.mT + torch.eye(n, dtype=either.dtype, device=either.device)
    for _ in range(max(n - 1, 1).bit_length()):
        linked = (linked @ linked).clamp_max(1.0)
    return torch.cat([ends, walks, linked[..., None]], -1)


class CompletionGenerator(nn.Module):
    """Logits of (none, activation, repression) for every ordered pair of genes.

    Parameters
    ----------
    width, blocks : int
        Size of the pair network.
    noise : int
        Latent numbers a gene; they let the edges of one circuit be chosen together.
    known : int
        Rows of ``prior``: sizes and contents of real circuits [known, 1 + 3], from which the contents of a generated
        circuit are drawn where nobody asks for any.
    """

    prior: Tensor

    def __init__(self, width: int = 48, blocks: int = 4, noise: int = 4, known: int = 0):
        super().__init__()
        self.width, self.blocks, self.noise = width, blocks, noise
        self.register_buffer("prior", torch.zeros(known, 1 + len(CONTENTS)))
        self.network = PairNetwork(3 + 2 * noise + WIDTH + STRUCTURE, width, blocks)
        self.out = nn.Linear(width, 3)
        with torch.no_grad():
            self.out.bias.copy_(torch.tensor([1.5, 0.0, 0.0]))
            self.out.weight.mul_(0.5)

    def forward(
        self,
        edges: Float[Tensor, "b n n 2"],
        unknown: Bool[Tensor, "b n n"],
        z: Float[Tensor, "b n z"],
        condition: Float[Tensor, "b c"],
    ) -> Float[Tensor, "b n n 3"]:
        n = edges.shape[1]
        mask = genes_mask(condition, n)
        open_pair = unknown.to(edges.dtype)[..., None]
        share = open_pair.sum((1, 2)) / condition[:, :1].square()
        wide = scaled(condition)[:, None, None].expand(-1, n, n, -1)
        known = edges * (1 - open_pair)
        parts = [
            known,
            structure(known, open_pair[..., 0]),
            open_pair * (0.5 + share[:, None, None]),
            z[:, :, None].expand(-1, -1, n, -1),
            z[:, None].expand(-1, n, -1, -1),
            wide,
        ]
        return self.out(self.network(torch.cat(parts, -1), mask))


def hard_edges(
    logits: Float[Tensor, "b n n 3"], uniform: Float[Tensor, "b n n 3"], temperature: float | Tensor = 1.0
) -> Float[Tensor, "b n n 2"]:
    """A sample of each edge: hard one-hot (activation, repression) forward, Gumbel-softmax gradient backward.

    Jang et al. 2017, https://arxiv.org/abs/1611.01144. The critic only ever sees circuits that exist.
    """
    gumbel = -torch.log(-torch.log(uniform.clamp(1e-9, 1 - 1e-7)))
    soft = ((logits + gumbel) / temperature).softmax(-1)
    hard = nn.functional.one_hot((logits + gumbel).argmax(-1), 3).to(soft.dtype)
    return (hard + soft - soft.detach())[..., 1:]
