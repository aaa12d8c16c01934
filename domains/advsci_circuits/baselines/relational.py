"""Link prediction by a relational graph network, as a baseline for completing a circuit.

Messages along four relations (activation and repression, each way), summed and normalised by degree (Schlichtkrull et
al. 2018, https://arxiv.org/abs/1703.06103); a pair's classes are read from the two genes' states, as a graph
autoencoder does (Kipf & Welling 2016, https://arxiv.org/abs/1611.07308).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from advsci.games.game import Batch, Draw, Game, require
from advsci.nn import MLP
from advsci.streams import Stream
from advsci_circuits.game.missing_edges import FEW, hidden_pairs
from advsci_circuits.graphs.edges import classes_of

__all__ = ["LinkPredictor"]


class LinkPredictor(Game):
    """One player: the cross-entropy of a few hidden pairs, edges or not with even odds, as the generator's own link
    predictor has it; ``dropout`` is the share of the messages' channels that is lost in training.
    """

    def __init__(self, width: int = 48, layers: int = 4, dropout: float = 0.25):
        super().__init__()
        self.width, self.dropout = width, dropout
        self.enter = nn.Linear(7, width)
        self.own = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.relations = nn.ModuleList(nn.Linear(4 * width, width, bias=False) for _ in range(layers))
        self.out = MLP(2 * width, 3, width)

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"model": self}

    def forward(
        self,
        edges: Float[Tensor, "b n n 2"],
        unknown: Bool[Tensor, "b n n"],
        sizes: Float[Tensor, " b"],
        kept: Float[Tensor, "l b n w"] | None = None,
    ) -> Float[Tensor, "b n n 3"]:
        """Logits of (none, activation, repression) for every pair; unknown pairs carry no message.

        Parameters
        ----------
        edges
            Circuits as edges (activation, repression).
        sizes
            Number of genes of each circuit.
        kept
            Factors of the messages' channels, [layers, b, n, width].
        """
        n = edges.shape[1]
        seen = edges * ~unknown[..., None]
        relations = torch.cat([seen, seen.transpose(1, 2)], -1)
        degree = relations.sum(2)
        loops = seen.diagonal(dim1=1, dim2=2).mT
        h = self.enter(torch.cat([degree, loops, (sizes[:, None, None] / 8).expand(-1, n, 1)], -1))
        weight = relations / degree.clamp_min(1)[:, :, None]
        for k, (own, relation) in enumerate(zip(self.own, self.relations, strict=True)):
            message = relation(torch.einsum("bijr,bjc->birc", weight, h).flatten(2))
            h = h + nn.functional.silu(own(h) + (message if kept is None else message * kept[k]))
        pair = torch.cat([h[:, :, None].expand(-1, n, n, -1), h[:, None].expand(-1, n, n, -1)], -1)
        return self.out(pair.flatten(0, 2)).view(len(edges), n, n, 3)

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Which pairs of ``batch`` are hidden, and what is dropped out, from ``stream``."""
        x = require(batch, "x", "LinkPredictor")
        b, n, where = x.shape[0], x.shape[1], {"device": x.device, "dtype": x.dtype}
        return {
            "count": stream.at("count").uniform((b,), **where),
            "edge": stream.at("edge").uniform((b, FEW), **where),
            "order": stream.at("order").uniform((b, n, n), **where),
            "kept": stream.at("kept").uniform((len(self.own), b, n, self.width), **where),
        }

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Cross entropy of the pairs of ``batch`` that ``draw`` hides; there is one ``player``."""
        x, condition = batch["x"], batch["condition"]
        unknown = hidden_pairs(x, condition, draw["count"], draw["edge"], draw["order"])
        kept = (draw["kept"] >= self.dropout).to(x.dtype) / (1 - self.dropout)
        logits = self(x, unknown, condition[:, 0], kept)
        surprise = nn.functional.cross_entropy(logits.permute(0, 3, 1, 2), classes_of(x), reduction="none")
        hidden = unknown.to(x.dtype)
        return {"cross_entropy": (surprise * hidden).sum() / hidden.sum().clamp_min(1)}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        with torch.no_grad():
            self.terms("model", batch, draw)
