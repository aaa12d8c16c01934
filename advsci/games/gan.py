r"""The generative adversarial game: a generator against a discriminator.

The generator :math:`G` maps latent vectors to samples, the discriminator :math:`D` gives one logit a sample. What
each minimises is an `Objective`; penalties are added to either player's loss. (Goodfellow et al. 2014, arXiv
1406.2661; conditional form: Mirza and Osindero 2014, arXiv 1411.1784.)
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from advsci.errors import ConfigError, ShapeError
from advsci.games.game import Batch, Draw, OnePassGame, require, separate_gradients, total
from advsci.latents import Latent
from advsci.objectives import Objective, RelativisticPairing
from advsci.penalties import R1, R2, Generated, Penalty, RandomPenalty, StatefulPenalty
from advsci.penalties.scores import Scores, couples_batch
from advsci.schedules import Cosine
from advsci.streams import Stream

__all__ = ["GAN", "WeightedGenerator"]


@runtime_checkable
class WeightedGenerator(Protocol):
    """A generator that learns how often it gives what: it is trained on weighted samples."""

    def weighted(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Samples of any proposal of its own and their weights (n), differentiable in its parameters; so weighted they
        have the distribution of its plain samples.
        """
        ...


class GAN(OnePassGame):
    """Generator against discriminator under any objective and penalties.

    Parameters
    ----------
    generator
        ``generator(z)`` or, where the batch has a ``"condition"``, ``generator(z, condition)``. A `WeightedGenerator`
        is trained on its weighted samples.
    discriminator
        ``discriminator(x)`` or ``discriminator(x, condition)``; one logit a sample.
    latent
        The prior of ``z``.
    objective, penalties
        Default: R3GAN's relativistic pairing with R1 and R2 (Huang et al. 2024, arXiv 2501.05441), weight 0.02 to
        0.002 on a cosine, which suits standardised low-dimensional data; scale it by about d/2 for d-dimensional
        samples.
    generator_penalties
        Penalties on the generator, such as `advsci.penalties.JacobianConditioning`.
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
        generator_penalties: Sequence[Penalty] = (),
        augment: "Callable[[Tensor, Draw], Tensor] | None" = None,
    ):
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator
        self.latent = latent
        self.objective = objective if objective is not None else RelativisticPairing()
        gamma = Cosine(0.02, 0.002)
        self.penalties = tuple(penalties) if penalties is not None else (R1(gamma), R2(gamma))
        self.generator_penalties = tuple(generator_penalties)
        self._adopt("discriminator", self.penalties)
        self._adopt("generator", self.generator_penalties)
        self.augment = augment
        self._independent = not couples_batch(discriminator)
        self._weighted = isinstance(generator, WeightedGenerator)
        self._convolves = any(isinstance(module, nn.modules.conv._ConvNd) for module in discriminator.modules())

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"discriminator": self.discriminator, "generator": self.generator}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        x = require(batch, "x", "GAN")
        n, device, dtype = x.shape[0], x.device, x.dtype
        draw = {"latent": self.latent.sample(n, stream.at("latent"), device=device, dtype=dtype)}
        for penalties, points in ((self.penalties, x), (self.generator_penalties, draw["latent"])):
            for penalty in penalties:
                if isinstance(penalty, RandomPenalty):
                    draw.update(penalty.draw(points, stream.at(penalty.name)))
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

    def logits(self, batch: Batch, draw: Draw) -> tuple[Tensor, Tensor]:
        """The discriminator at the data and at the generated samples, one logit each."""
        real, fake, _ = self._samples(batch, draw)
        scores = self._scores(real, fake, batch.get("condition"), draw)
        return scores.real_logits, scores.fake_logits

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        real, fake, fake_weight = self._samples(batch, draw)
        condition, weight = batch.get("condition"), batch.get("weight")
        if player == "discriminator":
            scores = self._scores(real, fake, condition, draw, gradients=self._wants_gradients)
            return self._discriminator_terms(scores, weight, fake_weight)
        if self.objective.uses_real_in_generator:
            # apart: the real samples' scores do not depend on the generator, so nothing flows back through them
            scores = self._scores(real, fake, condition, draw, together=False)
            real_logits, fake_logits = scores.real_logits, scores.fake_logits
        else:
            logits = self.discriminator(fake) if condition is None else self.discriminator(fake, condition)
            real_logits, fake_logits = None, logits.reshape(-1)
        objective = self.objective.generator(real_logits, fake_logits, weight, fake_weight)
        return {"objective": objective, **self._generator_penalties(fake, condition, draw)}

    def shared_field(self, batch, draw, parameters):
        real, fake, fake_weight = self._samples(batch, draw)
        condition, weight = batch.get("condition"), batch.get("weight")
        scores = self._scores(real, fake, condition, draw, gradients=self._wants_gradients)
        discriminator = self._discriminator_terms(scores, weight, fake_weight)
        objective = self.objective.generator(scores.real_logits, scores.fake_logits, weight, fake_weight)
        penalties = self._generator_penalties(fake, condition, draw)
        terms = {"discriminator": discriminator, "generator": {"objective": objective, **penalties}}
        if not self._independent or (self.penalties and not scores.has_gradients):
            return terms, separate_gradients(terms, parameters)
        # the chain rule a sample, dL/dx = (dL/da) grad D(x): one backward pass through D serves both players
        learned = [fake_weight] if fake_weight is not None and fake_weight.requires_grad else []
        pull, *push = torch.autograd.grad(objective, [scores.fake_logits, *learned], retain_graph=True)
        if scores.has_gradients:  # the penalties have made grad D(x)
            flow = scores.fake_gradient.detach()
            own = torch.autograd.grad(
                total(discriminator), parameters["discriminator"], allow_unused=True, retain_graph=True
            )
        else:
            logits = scores.real_logits, scores.fake_logits
            slopes = torch.autograd.grad(discriminator["objective"], logits, retain_graph=True)
            # the pass carries the discriminator's slopes; a floor far below rounding keeps their quotient finite
            floor = torch.finfo(pull.dtype).eps ** 2 / pull.shape[0]
            carried = torch.where(slopes[1].abs() < floor, floor, slopes[1])
            inputs = [*parameters["discriminator"], fake]
            outputs = torch.autograd.grad(logits, inputs, (slopes[0], carried), allow_unused=True, retain_graph=True)
            own, flow, pull = outputs[:-1], outputs[-1], pull / carried
        signal = pull.reshape(-1, *[1] * (fake.dim() - 1)) * flow
        made, slopes = [fake, *learned, *penalties.values()], [signal, *push, *map(torch.ones_like, penalties.values())]
        others = torch.autograd.grad(made, parameters["generator"], slopes, allow_unused=True)
        return terms, {"discriminator": list(own), "generator": list(others)}

    @property
    def _wants_gradients(self) -> bool:
        return any(penalty.gradients for penalty in self.penalties)

    def _samples(self, batch: Batch, draw: Draw) -> tuple[Tensor, Tensor, Tensor | None]:
        """Real and generated samples and the weights of the latter."""
        real, z, weight = batch["x"], draw["latent"], batch.get("weight")
        if self._weighted:
            condition = [c for c in (batch.get("condition"),) if c is not None]
            fake, learned = self.generator.weighted(z, *condition)  # type: ignore[operator]
            weight = learned if weight is None else weight * learned
        else:
            fake = self.generate(z, batch.get("condition"))
        if self.augment is not None:
            real, fake = self.augment(real, draw), self.augment(fake, draw)
        return real, fake, weight

    def _scores(self, real, fake, condition, draw, gradients: bool = False, together: bool = True) -> Scores:
        # one pass saves a perceptron's overhead, but a CPU convolves two small batches faster than one large
        together = together and self._independent and not (self._convolves and real.device.type == "cpu")
        return Scores(self.discriminator, real, fake, condition, together=together, gradients=gradients, draw=draw)

    def _discriminator_terms(self, scores: Scores, weight, fake_weight) -> dict[str, Tensor]:
        if self._weighted:  # the discriminator takes them as they are
            scores.fake_weight = fake_weight = fake_weight.detach()
        objective = self.objective.discriminator(scores.real_logits, scores.fake_logits, weight, fake_weight)
        return {"objective": objective} | {p.name: p(scores, self.progress) for p in self.penalties}

    def _generator_penalties(self, fake, condition, draw) -> dict[str, Tensor]:
        if not self.generator_penalties:
            return {}
        made = Generated(self.generator, draw["latent"], fake, condition, draw)
        return {p.name: p(made, self.progress) for p in self.generator_penalties}

    def _adopt(self, player: str, penalties: Sequence[Penalty]) -> None:
        """Register the running statistics of penalties and let them follow the player's moves."""
        names = [penalty.name for penalty in penalties]
        if repeated := sorted({name for name in names if names.count(name) > 1 or name == "objective"}):
            raise ConfigError(
                f"got {player} penalties named {names}; expected distinct names other than 'objective', but "
                f"{repeated} clash. "
                "Try: one penalty with the sum of the weights, or another name."
            )
        for penalty in penalties:
            if isinstance(penalty, StatefulPenalty):
                self.add_module(f"{player}_{penalty.name}", penalty)
                self.constraints.setdefault(player, []).append(lambda network, follow=penalty.follow: follow())

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
            self._scores(real, fake, batch.get("condition"), draw)
        if (weight := batch.get("weight")) is not None and weight.shape != real.shape[:1]:
            raise ShapeError(
                f"got weights of shape {tuple(weight.shape)} for {real.shape[0]} samples; expected ({real.shape[0]},). "
                "Try: one non-negative weight a sample."
            )
