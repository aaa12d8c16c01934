r"""A generative game under a law of physics: generator, critic, and the multipliers that price violations.

The generator minimises its adversarial loss plus the augmented Lagrangian of the mean violations; the critic judges
samples together with the features of their residuals; the multipliers ascend. (Residual features: PID-GAN, Daw et al.
2021, arXiv 2106.02993; multipliers as players in place of hand-tuned weights.)
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci.games.game import Batch, Draw, OnePassGame, require, separate_gradients
from advsci.latents import Latent
from advsci.objectives import Objective, RelativisticPairing
from advsci.penalties import R1, R2, Penalty, RandomPenalty
from advsci.penalties.scores import Scores, couples_batch
from advsci.physics.discriminator import PhysicsInformedDiscriminator
from advsci.physics.law import Findings
from advsci.physics.multipliers import Multipliers
from advsci.schedules import Cosine
from advsci.streams import Stream

__all__ = ["PhysicsGAN"]


class PhysicsGAN(OnePassGame):
    """Generator against a physics-informed discriminator, with multipliers as a third player.

    Parameters
    ----------
    generator
        ``generator(z)`` or ``generator(z, condition)``.
    discriminator
        The judge; holds the physics.
    latent
        The prior of z.
    multipliers
        Prices of the violations, by the names of the physics. None leaves the violations out of the generator's loss:
        then physics acts through the critic alone (PID-GAN).
    objective, penalties
        As in `advsci.games.GAN`; penalties act on samples and features together.
    adversarial
        Weight of the generator's adversarial term; 0 leaves physics alone with the generator.
    extra
        ``extra(generator, batch, draw)``: further named terms of the generator, such as a reconstruction of real
        samples.

    Notes
    -----
    A batch holds real samples ``"x"`` and, where there are conditions, ``"condition"`` (n c). Under a simultaneous
    solver the physics is evaluated once a step, for all players: one solve and one adjoint.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: PhysicsInformedDiscriminator,
        latent: Latent,
        multipliers: Multipliers | None = None,
        *,
        objective: Objective | None = None,
        penalties: Sequence[Penalty] | None = None,
        adversarial: float = 1.0,
        extra: "Callable[[nn.Module, Batch, Draw], dict[str, Tensor]] | None" = None,
    ):
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator
        self.latent = latent
        self.multipliers = multipliers
        self.objective = objective if objective is not None else RelativisticPairing()
        gamma = Cosine(0.02, 0.002)
        self.penalties = tuple(penalties) if penalties is not None else (R1(gamma), R2(gamma))
        self.adversarial = adversarial
        self.extra = extra
        self._together = not couples_batch(discriminator)
        if multipliers is not None:
            self.constraints["multipliers"] = [lambda _: multipliers.clip()]

    @property
    def players(self) -> dict[str, nn.Module]:
        players = {"generator": self.generator, "discriminator": self.discriminator.critic}
        return players | ({"multipliers": self.multipliers} if self.multipliers is not None else {})

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        x = require(batch, "x", "PhysicsGAN")
        n, device, dtype = x.shape[0], x.device, x.dtype
        count = self.discriminator.count
        draw = {
            "latent": self.latent.sample(n, stream.at("latent"), device=device, dtype=dtype),
            "noise": stream.at("noise").normal((n, count), device=device, dtype=dtype),
        }
        joint = self.discriminator.join(x, draw["noise"])
        for penalty in self.penalties:
            if isinstance(penalty, RandomPenalty):
                draw.update(penalty.draw(joint, stream.at(penalty.name)))
        return draw

    def generate(self, latent: Tensor, condition: Tensor | None = None) -> Tensor:
        """Samples for given latent vectors (and conditions)."""
        return self.generator(latent) if condition is None else self.generator(latent, condition)

    def findings(self, batch: Batch, draw: Draw) -> tuple[Float[Tensor, "n ..."], Findings]:
        """Generated samples, and what the physics says of them."""
        x = self.generate(draw["latent"], batch.get("condition"))
        return x, self.discriminator.physics(x, batch.get("condition"))

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        return self._terms(player, batch, draw, *self.findings(batch, draw))

    def shared_terms(self, batch: Batch, draw: Draw) -> dict[str, dict[str, Tensor]]:
        """Every player's terms from one evaluation of the physics; each is exact in its own player's parameters."""
        x, found = self.findings(batch, draw)
        terms = {"generator": self._terms("generator", batch, draw, x, found)}
        x, found = x.detach(), found.detach()
        others = [player for player in self.players if player != "generator"]
        return terms | {player: self._terms(player, batch, draw, x, found) for player in others}

    def shared_field(self, batch, draw, parameters):
        terms = self.shared_terms(batch, draw)
        return terms, separate_gradients(terms, parameters)

    def _terms(self, player: str, batch: Batch, draw: Draw, fake: Tensor, found: Findings) -> dict[str, Tensor]:
        if player == "multipliers":
            assert self.multipliers is not None
            return {name: -term for name, term in self.multipliers(found.violations).items()}
        scores = self._scores(batch, draw, fake, found, gradients=player == "discriminator" and self._wants_gradients)
        if player == "discriminator":
            objective = self.objective.discriminator(scores.real_logits, scores.fake_logits)
            return {"objective": objective} | {p.name: p(scores, self.progress) for p in self.penalties}
        value = self.objective.generator(scores.real_logits, scores.fake_logits)
        extra = self.extra(self.generator, batch, draw) if self.extra is not None else {}
        priced = self.multipliers(found.violations) if self.multipliers is not None else {}
        return {"objective": self.adversarial * value, **priced, **extra}

    @property
    def _wants_gradients(self) -> bool:
        return any(penalty.gradients for penalty in self.penalties)

    def _scores(self, batch: Batch, draw: Draw, fake: Tensor, found: Findings, gradients: bool = False) -> Scores:
        judge = self.discriminator
        real, made = judge.join(batch["x"], judge.real_features(draw["noise"])), judge.join(fake, judge.features(found))
        condition = batch.get("condition")
        return Scores(judge, real, made, condition, together=self._together, gradients=gradients, draw=draw)

    def check(self, batch: Batch, draw: Draw) -> None:
        with torch.no_grad():
            fake, found = self.findings(batch, draw)
            if fake.shape != batch["x"].shape:
                raise ShapeError(
                    f"the generator returned {tuple(fake.shape)}; expected the shape of the data, "
                    f"{tuple(batch['x'].shape)}. "
                    "Try: change its last layer, or the layout of the data."
                )
            names = (*found.residuals, *found.limits)
            if names != self.discriminator.physics.names:
                raise ShapeError(f"the physics found {names}; expected its names {self.discriminator.physics.names}.")
            self._scores(batch, draw, fake, found)
