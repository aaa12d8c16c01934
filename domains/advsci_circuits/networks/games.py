"""What the two networks of large networks are trained with: surprise of a row, and real against made."""

import torch
from torch import Tensor, nn

from advsci.games.game import Batch, Draw, Game, require
from advsci.objectives import NonSaturating
from advsci.streams import Stream
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.networks.discriminator import NetworkDiscriminator
from advsci_circuits.networks.rows import RowGenerator
from advsci_circuits.networks.wishes import wishes_of

__all__ = ["RankingGame", "RowsGame", "narrowed", "surprise_of_rows"]


def narrowed(signs: Tensor, sizes: Tensor) -> CircuitBatch:
    """A batch as wide as its largest network.

    Parameters
    ----------
    signs : shape [b, n, n]
        Sign matrices.
    sizes : shape [b]
        Genes of each.

    Returns
    -------
    CircuitBatch
    """
    width = int(sizes.max())
    return CircuitBatch(signs[:, :width, :width], sizes)


def surprise_of_rows(generator: RowGenerator, batch: CircuitBatch, place: Tensor) -> Tensor:
    """Nats per gene of one row of each network, asked for with its own contents.

    Parameters
    ----------
    generator
        The network.
    batch
        Networks in breadth-first order.
    place : shape [b]
        Which row, as a share of the network in [0, 1).
    """
    genes = (place * batch.sizes).long().clamp_max(batch.sizes - 1)
    wishes = wishes_of(batch.signs, batch.sizes)
    each = generator.log_likelihood(batch.signs, genes, batch.sizes, wishes)
    return -(each * batch.sizes).sum() / batch.sizes.sum()


class RowsGame(Game):
    """One player, ``generator``: its surprise at a random row of each network.

    Parameters
    ----------
    generator
        What is trained. A batch holds ``"signs"`` [b, n, n], in breadth-first order, and ``"sizes"`` [b].
    """

    def __init__(self, generator: RowGenerator):
        super().__init__()
        self.generator = generator

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Which row of every network of ``batch`` is learned, from ``stream``."""
        sizes = require(batch, "sizes", "RowsGame")
        return {"place": stream.at("place").uniform((len(sizes),), device=sizes.device)}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Nats per gene of the rows of ``batch`` that ``draw`` names; there is one ``player``."""
        networks = narrowed(batch["signs"], batch["sizes"])
        return {"surprise": surprise_of_rows(self.generator, networks, draw["place"])}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the network do not fit."""
        require(batch, "signs", "RowsGame")
        with torch.no_grad():
            self.terms("generator", batch, draw)


class RankingGame(Game):
    """One player, ``discriminator``: the logistic loss of real networks against what the generator made.

    Parameters
    ----------
    discriminator
        What is trained. A batch holds ``"signs"`` and ``"sizes"`` of real networks, ``"made"`` and ``"made_sizes"``.
    """

    def __init__(self, discriminator: NetworkDiscriminator):
        super().__init__()
        self.discriminator = discriminator

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"discriminator": self.discriminator}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Nothing: a ``batch`` holds both sides, and ``stream`` is not read."""
        return {}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Loss on both sides of ``batch``; ``draw`` is empty and there is one ``player``."""
        real = self.discriminator(narrowed(batch["signs"], batch["sizes"]))
        made = self.discriminator(narrowed(batch["made"], batch["made_sizes"]))
        return {"objective": NonSaturating().discriminator(real, made)}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the network do not fit."""
        for key in ("signs", "sizes", "made", "made_sizes"):
            require(batch, key, "RankingGame")
        with torch.no_grad():
            self.terms("discriminator", batch, draw)
