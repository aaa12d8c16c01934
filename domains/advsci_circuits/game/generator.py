"""The generator: a permutation-equivariant network that fills in the unknown edges of a circuit.

Unknown edges are a third state beside the edges that are fixed, so one network designs from nothing (all unknown),
completes a user's circuit (hers fixed) and, asked again with some of its own edges kept, refines what it made.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from advsci_circuits.game.acceptance import Acceptance
from advsci_circuits.game.condition import CONTENTS, WIDTH, contents, genes_mask, scaled
from advsci_circuits.game.network import PairNetwork

__all__ = ["CompletionGenerator", "hard_edges", "totals"]


WALKS, DEGREES, TOTALS = 7, 6, len(CONTENTS) + 3


def walks(known: Float[Tensor, "b n n 2"]) -> Float[Tensor, "b n n 7"]:
    """What a partial circuit says of each pair: walks of two and three edges between them, and whether they are linked.

    Networks on pairs can work these out, but learn it slowly; an unlinked gene must get an edge, so it matters.

    Parameters
    ----------
    known
        Known edges.
    """
    n = known.shape[1]
    either = known.sum(-1)
    signed = known[..., 0] - known[..., 1]
    two = signed @ signed
    paths = torch.stack([either @ either, two, two @ signed], -1)
    paths = torch.cat([paths, paths.transpose(1, 2)], -1)
    linked = either + either.mT + torch.eye(n, dtype=either.dtype, device=either.device)
    for _ in range(max(n - 1, 1).bit_length()):
        linked = (linked @ linked).clamp_max(1.0)
    return torch.cat([paths / (1 + paths.abs()), linked[..., None]], -1)


def degrees(known: Float[Tensor, "b n n 2"], unknown: Float[Tensor, "b n n"]) -> Float[Tensor, "b n 6"]:
    """Of each gene: known regulators and targets by sign, open entries of its row and column.

    Parameters
    ----------
    unknown
        Open pairs, 1 or 0.
    """
    return torch.cat([known.sum(2), known.sum(1), unknown.sum(2)[..., None], unknown.sum(1)[..., None]], -1) / 4


def totals(
    known: Float[Tensor, "b n n 2"], unknown: Float[Tensor, "b n n"], condition: Float[Tensor, "b c"]
) -> Float[Tensor, "b t"]:
    """The contents of the known part, and what is left of those asked for: edges and loops an open place, activation.

    Zero where nothing is asked.

    Parameters
    ----------
    unknown
        Open pairs, 1 or 0.
    condition
        What is asked of each circuit, as `advsci_circuits.game.condition.condition_vector` has it.
    """
    kinds = len(CONTENTS)
    have = contents(known, genes_mask(condition, known.shape[1]))
    size, asked, given = condition[:, 0], condition[:, 1 : 1 + kinds], condition[:, 1 + kinds : 1 + 2 * kinds]
    loops = unknown.diagonal(dim1=1, dim2=2).sum(1)
    edges = (asked[:, 0] - have[:, 0]) * size
    activation = asked[:, 1] * asked[:, 0] * size - known[..., 0].sum((1, 2))
    left = [
        given[:, 0] * edges / unknown.sum((1, 2)).clamp_min(1),
        given[:, 2] * (asked[:, 2] - have[:, 2]) * size / loops.clamp_min(1),
        given[:, 0] * given[:, 1] * activation / edges.clamp_min(1),
    ]
    return torch.cat([have, torch.stack(left, -1).clamp(-1, 2)], -1)


class CompletionGenerator(nn.Module):
    """Logits of (none, activation, repression) for every ordered pair of genes.

    Parameters
    ----------
    width, blocks : int
        Size of the pair network.
    noise : int
        Latent numbers a gene; they let the edges of one circuit be chosen together.
    known : int
        Rows of ``prior``: sizes and contents of real circuits [known, 1 + contents], from which the contents of a
        generated circuit are drawn where nobody asks for any.
    choosy : bool
        Whether there is an ``acceptance``, by which circuits are kept where nobody asks for anything.
    linked : bool
        Whether there is a ``link_predictor``, a network of the same kind and size without noise that knows one thing:
        a few open pairs of a real circuit (`advsci_circuits.game.missing_edges`).
    """

    prior: Tensor
    acceptance: Acceptance | None
    link_predictor: "CompletionGenerator | None"

    def __init__(
        self,
        width: int = 48,
        blocks: int = 4,
        noise: int = 4,
        known: int = 0,
        choosy: bool = False,
        linked: bool = False,
    ):
        super().__init__()
        self.acceptance = Acceptance() if choosy else None
        self.link_predictor = CompletionGenerator(width, blocks, noise=0) if linked else None
        self.width, self.blocks, self.noise = width, blocks, noise
        self.register_buffer("prior", torch.zeros(known, 1 + len(CONTENTS)))
        self.network = PairNetwork(3 + WALKS, width, blocks, context=1 + WIDTH + TOTALS, genes=noise + DEGREES)
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
        kept: Float[Tensor, "b k w"] | None = None,
    ) -> Float[Tensor, "b n n 3"]:
        """Logits of (none, activation, repression) of every pair.

        Parameters
        ----------
        edges
            Circuits as edges (activation, repression).
        unknown
            Which pairs are open.
        z
            Latent numbers of each gene.
        condition
            What is asked of each circuit, as `advsci_circuits.game.condition.condition_vector` has it.
        kept
            Factors of the hidden channels of each block: dropout, drawn by who trains.
        """
        mask = genes_mask(condition, edges.shape[1])
        open_pair = unknown.to(edges.dtype)
        known = edges * (1 - open_pair[..., None])
        share = open_pair.sum((1, 2)) / condition[:, 0].square()
        pairs = torch.cat([known, open_pair[..., None], walks(known)], -1)
        whole = torch.cat([share[:, None], scaled(condition), totals(known, open_pair, condition)], 1)
        genes = torch.cat([z, degrees(known, open_pair)], -1)
        # the network may run in half precision; counts and logits keep that of the edges
        pairs, whole, genes = (part.to(self.out.weight.dtype) for part in (pairs, whole, genes))
        return self.out(self.network(pairs, mask, whole, genes, kept)).to(edges.dtype)


def hard_edges(
    logits: Float[Tensor, "b n n 3"], uniform: Float[Tensor, "b n n 3"], temperature: float | Tensor = 1.0
) -> Float[Tensor, "b n n 2"]:
    """A sample of each edge: hard one-hot (activation, repression) forward, Gumbel-softmax gradient backward.

    Jang et al. 2017, https://arxiv.org/abs/1611.01144. The critic only ever sees circuits that exist.

    Parameters
    ----------
    logits
        Logits of (none, activation, repression).
    uniform
        Uniform numbers.
    temperature
        Of the soft sample that carries the gradient.
    """
    gumbel = -torch.log(-torch.log(uniform.clamp(1e-9, 1 - 1e-7)))
    soft = ((logits + gumbel) / temperature).softmax(-1)
    hard = nn.functional.one_hot((logits + gumbel).argmax(-1), 3).to(soft.dtype)
    return (hard + soft - soft.detach())[..., 1:]
