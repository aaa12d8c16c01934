"""A graph VAE, as a baseline: a whole circuit from one latent vector.

Simonovsky & Komodakis 2018 (https://arxiv.org/abs/1802.03480): an encoder of the matrix, a decoder of every edge at
once. Their matching of node orders is replaced by one order: genes by out-degree, then in-degree, then loops.
"""

import torch
from jaxtyping import Float, Int8
from torch import Tensor, nn

from advsci.games.game import Batch, Draw, Game, require
from advsci.nn import MLP
from advsci.streams import Stream
from advsci_circuits.graphs.edges import classes_of

__all__ = ["GraphVAE", "ordered"]


def ordered(edges: Float[Tensor, "b n n 2"]) -> Float[Tensor, "b n n 2"]:
    """Circuits with their genes sorted by targets, regulators and own loop.

    Parameters
    ----------
    edges
        Circuits as edges (activation, repression).
    """
    any_edge = edges.sum(-1)
    score = (
        any_edge.sum(1) * 10_000
        + any_edge.sum(2) * 100
        + edges.diagonal(dim1=1, dim2=2).mT @ edges.new_tensor([2.0, 1.0])
    )
    order = score.argsort(dim=1, descending=True, stable=True)
    rows = torch.arange(len(edges), device=edges.device)[:, None, None]
    return edges[rows, order[:, :, None], order[:, None, :]]


class GraphVAE(Game):
    """One player: the negative evidence lower bound of circuits of ``size`` genes.

    Parameters
    ----------
    latent : int
        Numbers a circuit is packed into.
    """

    def __init__(self, size: int, latent: int = 16, width: int = 128):
        super().__init__()
        self.size, self.latent = size, latent
        self.encoder = MLP(2 * size * size, 2 * latent, width)
        self.decoder = MLP(latent, 3 * size * size, width)

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"model": self}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """The encoder's noise for every circuit of ``batch``, from ``stream``."""
        x = require(batch, "x", "GraphVAE")
        return {"noise": stream.at("noise").normal((x.shape[0], self.latent), device=x.device, dtype=x.dtype)}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Reconstruction and divergence of ``batch`` with the noise of ``draw``; there is one ``player``."""
        x = ordered(batch["x"])
        mean, log_variance = self.encoder(x.flatten(1)).chunk(2, 1)
        z = mean + (0.5 * log_variance).exp() * draw["noise"]
        logits = self.decoder(z).view(-1, self.size, self.size, 3).permute(0, 3, 1, 2)
        surprise = nn.functional.cross_entropy(logits, classes_of(x), reduction="none").sum((1, 2))
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        return {"reconstruction": surprise.mean(), "divergence": divergence.mean()}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        with torch.no_grad():
            self.terms("model", batch, draw)

    @torch.no_grad()
    def sample(self, count: int, stream: Stream) -> Int8[Tensor, "c n n"]:
        """Circuits from random latent vectors, every edge drawn by its probability.

        Parameters
        ----------
        count
            How many.
        stream
            Where the draws come from.
        """
        device = next(self.parameters()).device
        z = stream.at("latent").normal((count, self.latent), device=device)
        logits = self.decoder(z).view(count, self.size, self.size, 3)
        uniform = stream.at("edges").uniform((count, self.size, self.size, 3), device=device).clamp(1e-9, 1 - 1e-7)
        x = (logits - torch.log(-torch.log(uniform))).argmax(-1).cpu()
        return (x == 1).to(torch.int8) - (x == 2).to(torch.int8)
