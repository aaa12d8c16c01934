"""A fast guess of robustness: a network that learns simulated shares, so that gradients reach the generator.

Two heads are trained on different weightings of the examples and the lower guess counts; where they disagree, or
where fresh simulations do not bear the guess out, it loses its say. It never decides what is reported: simulation
does.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.games.game import Batch, Draw, Game, require
from advsci.streams import Stream
from advsci_circuits.game.condition import CONDITIONED, condition_vector, genes_mask
from advsci_circuits.game.network import PairNetwork
from advsci_circuits.graphs.invariants import INVARIANTS, invariants

__all__ = ["RobustnessSurrogate", "SurrogateGame", "surrogate_batch"]

HEADS = 2


class RobustnessSurrogate(nn.Module):
    """Square roots of the shares of parameter sets that show each function, ``[b, heads, functions]``.

    Parameters
    ----------
    width, blocks
        Size of the pair network.
    functions
        How many functions are guessed; by default those that the generator can be asked for.
    """

    def __init__(self, width: int = 32, blocks: int = 2, functions: int = len(CONDITIONED)):
        super().__init__()
        self.network = PairNetwork(2, width, blocks)
        inputs = 3 * width + INVARIANTS
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(inputs, 2 * width), nn.SiLU(), nn.Linear(2 * width, functions))
            for _ in range(HEADS)
        )

    def forward(self, x: Float[Tensor, "b n n 2"], condition: Float[Tensor, "b c"]) -> Float[Tensor, "b h f"]:
        """Guessed square roots of the shares, per head and function.

        Parameters
        ----------
        x
            Circuits as edges (activation, repression).
        condition
            What is asked of each circuit, as `advsci_circuits.game.condition.condition_vector` has it.
        """
        mask = genes_mask(condition, x.shape[1])
        h = self.network(x, mask)
        size = condition[:, :1].to(h.dtype)
        own = h.diagonal(dim1=1, dim2=2).mT
        # adaptation knows an input (first) and an output (last gene): their features are kept apart
        last = (condition[:, 0].long() - 1)[:, None, None].expand(-1, 1, h.shape[-1])
        ends = own[:, 0] - own.gather(1, last)[:, 0]
        pooled = torch.cat([h.sum((1, 2)) / size, own.sum(1) / size, ends, invariants(x, mask)], -1)
        return torch.stack([head(pooled) for head in self.heads], 1)

    def pessimistic(self, x: Tensor, condition: Tensor) -> Float[Tensor, "b f"]:
        """The lowest guess of the heads.

        Parameters
        ----------
        x
            Circuits as edges (activation, repression).
        condition
            What is asked of each circuit, as `advsci_circuits.game.condition.condition_vector` has it.
        """
        return self(x, condition).amin(1)


class SurrogateGame(Game):
    """One player: least squares on simulated shares, each head on its own random half-weighting."""

    def __init__(self, surrogate: RobustnessSurrogate):
        super().__init__()
        self.surrogate = surrogate

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"surrogate": self.surrogate}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Weights of the samples of ``batch`` for every head, from ``stream``."""
        x = require(batch, "x", "SurrogateGame")
        return {"weight": 2 * stream.at("weight").uniform((x.shape[0], HEADS, 1), device=x.device, dtype=x.dtype)}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Squared error of the shares of ``batch``, weighted by ``draw``; there is one ``player``."""
        guess = self.surrogate(batch["x"], batch["condition"])
        error = (guess - batch["shares"].clamp_min(0).sqrt()[:, None]).square()
        return {"squared_error": (draw["weight"] * error).mean()}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        for key in ("x", "condition", "shares"):
            require(batch, key, "SurrogateGame")
        with torch.no_grad():
            self.terms("surrogate", batch, draw)


def surrogate_batch(signs: Tensor, sizes: Tensor, shares: Tensor) -> dict[str, Tensor]:
    """Training data of `SurrogateGame` from judged circuits.

    Parameters
    ----------
    signs
        Sign matrices: ``signs[:, i, j]`` is the effect of gene j on gene i.
    sizes
        Number of genes of each circuit.
    shares
        Shares of parameter sets, per function.
    """
    from advsci_circuits.graphs.edges import edges_of

    return {
        "x": edges_of(signs),
        "condition": condition_vector(sizes.float())[:, :1],
        "shares": shares.to(torch.get_default_dtype()),
    }
