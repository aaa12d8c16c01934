"""A small discrete diffusion on signed edges, as a baseline.

Edges forget what they were and take a class by its frequency m, all independently; a network of pairs guesses the
clean circuit from the noisy one (Austin et al. 2021, https://arxiv.org/abs/2107.03006; on graphs with marginal noise
DiGress, Vignac et al. 2023, https://arxiv.org/abs/2209.14734):

``q(x_t | x_0) = abar_t [x_t = x_0] + (1 - abar_t) m(x_t)``,  ``abar_t = cos^2(pi t / 2T)``

``p(x_(t-1) | x_t) = sum_k p(x_0 = k | x_t) q(x_(t-1) | x_t, x_0 = k)``
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from advsci.games.game import Batch, Draw, Game, require
from advsci.streams import Stream
from advsci_circuits.game.condition import WIDTH, condition_vector, genes_mask, scaled
from advsci_circuits.game.network import PairNetwork
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.edges import classes_of

__all__ = ["DiscreteDiffusion"]


class DiscreteDiffusion(Game):
    """One player: the cross-entropy of the clean edges given the noisy ones.

    Parameters
    ----------
    marginal : Tensor, shape [3]
        Frequencies of (none, activation, repression).
    steps : int
        T, steps of noise.
    """

    marginal: Tensor

    def __init__(self, marginal: Float[Tensor, "3"], width: int = 32, blocks: int = 3, steps: int = 16):
        super().__init__()
        self.network = PairNetwork(3, width, blocks, context=1 + WIDTH)
        self.out = nn.Linear(width, 3)
        self.steps = steps
        self.register_buffer("marginal", marginal / marginal.sum())

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"model": self}

    def kept(self, t: Tensor) -> Tensor:
        """``abar_t``.

        Parameters
        ----------
        t
            Steps of noise.
        """
        return torch.cos(math.pi / 2 * t / self.steps).square()

    def logits(self, noisy: Int[Tensor, "b n n"], t: Float[Tensor, " b"], condition: Tensor) -> Tensor:
        """Log-odds of the clean classes, [b, n, n, 3].

        Parameters
        ----------
        noisy
            Noisy edge classes.
        t
            Steps of noise of each circuit.
        condition
            What is asked of each circuit, as `advsci_circuits.game.condition.condition_vector` has it.
        """
        context = torch.cat([t[:, None] / self.steps, scaled(condition)], 1)
        x = nn.functional.one_hot(noisy, 3).to(context.dtype)
        return self.out(self.network(x, genes_mask(condition, noisy.shape[1]), context))

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Time, forgotten edges and fresh ones for every circuit of ``batch``, from ``stream``."""
        x = require(batch, "x", "DiscreteDiffusion")
        b, n, where = x.shape[0], x.shape[1], {"device": x.device, "dtype": x.dtype}
        return {
            "time": stream.at("time").uniform((b,), **where),
            "forget": stream.at("forget").uniform((b, n, n), **where),
            "class": stream.at("class").uniform((b, n, n), **where),
        }

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Cross entropy of ``batch`` given what ``draw`` leaves of it; there is one ``player``."""
        clean, condition = classes_of(batch["x"]), batch["condition"]
        t = (draw["time"] * self.steps).floor() + 1
        fresh = torch.bucketize(draw["class"], self.marginal.cumsum(0)[:2].contiguous())
        noisy = torch.where(draw["forget"] < self.kept(t)[:, None, None], clean, fresh)
        surprise = nn.functional.cross_entropy(
            self.logits(noisy, t, condition).permute(0, 3, 1, 2), clean, reduction="none"
        )
        mask = genes_mask(condition, clean.shape[1]).to(surprise.dtype)
        pair = mask[:, :, None] * mask[:, None, :]
        return {"cross_entropy": ((surprise * pair).sum((1, 2)) / pair.sum((1, 2))).mean()}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        require(batch, "condition", "DiscreteDiffusion")
        with torch.no_grad():
            self.terms("model", batch, draw)

    @torch.no_grad()
    def sample(self, sizes: Tensor, stream: Stream, function: str | None = None) -> CircuitBatch:
        """One circuit a size, by T steps of the reversed noise.

        Parameters
        ----------
        sizes
            Number of genes of each circuit.
        stream
            Where the draws come from.
        function
            One of `advsci_circuits.dynamics.functions.FUNCTIONS`.
        """
        condition = condition_vector(sizes.float(), functions=function).to(self.marginal)
        b, n, device = len(sizes), int(sizes.max()), self.marginal.device
        mask = genes_mask(condition, n)
        m, one = self.marginal, torch.eye(3, device=device)
        x = torch.bucketize(stream.at("start").uniform((b, n, n), device=device), m.cumsum(0)[:2].contiguous())
        for t in range(self.steps, 0, -1):
            now, before = (self.kept(torch.tensor(float(s), device=device)) for s in (t, t - 1))
            guess = self.logits(x, torch.full((b,), float(t), device=device), condition).softmax(-1)
            step = now / before.clamp_min(1e-12)
            # q(x_t | x_(t-1) = j) for the x_t that is there, and q(x_(t-1) = j | x_0 = k)
            forward = step * one[x] + (1 - step) * m[x][..., None]
            prior = before * one + (1 - before) * m
            joint = forward[..., None, :] * prior
            posterior = joint / joint.sum(-1, keepdim=True).clamp_min(1e-12)
            share = (guess[..., None] * posterior).sum(-2)
            gumbel = -torch.log(-torch.log(stream.at("step", t).uniform((b, n, n, 3), device=device).clamp(1e-9)))
            x = (share.clamp_min(1e-12).log() + gumbel).argmax(-1)
        x = torch.where(mask[:, :, None] & mask[:, None, :], x, 0)
        signs = (x == 1).to(torch.int8) - (x == 2).to(torch.int8)
        return CircuitBatch(signs.cpu(), sizes)
