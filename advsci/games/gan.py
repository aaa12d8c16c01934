r"""The generative adversarial game: a generator of latent vectors against a discriminator of samples.

The generator :math:`G` maps latent vectors to samples, the discriminator :math:`D` gives one logit a sample. What
each minimises is an `Objective`; penalties are added to either player's loss. (Goodfellow et al. 2014, arXiv
1406.2661; conditional form: Mirza and Osindero 2014, arXiv 1411.1784.)
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from advsci.games.adversarial import AdversarialGame, Made
from advsci.games.game import Batch, Draw, require
from advsci.latents import Latent
from advsci.nn.evaluation import evaluating
from advsci.objectives import Objective
from advsci.penalties import Generated, Penalty
from advsci.penalties.scores import Scores
from advsci.streams import Stream

__all__ = ["GAN", "WeightedGenerator"]


@runtime_checkable
class WeightedGenerator(Protocol):
    """A generator that learns how often it gives what: it is trained on weighted samples."""

    def weighted(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Samples of any proposal of its own and their weights (n), differentiable in its parameters; so weighted they
        have the distribution of its plain samples.

        Parameters
        ----------
        z
            Latent vectors (n d).
        """
        ...


class GAN(AdversarialGame):
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

    Examples
    --------
    >>> from advsci.nn import MLP
    >>> from advsci.latents import Gaussian
    >>> game = GAN(MLP(2, 3), MLP(3, 1), Gaussian(2))
    >>> batch = {"x": torch.zeros(8, 3)}
    >>> sorted(game.terms("discriminator", batch, game.draw(batch, Stream(0))))
    ['objective', 'r1', 'r2']
    >>> game.sample(5, Stream(1)).shape
    torch.Size([5, 3])
    """

    one_discriminator_pass = True

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
        super().__init__(
            generator, discriminator, objective=objective, penalties=penalties, generator_penalties=generator_penalties
        )
        self.latent = latent
        self.augment = augment
        self._weighted = isinstance(generator, WeightedGenerator)
        convolves = any(isinstance(module, nn.modules.conv._ConvNd) for module in discriminator.modules())
        # one pass saves a perceptron's overhead, but a CPU convolves two small batches faster than one large
        self._apart_on = {"cpu"} if convolves else set()

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"discriminator": self.discriminator, "generator": self.generator}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Latent vectors, and the penalties' and augmentation's numbers, for ``batch``, from ``stream``."""
        x = require(batch, "x", "GAN")
        latent = self.latent.sample(x.shape[0], stream.at("latent"), device=x.device, dtype=x.dtype)
        draw = {"latent": latent} | self.penalty_draws(x, latent, stream)
        if self.augment is not None:
            draw.update(self.augment.draw(batch, stream.at("augment")))  # type: ignore[attr-defined]
        return draw

    def generate(self, latent: Tensor, condition: Tensor | None = None) -> Tensor:
        """Samples (n ...) for given latent vectors ``latent`` (n d) and, where the game takes them, conditions (n
        ...).

        Parameters
        ----------
        condition
            Conditions of the samples (n ...), or None.
        """
        return _call(self.generator, latent, condition)

    def samples(self, batch: Batch, draw: Draw, generator: nn.Module | None = None) -> Tensor:
        """Samples of ``generator`` (None: its own) at the latent vectors of ``draw``, conditions of ``batch``."""
        return _call(generator if generator is not None else self.generator, draw["latent"], batch.get("condition"))

    @torch.no_grad()
    def sample(
        self, n: int, stream: Stream, condition: Tensor | None = None, *, generator: nn.Module | None = None
    ) -> Tensor:
        """``n`` generated samples, a pure function of the stream, on the generator's device.

        The generator is in evaluation mode meanwhile: a sample does not depend on the others, and batch norm's
        statistics stay.

        Parameters
        ----------
        n
            How many.
        stream
            Key of the latent vectors.
        condition
            What the samples are conditioned on (n ...), for a game that takes it.
        generator
            Replaces the game's own, such as its average: ``training.averaged("generator")``.
        """
        generator = generator if generator is not None else self.generator
        parameter = next(generator.parameters())
        z = self.latent.sample(n, stream.at("latent"), device=parameter.device, dtype=parameter.dtype)
        with evaluating(generator):
            return _call(generator, z, condition)

    def make(self, batch: Batch, draw: Draw) -> Made:
        """Samples for ``batch`` and ``draw``, with their weights where the generator or the data have some."""
        if not self._weighted:
            return Made(self.samples(batch, draw), batch.get("weight"))
        condition = [c for c in (batch.get("condition"),) if c is not None]
        fake, learned = self.generator.weighted(draw["latent"], *condition)  # type: ignore[operator]
        weight = batch.get("weight")
        return Made(fake, learned if weight is None else weight * learned)

    def scores(self, batch: Batch, draw: Draw, made: Made, player: str | None = None) -> Scores:
        """The discriminator's pass over ``batch`` and ``made`` for ``player``'s loss, augmented as ``draw`` says."""
        real, fake = batch["x"], made.samples
        if self.augment is not None:
            real, fake = self.augment(real, draw), self.augment(fake, draw)
        # apart for the generator: the real samples' scores do not depend on it, so nothing flows back through them
        together = player != "generator" and real.device.type not in self._apart_on
        weight = made.weight.detach() if made.weight is not None and self._weighted else made.weight
        return Scores(
            self.discriminator,
            None if player == "generator" and not self.objective.uses_real_in_generator else real,
            fake,
            batch.get("condition"),
            real_weight=batch.get("weight"),
            fake_weight=weight,
            together=together,
            gradients=player == "discriminator" and self.wants_gradients,
            draw=draw,
        )

    def generator_terms(self, batch: Batch, draw: Draw, made: Made) -> dict[str, Tensor]:
        """The generator's penalties by name, given what was ``made`` of ``batch`` and ``draw``."""
        if not self.generator_penalties:
            return {}
        passed = Generated(self.generator, draw["latent"], made.samples, batch.get("condition"), draw)
        return {p.name: p(passed, self.progress) for p in self.generator_penalties}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        self.check_adversarial(batch, draw)


def _call(generator: nn.Module, latent: Tensor, condition: Tensor | None) -> Tensor:
    return generator(latent) if condition is None else generator(latent, condition)
