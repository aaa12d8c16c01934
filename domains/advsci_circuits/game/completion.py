"""The game of completion: edges of a real circuit are hidden, the generator fills them in, the critic judges the whole.

With everything hidden it is the usual generative game; with a few edges hidden it teaches to complete. The generator
also pays the cross-entropy of the hidden edges, which makes it an order-agnostic sampler (Hoogeboom et al. 2022,
https://arxiv.org/abs/2110.02037): circuits are drawn in a few rounds, each fixing a random part of what is still
open.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci.games import AdversarialGame, Made
from advsci.games.game import Batch, Draw, require
from advsci.objectives import Objective
from advsci.penalties import Penalty
from advsci.penalties.scores import Scores
from advsci.physics import Multipliers, PhysicsInformedDiscriminator
from advsci.schedules import Cosine
from advsci.streams import Stream
from advsci_circuits.game.condition import genes_mask
from advsci_circuits.game.generator import CompletionGenerator, hard_edges
from advsci_circuits.graphs.edges import classes_of

__all__ = ["Completed", "CompletionGame"]


@dataclass(frozen=True)
class Completed(Made):
    """Circuits with their hidden edges filled in (the ``samples``), the logits that they were drawn from [b, n, n, 3],
    and which pairs were hidden [b, n, n].
    """

    logits: Tensor = None  # type: ignore[assignment]
    unknown: Tensor = None  # type: ignore[assignment]


class CompletionGame(AdversarialGame):
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

    generator: CompletionGenerator
    discriminator: PhysicsInformedDiscriminator

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
        super().__init__(
            generator, discriminator, objective=objective, penalties=penalties, gamma=Cosine(0.5, 0.1),
            multipliers=multipliers, adversarial=adversarial,
        )  # fmt: skip
        self.likelihood = likelihood

    @property
    def players(self) -> dict[str, nn.Module]:
        if self.adversarial == 0:
            return {"generator": self.generator}
        players: dict[str, nn.Module] = {"discriminator": self.discriminator.critic, "generator": self.generator}
        if self.multipliers is not None:
            players["multipliers"] = self.multipliers
        return players

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Noise, masks, edges and the discriminator's numbers for ``batch``, from ``stream``."""
        x = require(batch, "x", "CompletionGame")
        b, n, where = x.shape[0], x.shape[1], {"device": x.device, "dtype": x.dtype}
        draw = {
            "noise": stream.at("noise").normal((b, n, self.generator.noise), **where),
            "share": stream.at("share").uniform((b,), **where),
            "order": stream.at("order").uniform((b, n, n), **where),
            "edges": stream.at("edges").uniform((b, n, n, 3), **where),
            "features": stream.at("features").normal((b, self.discriminator.count), **where),
        }
        return draw | self.penalty_draws(self._judge(x).join(x, draw["features"]), draw["noise"], stream)

    def complete(self, batch: Batch, draw: Draw, generator: nn.Module | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Filled circuits, logits, and which pairs were hidden; ``generator`` replaces the game's own.

        Without a critic, few pairs are hidden in a quarter of the circuits and all in a few. Against a critic at most a
        quarter of the pairs is hidden, because it judges what is drawn at once, and the sampler never draws much at
        once.

        Parameters
        ----------
        batch
            A batch of the game.
        draw
            The draw of `draw`.
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
        logits = (generator or self.generator)(x, unknown, draw["noise"], condition)
        filled = torch.where(unknown[..., None], hard_edges(logits, draw["edges"]), x)
        return filled, logits, unknown

    def samples(self, batch: Batch, draw: Draw, generator: nn.Module | None = None) -> Tensor:
        """Circuits of ``batch``, their pairs hidden by ``draw`` filled in by ``generator`` (None: the game's own)."""
        return self.complete(batch, draw, generator)[0]

    def make(self, batch: Batch, draw: Draw) -> Completed:
        """Circuits of ``batch`` with the pairs that ``draw`` hides filled in, and what the physics finds in them."""
        filled, logits, unknown = self.complete(batch, draw)
        found = self.discriminator.physics(filled, batch["condition"]) if self.adversarial else None
        return Completed(filled, batch.get("weight"), found, logits, unknown)

    def scores(self, batch: Batch, draw: Draw, made: Made, player: str | None = None) -> Scores:
        """Scores of ``batch`` and ``made`` with physical features (noise of ``draw``), for ``player``'s loss."""
        judge, x = self._judge(batch["x"]), batch["x"]
        found = made.findings if made.findings is not None else judge.physics(made.samples, batch["condition"])
        return Scores(
            judge,
            judge.join(x, judge.real_features(draw["features"])),
            judge.join(made.samples, judge.features(found)),
            batch["condition"],
            real_weight=batch.get("weight"),
            fake_weight=made.weight,
            gradients=player == "discriminator" and self.wants_gradients,
            draw=draw,
        )

    def generator_terms(self, batch: Batch, draw: Draw, made: Made) -> dict[str, Tensor]:
        """Cross entropy of the hidden pairs of ``batch``, given what was ``made`` of it with ``draw``."""
        assert isinstance(made, Completed)
        classes = classes_of(batch["x"])
        surprise = nn.functional.cross_entropy(made.logits.permute(0, 3, 1, 2), classes, reduction="none")
        hidden = made.unknown.to(surprise.dtype)
        # mean over the hidden pairs of each circuit, so that every mask counts alike
        likelihood = (surprise * hidden).sum((1, 2)) / hidden.sum((1, 2)).clamp_min(1)
        return {"likelihood": self.likelihood * likelihood.mean()}

    def _judge(self, x: Tensor) -> PhysicsInformedDiscriminator:
        """The discriminator for circuits as wide as ``x``; it shares its parameters."""
        whole = self.discriminator
        return PhysicsInformedDiscriminator(
            whole.critic, whole.physics, x.shape[1:], noise=whole.noise, informed=whole.informed
        )

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit.

        Raises
        ------
        ShapeError
            The circuits are not (circuits, genes, genes, 2), or there is not one condition per circuit.
        """
        x, condition = require(batch, "x", "CompletionGame"), require(batch, "condition", "CompletionGame")
        if x.ndim != 4 or x.shape[1] != x.shape[2] or x.shape[3] != 2:
            raise ShapeError(
                f"got circuits of shape {tuple(x.shape)}; expected [circuits, genes, genes, 2]. Try: edges_of(signs)."
            )
        if condition.shape[0] != x.shape[0]:
            raise ShapeError(
                f"got {condition.shape[0]} conditions for {x.shape[0]} circuits; expected one per circuit. "
                "Try: condition_vector(sizes)."
            )
        self.check_adversarial(batch, draw)
