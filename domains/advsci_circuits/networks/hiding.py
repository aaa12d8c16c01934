"""What the link predictor of large networks learns from: real networks with a few edges hidden.

Each hidden edge stands beside absent pairs; both sides weigh the same in every network, so that the odds of an edge are
even before the network is looked at (as in Kipf & Welling 2016, https://arxiv.org/abs/1611.07308).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from advsci.games.game import Batch, Draw, Game, require
from advsci.streams import Stream
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.networks.games import narrowed
from advsci_circuits.networks.links import NetworkLinks

__all__ = ["LinksGame", "hidden_edges", "link_surprise"]

MOST = 0.2
"""Most of a network's edges that is hidden."""
BESIDE = 3
"""Absent pairs beside each hidden edge."""


def hidden_edges(
    batch: CircuitBatch, share: Float[Tensor, " b"], order: Float[Tensor, "b n n"]
) -> tuple[Bool[Tensor, "b n n"], Bool[Tensor, "b n n"]]:
    """Edges that are hidden, one at least, and `BESIDE` times as many absent pairs.

    Parameters
    ----------
    batch
        Whole networks.
    share
        Uniform numbers: which share of the edges, up to `MOST`.
    order
        Uniform numbers: the pairs of least are taken.

    Returns
    -------
    (hidden, absent)
        Which pairs.
    """
    pair = batch.mask[:, :, None] & batch.mask[:, None, :]
    edge = batch.signs != 0
    count = (share * MOST * edge.sum((1, 2))).long().clamp_min(1)
    found = []
    for kind, times in ((edge, 1), (pair & ~edge, BESIDE)):
        place = torch.where(kind, order, 2.0).flatten(1)
        last = place.sort(1).values.gather(1, (times * count - 1)[:, None].clamp_max(place.shape[1] - 1))
        found.append(kind & (order <= last[:, :, None]))
    return found[0], found[1]


def link_surprise(
    network: NetworkLinks, batch: CircuitBatch, share: Float[Tensor, " b"], order: Float[Tensor, "b n n"]
) -> Tensor:
    """Nats per pair, edges and absent pairs weighing the same in each network, and all networks alike.

    Parameters
    ----------
    network
        The link predictor.
    batch
        Whole networks.
    share, order
        As `hidden_edges` has them.
    """
    hidden, absent = hidden_edges(batch, share, order)
    asked = hidden | absent
    graph, target, source = asked.nonzero(as_tuple=True)
    seen = CircuitBatch(batch.signs * ~hidden, batch.sizes)
    logits = network(seen, graph, target, source)
    truth = batch.signs[graph, target, source].long() % 3
    counts = torch.stack([absent.sum((1, 2)), hidden.sum((1, 2))], 1).clamp_min(1).to(logits.dtype)
    weight = 0.5 / counts[graph, (truth > 0).long()] / len(batch)
    return (nn.functional.cross_entropy(logits, truth, reduction="none") * weight).sum()


class LinksGame(Game):
    """One player, ``links``: its surprise at hidden edges and absent pairs of real networks.

    Parameters
    ----------
    network
        What is trained. A batch holds ``"signs"`` [b, n, n] and ``"sizes"`` [b].
    """

    def __init__(self, network: NetworkLinks):
        super().__init__()
        self.network = network

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"links": self.network}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Which pairs of ``batch`` are asked about, from ``stream``."""
        sizes, n = require(batch, "sizes", "LinksGame"), int(batch["sizes"].max())
        return {
            "share": stream.at("share").uniform((len(sizes),), device=sizes.device),
            "order": stream.at("order").uniform((len(sizes), n, n), device=sizes.device),
        }

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Nats per pair of ``batch`` that ``draw`` asks about; there is one ``player``."""
        networks = narrowed(batch["signs"], batch["sizes"])
        return {"surprise": link_surprise(self.network, networks, draw["share"], draw["order"])}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the network do not fit."""
        require(batch, "signs", "LinksGame")
        with torch.no_grad():
            self.terms("links", batch, draw)
