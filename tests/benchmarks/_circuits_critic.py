"""A discriminator in the place of the likelihood: the adversary of `design`, as a rival.

Real circuits against what the chains hold. After every round the discriminator goes on learning, and its logit takes
the place of log p_real: ``pi(x) ~ exp(w D(x)) s(x)``.
"""

import torch
from torch import Tensor, nn

from advsci.games.game import Batch, Draw, Game
from advsci.objectives import NonSaturating
from advsci.schedules import Cosine
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import Trainer
from advsci_circuits.design.likelihood import CircuitLikelihood
from advsci_circuits.game.condition import condition_vector
from advsci_circuits.game.discriminator import CircuitDiscriminator
from advsci_circuits.graphs.edges import edges_of


class CriticGame(Game):
    """One player: the logistic loss of real circuits against made ones, ``x`` and ``made`` of a batch."""

    def __init__(self, network: CircuitDiscriminator):
        super().__init__()
        self.network = network

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"discriminator": self.network}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        return {}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        real, made = (logits(self.network, batch[key]) for key in ("x", "made"))
        return {"objective": NonSaturating().discriminator(real, made)}

    def check(self, batch: Batch, draw: Draw) -> None:
        with torch.no_grad():
            self.terms("discriminator", batch, draw)


def logits(network: CircuitDiscriminator, edges: Tensor) -> Tensor:
    """The network's say on circuits of one size."""
    return network(edges, condition_vector(torch.full((len(edges),), float(edges.shape[1]))))


class Critic:
    """What `design` takes for a likelihood; with a likelihood beside it, the sum of both.

    Parameters
    ----------
    real
        Circuits of the training families, of one size.
    stream
        Where all draws come from.
    beside
        A likelihood that counts as much.
    steps
        Training steps after every round.
    """

    def __init__(self, real: Tensor, stream: Stream, beside: CircuitLikelihood | None = None, steps: int = 100):
        self.real, self.stream, self.beside, self.steps, self.turn = real, stream, beside, steps, 0
        with stream.at("critic").seeded():
            self.network = CircuitDiscriminator(32, 2)

    def of(self, genes: int) -> "Critic":
        """Itself: it knows one size."""
        assert genes == self.real.shape[1]
        return self

    def sample(self, count: int, stream: Stream) -> Tensor:
        """Real circuits, with which the chains begin; those of the likelihood where there is one."""
        if self.beside is not None:
            return self.beside.of(self.real.shape[1]).sample(count, stream)
        return self.real[stream.at("rows").integers(len(self.real), (count,))]

    @torch.no_grad()
    def __call__(self, signs: Tensor) -> Tensor:
        said = logits(self.network, edges_of(signs))
        return said if self.beside is None else said + self.beside.of(signs.shape[1])(signs)

    def learn(self, signs: Tensor) -> None:
        """Go on learning: real circuits against what the chains hold now."""
        made = signs[self.stream.at("made", self.turn).integers(len(signs), (len(self.real),))]
        Trainer(steps=self.steps, batch_size=96, seed=self.turn, device="cpu", quiet=True).fit(
            CriticGame(self.network), {"x": edges_of(self.real), "made": edges_of(made)},
            Alternating(lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=1e-2), Cosine(1.0, 0.2)),
        )  # fmt: skip
        self.turn += 1
