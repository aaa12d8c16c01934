"""Which of a few open pairs of a circuit are regulations: a network that learns only that, and the user's door to it.

The generator mostly learns to draw whole circuits, with contents and functions asked for. Completing a circuit is the
other end: nearly all is known and nothing is asked. So at the end of training a second network of the same kind, as
strong as the 3-WL test, learns from real circuits alone, by the likelihood of one to `FEW` hidden pairs. Each hidden
pair is an edge or not with even odds, as is usual in link prediction (Kipf & Welling 2016,
https://arxiv.org/abs/1611.07308): edges are the rarer and teach more. It has no noise; dropout of whole channels
(Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html) and weight decay keep it from learning the
families of its circuits by heart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from advsci.errors import DataError
from advsci.games.game import Batch, Draw, Game, require
from advsci.streams import Stream
from advsci_circuits.game.condition import condition_vector, genes_mask
from advsci_circuits.game.generator import CompletionGenerator
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.circuit import Circuit
from advsci_circuits.graphs.edges import classes_of, edges_of

__all__ = ["FEW", "LARGEST", "Completion", "Link", "LinkGame", "complete", "hidden_pairs", "link_probabilities"]

FEW = 3
"""Open pairs up to which the link predictor answers; with more the generator does."""
LARGEST = 12
"""Genes of the largest circuit that is completed."""


def hidden_pairs(
    x: Float[Tensor, "b n n 2"],
    condition: Float[Tensor, "b c"],
    count: Float[Tensor, " b"],
    edge: Float[Tensor, "b k"],
    order: Float[Tensor, "b n n"],
) -> Bool[Tensor, "b n n"]:
    """One to `FEW` pairs of each circuit, each an edge or not with even odds; fewer where one kind runs out.

    ``count``, ``edge`` and ``order`` are uniform numbers: how many, whether each is an edge, and which ones.

    Parameters
    ----------
    x
        Circuits as edges (activation, repression).
    condition
        What is asked of each circuit, as `advsci_circuits.game.condition.condition_vector` has it.
    """
    mask = genes_mask(condition, x.shape[1])
    pair, present = mask[:, :, None] & mask[:, None, :], x.sum(-1) > 0
    hidden = torch.zeros_like(present)
    for k in range(FEW):
        wanted = (edge[:, k] < 0.5)[:, None, None]
        place = torch.where(pair & (present == wanted) & ~hidden, order, 2.0)
        first = (place == place.amin((1, 2), keepdim=True)) & (place < 2)
        hidden = hidden | (first & (k <= count * FEW)[:, None, None])
    return hidden


class LinkGame(Game):
    """One player, ``links``: the cross-entropy of a few hidden pairs of each circuit.

    A batch is that of `CompletionGame`. ``dropout`` is the share of channels that each block of each circuit loses.
    """

    def __init__(self, network: CompletionGenerator, dropout: float = 0.25):
        super().__init__()
        self.network, self.dropout = network, dropout

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"links": self.network}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Which pairs of ``batch`` are hidden, what is dropped out, and noise, from ``stream``."""
        x = require(batch, "x", "LinkGame")
        b, n, where = x.shape[0], x.shape[1], {"device": x.device, "dtype": x.dtype}
        return {
            "count": stream.at("count").uniform((b,), **where),
            "edge": stream.at("edge").uniform((b, FEW), **where),
            "order": stream.at("order").uniform((b, n, n), **where),
            "kept": stream.at("kept").uniform((b, self.network.blocks, self.network.width), **where),
            "noise": stream.at("noise").normal((b, n, self.network.noise), **where),
        }

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Cross entropy of the pairs of ``batch`` that ``draw`` hides; there is one ``player``."""
        x, condition = batch["x"], batch["condition"]
        unknown = hidden_pairs(x, condition, draw["count"], draw["edge"], draw["order"])
        kept = (draw["kept"] >= self.dropout).to(x.dtype) / (1 - self.dropout)
        logits = self.network(x, unknown, draw["noise"], condition, kept)
        surprise = nn.functional.cross_entropy(logits.permute(0, 3, 1, 2), classes_of(x), reduction="none")
        hidden = unknown.to(x.dtype)
        return {"cross_entropy": (surprise * hidden).sum() / hidden.sum().clamp_min(1)}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        with torch.no_grad():
            self.terms("links", batch, draw)


@torch.no_grad()
def link_probabilities(
    generator: CompletionGenerator,
    batch: CircuitBatch,
    unknown: Bool[Tensor, "b n n"],
    stream: Stream | None = None,
    draws: int = 8,
) -> Float[Tensor, "b n n 3"]:
    """Probabilities of (none, activation, repression) of every pair, given those that are not ``unknown``.

    Where at most `FEW` pairs of a circuit are open, the generator's link predictor answers, to whom an open pair is an
    edge with even odds before it has seen the circuit. Else, or where the model has none, the generator does, averaged
    over ``draws`` of its noise, to whom edges are as frequent as in real circuits.

    Parameters
    ----------
    batch
        Circuits; what is open in them is not looked at.
    stream
        Where the draws come from.
    """
    device = next(generator.parameters()).device
    stream = stream if stream is not None else Stream(0)
    x, unknown = edges_of(batch.signs).to(device), unknown.to(device)
    condition = condition_vector(batch.sizes.float()).to(device)
    out = torch.zeros(*x.shape[:3], 3, device=device)
    few = unknown.sum((1, 2)) <= (FEW if generator.link_predictor is not None else -1)
    for rows, network in ((few, generator.link_predictor), (~few, generator)):
        if network is None or not bool(rows.any()):
            continue
        shape = (int(rows.sum()), x.shape[1], network.noise)
        times = draws if network.noise else 1
        for k in range(times):
            z = stream.at("noise", k).normal(shape, device=device)
            out[rows] += network(x[rows], unknown[rows], z, condition[rows]).softmax(-1) / times
    return out


@dataclass(frozen=True)
class Link:
    """What an open pair is: the probabilities of no regulation, activation and repression."""

    source: str
    target: str
    none: float
    activation: float
    repression: float

    @property
    def sign(self) -> int:
        """The likelier sign where a regulation is likelier than none, else 0."""
        return 0 if self.none >= 0.5 else (1 if self.activation >= self.repression else -1)


@dataclass(frozen=True)
class Completion:
    """A circuit with its open pairs filled in as is likeliest, what was found of each, likeliest edge first, and what
    speaks against trusting it.
    """

    circuit: Circuit
    links: list[Link]
    warning: str = ""


def complete(
    generator: CompletionGenerator, circuit: Circuit, pairs: Sequence[tuple[str, str]] | None = None
) -> Completion:
    """Fill in the open pairs of a circuit; no function is asked for.

    Parameters
    ----------
    pairs : sequence of (source, target), optional
        Which pairs are open, whatever the circuit says of them; everything else stays. Left out, every pair without an
        edge is asked about by itself, all else known: a ranking of what may be missing. The circuit then stays as it
        is.
    generator
        The trained generator.

    Returns
    -------
    Completion

    Examples
    --------
    >>> from advsci_circuits.store import load_generator
    >>> toggle = Circuit.from_edges([("lacI", "tetR", -1), ("tetR", "lacI", -1)])
    >>> found = complete(load_generator()[0], toggle)
    >>> [(link.source, link.target) for link in found.links] in (
    ...     [("lacI", "lacI"), ("tetR", "tetR")], [("tetR", "tetR"), ("lacI", "lacI")])
    True

    Raises
    ------
    DataError
        On a gene that the circuit does not have, on more than twelve genes, or where nothing is open or left.
    """
    if len(circuit) > LARGEST:
        raise DataError(
            f"got {len(circuit)} genes; expected at most {LARGEST}. Try: complete_network, from 13 genes on."
        )
    unknown_gene = next((gene for pair in pairs or () for gene in pair if gene not in circuit.genes), None)
    if unknown_gene is not None:
        raise DataError(
            f"got the unknown gene '{unknown_gene}'; expected one of {', '.join(circuit.genes)}. Try: the file's names."
        )
    place = {gene: i for i, gene in enumerate(circuit.genes)}
    signs = torch.from_numpy(circuit.signs.copy())
    if pairs is None:
        places = (signs == 0).nonzero()
    else:
        places = torch.tensor(sorted({(place[target], place[source]) for source, target in pairs}), dtype=torch.long)
    if not len(places):
        raise DataError("got no open pair; expected one. Try: name (source, target) pairs.")
    i, j = places.T
    if pairs is None:  # one circuit a pair
        rows = torch.arange(len(places))
    else:
        rows = torch.zeros(len(places), dtype=torch.long)
    count = int(rows[-1]) + 1
    unknown = torch.zeros(count, len(circuit), len(circuit), dtype=torch.bool)
    unknown[rows, i, j] = True
    batch = CircuitBatch(signs.expand(count, -1, -1), torch.full((count,), len(circuit)))
    found = link_probabilities(generator, batch, unknown)[rows, i, j].cpu().tolist()
    links = [
        Link(circuit.genes[source], circuit.genes[target], *probabilities)
        for (target, source), probabilities in zip(places.tolist(), found, strict=True)
    ]
    if pairs is not None:
        signs[i, j] = torch.tensor([link.sign for link in links], dtype=torch.int8)
        circuit = Circuit(signs.numpy(), circuit.genes, circuit.name)
    return Completion(circuit, sorted(links, key=lambda link: link.none))
