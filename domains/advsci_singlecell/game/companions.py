r"""Companions of the encoder, each an ablation: what other methods put beside an adversary, or in its place.

Cycle consistency compares a cell with itself instead of with others (SysVI, Hrovatin et al. 2023, doi
10.1101/2023.11.03.565463): decode the embedding as if of another batch, encode that, and ask for the same embedding,

.. math:: L = \| g(z, b) - s \|^2 + \| f(g(z, b')) - z \|^2 .

An orthogonal batch encoder takes the batch up so that the embedding need not (BioBatchNet, IMAAE): features
:math:`u` of the plain components that name the batch, without linear correlation with the embedding,

.. math:: L = H(b, \mathrm{softmax}(h(u))) + \frac{1}{d_z} \| \mathrm{corr}(z, u) \|_F^2 .
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from advsci.games import Batch, Draw
from advsci.nn import MLP
from advsci.streams import Stream

__all__ = ["Companion", "Cycle", "OrthogonalBatch", "cross_correlation"]


class Companion(nn.Module, ABC):
    """Further networks of the task's player, and the terms they add to its loss."""

    @abstractmethod
    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """All randomness of one evaluation.

        Parameters
        ----------
        batch
            One batch of the training.
        stream
            Source of the random numbers.
        """

    @abstractmethod
    def forward(self, z: Tensor, encoder: Callable[[Tensor], Tensor], batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Named weighted terms, given the embedding (n d) and the encoder of anchored components.

        Parameters
        ----------
        z
            Embedding (n d).
        batch
            One batch of the training.
        draw
            Random numbers of `draw`.
        """


class Cycle(Companion):
    """Decoder of anchored components that knows the batch; the embedding survives the way through another one."""

    def __init__(self, dimensions: int, batches: int, *, weight: float, width: int = 128):
        super().__init__()
        self.decoder = MLP(dimensions + batches, dimensions, width=width, depth=1)
        self.batches, self.weight = batches, weight

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """How many batches further on each cell goes: never to its own.

        Parameters
        ----------
        batch
            One batch of the training.
        stream
            Source of the random numbers.
        """
        number = batch["batch"]
        return {"hop": 1 + stream.at("hop").integers(max(self.batches - 1, 1), number.shape, device=number.device)}

    def decode(self, z: Tensor, number: Tensor) -> Tensor:
        """Anchored components of the embedding in the batches ``number`` (n).

        Parameters
        ----------
        z
            Embedding (n d).
        """
        onehot = F.one_hot(number, self.batches).to(z.dtype)
        return z + self.decoder(torch.cat([z, onehot], dim=1))

    def forward(self, z, encoder, batch, draw):
        """Reconstruction of ``z``, and its way by ``encoder`` through the batches that ``draw`` names for ``batch``."""
        here, there = batch["batch"], (batch["batch"] + draw["hop"]) % self.batches
        back = encoder(self.decode(z, there))
        return {
            "reconstruction": self.weight * (self.decode(z, here) - batch["anchor"]).square().mean(),
            "cycle": self.weight * (back - z).square().mean(),
        }


class OrthogonalBatch(Companion):
    """Encoder of the batch from the plain components, uncorrelated with the embedding."""

    def __init__(self, dimensions: int, batches: int, *, weight: float, features: int = 8, width: int = 64):
        super().__init__()
        self.encoder = MLP(dimensions, features, width=width, depth=1)
        self.head = nn.Linear(features, batches)
        self.weight = weight

    def draw(self, batch, stream):
        """No random numbers: an evaluation on ``batch`` needs none of ``stream``."""
        return {}

    def forward(self, z, encoder, batch, draw):
        """A batch encoder's loss on ``batch``, and its correlation with ``z``; not ``encoder``, ``draw``."""
        u = self.encoder(batch["components"])
        return {
            "batch encoder": self.weight * F.cross_entropy(self.head(u), batch["batch"]),
            "orthogonality": self.weight * cross_correlation(z, u).square().sum() / z.shape[1],
        }


def cross_correlation(z: Float[Tensor, "n d"], u: Float[Tensor, "n e"]) -> Float[Tensor, "d e"]:
    """Correlation of every feature of ``z`` with every one of ``u`` over the rows."""
    z, u = (x - x.mean(0) for x in (z, u))
    z, u = (x / x.square().mean(0).sqrt().clamp(min=1e-6) for x in (z, u))
    return z.T @ u / len(z)
