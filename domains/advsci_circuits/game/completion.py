"""The game of completion: edges of a real circuit are hidden, the generator fills them in, the critic judges the whole.

With everything hidden it is the usual generative game; with a few edges hidden it teaches to complete. The generator
also pays the cross-entropy of the hidden edges, which makes it an order-agnostic sampler (Hoogeboom et al. 2022,
https://arxiv.org/abs/2110.02037): circuits are drawn in a few rounds, each fixing a random part of what is still
open.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci.games.game import Batch, Draw, Game, require
from advsci.objectives import Objective, RelativisticPairing
from advsci.penalties import R1, R2, Penalty
from advsci.penalties.scores import Scores
from advsci.physics import Findings, Multipliers, PhysicsInformedDiscriminator
from advsci.schedules import Cosine
from advsci.streams import Stream
from advsci_circuits.game.condition import genes_mask
from advsci_circuits.game.generator import CompletionGenerator, hard_edges
from advsci_circuits.game.sample import classes_of

__all__ = ["CompletionGame"]


class CompletionGame(Game):
    """Generator that completes circuits against a physics-informed discriminator of whole circuits.

    Parameters
    ----------
    generator
        Fills in unknown edges.
    discriminator
        A learned critic that is shown, beside circuit and condition, what the physics found of it.
    multipliers
        Prices of the physics' violations, a third player; None leaves them to the critic.
    objective, penalties
        The core's defaults: relativistic pairing with R1 and R2.
    likelihood, adversarial
        Weights of the cross-entropy of hidden edges and of the objective in the generator's loss; without the latter
        the generator plays alone.

    Notes
    -----
    A batch holds ``"x"`` [b, n, n, 2], edges as (activation, repression), and ``"condition"`` [b, c].
    """

    def __init__(
        self,
        generator: CompletionGenerator,
        discriminator: PhysicsInformedDiscriminator,
        multipliers: Multipliers | None = None,
        *,
        objective: Objective | None = None,
        penalties: Sequence[Penalty] | None = None,
        likelihood: float = 1.0,
        adversarial: float = 0.1,
    ):
        super().__init__()
        self.generator, self.discriminator, self.multipliers = generator, discriminator, multipliers
        self.objective = objective if objective is not None else RelativisticPairing()
        gamma = Cosine(0.5, 0.1)
        self.penalties = tuple(penalties) if penalties is not None else (R1(gamma), R2(gamma))
        self.likelihood, self.adversarial = likelihood, adversarial
        if multipliers is not None:
            self.constraints["multipliers"] = [lambda _: multipliers.clip()]

    @property
    def players(self) -> dict[str, nn.Module]:
        if self.adversarial == 0:
            return {"generator": self.generator}
        players: dict[str, nn.Module] = {"discriminator": self.discriminator.critic, "generator": self.generator}
        if self.multipliers is not None:
            players["multipliers"] = self.multipliers
        return players

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        x = require(batch, "x", "CompletionGame")
        b, n, where = x.shape[0], x.shape[1], {"device": x.device, "dtype": x.dtype}
        return {
            "noise": stream.at("noise").normal((b, n, self.generator.noise), **where),
            "share": stream.at("share").uniform((b,), **where),
            "order": stream.at("order").uniform((b, n, n), **where),
            "edges": stream.at("edges").uniform((b, n, n, 3), **where),
            "features": stream.at("features").normal((b, self.discriminator.count), **where),
        }

    def complete(self, batch: Batch, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        """Filled circuits, logits, and which pairs were hidden.

        Few in a quarter of the circuits and all in a few; against a critic at most a quarter of the pairs, because it
        judges what is drawn at once, and the sampler never draws much at once.
        """
        x, condition = batch["x"], batch["condition"]
        mask = genes_mask(condition, x.shape[1])
        pair = mask[:, :, None] & mask[:, None, :]
        share, pairs = draw["share"][:, None, None], condition[:, 0].square()[:, None, None]
        if self.adversarial == 0:
            share = torch.where(share < 0.25, 12 * share / pairs, 1.4 * share - 0.3)
        else:
            share = share / 4
        order = torch.where(pair, draw["order"], 2.0)
        # at least one pair is hidden: whichever comes first in the random order
        unknown = (order < share) | (order == order.amin((1, 2), keepdim=True))
        logits = self.generator(x, unknown, draw["noise"], condition)
        filled = torch.where(unknown[..., None], hard_edges(logits, draw["edges"]), x)
        return filled, logits, unknown

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        x, condition = batch["x"], batch["condition"]
        fake, logits, unknown = self.complete(batch, draw)
        alone = self.adversarial == 0
        found = Findings({}) if alone else self.discriminator.physics(fake, condition)
        if player == "multipliers":
            assert self.multipliers is not None
            return {name: -term for name, term in self.multipliers(found.violations).items()}
        if player == "discriminator":
            scores = self._scores(batch, draw, fake, found, gradients=True)
            terms = {"objective": self.objective.discriminator(scores.real_logits, scores.fake_logits)}
            return terms | {penalty.name: penalty(scores, self.progress) for penalty in self.penalties}
        surprise = nn.functional.cross_entropy(logits.permute(0, 3, 1, 2), classes_of(x), reduction="none")
        hidden = unknown.to(x.dtype)
        # mean over the hidden pairs of each circuit, so that every mask counts alike
        likelihood = (surprise * hidden).sum((1, 2)) / hidden.sum((1, 2)).clamp_min(1)
        terms = {"likelihood": self.likelihood * likelihood.mean()}
        if not alone:
            scores = self._scores(batch, draw, fake, found)
            real, made = scores.real_logits, scores.fake_logits
            terms["objective"] = self.adversarial * self.objective.generator(real, made)
            terms |= self.multipliers(found.violations) if self.multipliers is not None else {}
        return terms

    def _scores(self, batch: Batch, draw: Draw, fake: Tensor, found: Findings, gradients: bool = False) -> Scores:
        whole = self.discriminator
        # batches may be of any width; judge and critic share their parameters
        judge = PhysicsInformedDiscriminator(
            whole.critic, whole.physics, batch["x"].shape[1:], noise=whole.noise, informed=whole.informed
        )
        real = judge.join(batch["x"], judge.real_features(draw["features"]))
        made = judge.join(fake, judge.features(found))
        return Scores(judge, real, made, batch["condition"], gradients=gradients, draw=draw)

    def check(self, batch: Batch, draw: Draw) -> None:
        x, condition = require(batch, "x", "CompletionGame"), require(batch, "condition", "CompletionGame")
        if x.ndim != 4 or x.shape[1] != x.shape[2] or x.shape[3] != 2:
            raise ShapeError(f"got circuits of shape {tuple(x.shape)}; expected [circuits, genes, genes, 2]")
        if condition.shape[0] != x.shape[0]:
            raise ShapeError(f"got {condition.shape[0]} conditions for {x.shape[0]} circuits; expected one each")
        with torch.no_grad():
            self.complete(batch, draw)
