r"""The generative adversarial game: a generator against a discriminator.

The generator :math:`G` maps latent vectors to samples, the discriminator :math:`D` gives one logit a sample. What
each minimises is an `Objective`; penalties are added to the discriminator's loss. (Goodfellow et al. 2014, arXiv
1406.2661; conditional form: Mirza and Osindero 2014, arXiv 1411.1784.)
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci.games.game import Batch, Draw, Game, require
from advsci.latents import Latent
from advsci.objectives import Objective, RelativisticPairing
from advsci.penalties import R1, R2, Penalty
from advsci.schedules import Cosine
from advsci.scores import Scores, couples_batch
from advsci.streams import Stream

__all__ = ["GAN"]


class GAN(Game):
    """Generator against discriminator under any objective and penalties.

    Parameters
    ----------
    generator
        ``generator(z)`` or, where the batch has a ``"condition"``, ``generator(z, condition)``.
    discriminator
        ``discriminator(x)`` or ``discriminator(x, condition)``; one logit a sample.
    latent
        The prior of ``z``.
    objective, penalties
        Default: R3GAN's relativistic pairing with R1 and R2 (Huang et al. 2024, arXiv 2501.05441), weight 0.02 to
        0.002 on a cosine, which suits standardised low-dimensional data; scale it by about d/2 for d-dimensional
        samples.
    augment
        ``augment(x, draw) -> x``: a differentiable change applied to real and generated samples before they are
        judged. Its random numbers come from ``augment.draw(batch, stream)``.

    Notes
    -----
    A batch holds ``"x"`` (n ...), optionally ``"condition"`` (n ...) and ``"weight"`` (n), non-negative weights of the
    samples. The first axis of every entry is n.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        latent: Latent,
        *,
        objective: Objective | None = None,
        penalties: Sequence[Penalty] | None = None,
        augment: "Callable[[Tensor, Draw], Tensor] | None" = None,
    ):
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator
        self.latent = latent
        self.objective = objective if objective is not None else RelativisticPairing()
        gamma = Cosine(0.02, 0.002)
        self.penalties = tuple(penalties) if penalties is not None else (R1(gamma), R2(gamma))
        self.augment = augment
        self._together = not couples_batch(discriminator)

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"discriminator": self.discriminator, "generator": self.generator}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        x = require(batch, "x", "GAN")
        n, device, dtype = x.shape[0], x.device, x.dtype
        draw = {"latent": self.latent.sample(n, stream.at("latent"), device=device, dtype=dtype)}
        needs = {need for penalty in self.penalties for need in penalty.needs}
        if "uniform" in needs:
            draw["uniform"] = stream.at("uniform").uniform((n,), device=device, dtype=dtype)
        if "normal" in needs:
            draw["normal"] = stream.at("normal").normal(tuple(x.shape), device=device, dtype=dtype)
        if self.augment is not None:
            draw.update(self.augment.draw(batch, stream.at("augment")))  # type: ignore[attr-defined]
        return draw

    def generate(self, latent: Tensor, condition: Tensor | None = None) -> Tensor:
        """Samples for given latent vectors (and conditions)."""
        return self.generator(latent) if condition is None else self.generator(latent, condition)

    @torch.no_grad()
    def sample(
        self, n: int, stream: Stream, condition: Tensor | None = None, *, generator: nn.Module | None = None
    ) -> Tensor:
        """``n`` generated samples, a pure function of the stream, on the generator's device.

        ``generator`` replaces the game's own, such as its average: ``training.averaged("generator")``.
        """
        generator = generator if generator is not None else self.generator
        parameter = next(generator.parameters())
        z = self.latent.sample(n, stream.at("latent"), device=parameter.device, dtype=parameter.dtype)
        return generator(z) if condition is None else generator(z, condition)

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        real, condition, weight = batch["x"], batch.get("condition"), batch.get("weight")
        fake = self.generate(draw["latent"], condition)
        if self.augment is not None:
            real, fake = self.augment(real, draw), self.augment(fake, draw)
        if player == "generator":
            return self._generator_terms(real, fake, condition, weight)
        scores = Scores(
            self.discriminator,
            real,
            fake,
            condition,
            together=self._together,
            gradients=bool(self.penalties),
            uniform=draw.get("uniform"),
            normal=draw.get("normal"),
        )
        terms = {"objective": self.objective.discriminator(scores.real_logits, scores.fake_logits, weight, weight)}
        for penalty in self.penalties:
            terms[penalty.name] = penalty(scores, self.progress)
        return terms

    def _generator_terms(self, real, fake, condition, weight) -> dict[str, Tensor]:
        if self.objective.uses_real_in_generator:
            scores = Scores(self.discriminator, real, fake, condition, together=self._together)
            real_logits, fake_logits = scores.real_logits, scores.fake_logits
        else:
            logits = self.discriminator(fake) if condition is None else self.discriminator(fake, condition)
            real_logits, fake_logits = None, logits.reshape(-1)
        return {"objective": self.objective.generator(real_logits, fake_logits, weight, weight)}

    def check(self, batch: Batch, draw: Draw) -> None:
        real = require(batch, "x", "GAN")
        with torch.no_grad():
            fake = self.generate(draw["latent"], batch.get("condition"))
            if fake.shape != real.shape:
                raise ShapeError(
                    f"the generator got latent vectors of shape {tuple(draw['latent'].shape)} and returned "
                    f"{tuple(fake.shape)}; "
                    f"expected the data's shape {tuple(real.shape)}. Try: change its last layer, or the data's layout."
                )
            Scores(self.discriminator, real, fake, batch.get("condition"), together=self._together)
        if (weight := batch.get("weight")) is not None and weight.shape != real.shape[:1]:
            raise ShapeError(
                f"got weights of shape {tuple(weight.shape)} for {real.shape[0]} samples; expected ({real.shape[0]},). "
                "Try: one non-negative weight a sample."
            )
