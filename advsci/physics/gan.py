r"""A generative game under a law of physics: generator, critic, and the multipliers that price violations.

The generator minimises its adversarial loss plus the augmented Lagrangian of the mean violations; the critic judges
samples together with the features of their residuals; the multipliers ascend. (Residual features: PID-GAN, Daw et al.
2021, arXiv 2106.02993; multipliers as players in place of hand-tuned weights.)
"""

from collections.abc import Callable, Sequence

from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci.games.adversarial import AdversarialGame, Made
from advsci.games.game import Batch, Draw, require
from advsci.latents import Latent
from advsci.objectives import Objective
from advsci.penalties import Penalty
from advsci.penalties.scores import Scores
from advsci.physics.discriminator import PhysicsInformedDiscriminator
from advsci.physics.law import Findings
from advsci.physics.multipliers import Multipliers
from advsci.streams import Stream

__all__ = ["PhysicsGAN"]


class PhysicsGAN(AdversarialGame):
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
    solver the physics is evaluated once per step, for all players: one solve and one adjoint.

    Examples
    --------
    >>> import torch
    >>> from advsci import Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.physics import Findings, Multipliers, Physics, PhysicsGAN, PhysicsInformedDiscriminator
    >>> from advsci.solvers import Simultaneous
    >>> class Mass(Physics):
    ...     names = ("mass",)
    ...     def forward(self, x, condition=None):
    ...         return Findings({"mass": x.sum(1) - 1.0})
    >>> class Critic(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.net = MLP(3, 1)
    ...     def forward(self, x, features, condition=None):
    ...         return self.net(torch.cat([x, features], 1))
    >>> judge = PhysicsInformedDiscriminator(Critic(), Mass(), (2,))
    >>> game = PhysicsGAN(MLP(2, 2), judge, Gaussian(2), Multipliers(("mass",)))
    >>> Trainer(steps=2, batch_size=16, quiet=True).fit(game, Stream(0).normal((64, 2)), Simultaneous()).step
    2
    """

    discriminator: PhysicsInformedDiscriminator

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
        super().__init__(
            generator, discriminator, objective=objective, penalties=penalties, multipliers=multipliers,
            adversarial=adversarial,
        )  # fmt: skip
        self.latent = latent
        self.extra = extra

    @property
    def players(self) -> dict[str, nn.Module]:
        players = {"generator": self.generator, "discriminator": self.discriminator.critic}
        return players | ({"multipliers": self.multipliers} if self.multipliers is not None else {})

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Latent vectors, noise of the residuals, and the penalties' numbers for ``batch``, from ``stream``."""
        x = require(batch, "x", "PhysicsGAN")
        n, device, dtype = x.shape[0], x.device, x.dtype
        count = self.discriminator.count
        draw = {
            "latent": self.latent.sample(n, stream.at("latent"), device=device, dtype=dtype),
            "noise": stream.at("noise").normal((n, count), device=device, dtype=dtype),
        }
        return draw | self.penalty_draws(self.discriminator.join(x, draw["noise"]), draw["latent"], stream)

    def generate(self, latent: Tensor, condition: Tensor | None = None) -> Tensor:
        """Samples (n ...) for latent vectors ``latent`` (n d) and, where the game takes them, conditions (n c).

        Parameters
        ----------
        condition
            Conditions of the samples (n ...), or None.
        """
        return self.generator(latent) if condition is None else self.generator(latent, condition)

    def findings(self, batch: Batch, draw: Draw) -> tuple[Float[Tensor, "n ..."], Findings]:
        """Generated samples for the conditions of ``batch`` and the numbers of ``draw``, and what the physics says of
        them.
        """
        x = self.generate(draw["latent"], batch.get("condition"))
        return x, self.discriminator.physics(x, batch.get("condition"))

    def samples(self, batch: Batch, draw: Draw, generator: nn.Module | None = None) -> Tensor:
        """Samples of ``generator`` (None: its own) at the latent vectors of ``draw``, conditions of ``batch``."""
        generator = generator if generator is not None else self.generator
        condition = batch.get("condition")
        return generator(draw["latent"]) if condition is None else generator(draw["latent"], condition)

    def make(self, batch: Batch, draw: Draw) -> Made:
        """Samples for ``batch`` and ``draw``, and what the physics finds in them."""
        x, found = self.findings(batch, draw)
        return Made(x, batch.get("weight"), found)

    def scores(self, batch: Batch, draw: Draw, made: Made, player: str | None = None) -> Scores:
        """Scores of ``batch`` and ``made``, each with physical features (noise of ``draw``), for ``player``'s loss."""
        judge = self.discriminator
        assert made.findings is not None
        return Scores(
            judge,
            judge.join(batch["x"], judge.real_features(draw["noise"])),
            judge.join(made.samples, judge.features(made.findings)),
            batch.get("condition"),
            real_weight=batch.get("weight"),
            fake_weight=made.weight,
            gradients=player == "discriminator" and self.wants_gradients,
            draw=draw,
        )

    def generator_terms(self, batch: Batch, draw: Draw, made: Made) -> dict[str, Tensor]:
        """The user's further terms on ``batch`` and ``draw``; what was ``made`` is not used."""
        return self.extra(self.generator, batch, draw) if self.extra is not None else {}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a `ShapeError` where the findings on ``batch`` and ``draw`` are not those of the physics.

        Raises
        ------
        ShapeError
            The findings are not those that the discriminator reads.
        """
        found = self.check_adversarial(batch, draw).findings
        assert found is not None
        names = (*found.residuals, *found.limits)
        if names != self.discriminator.physics.names:
            raise ShapeError(
                f"got findings {names}; expected the physics' names {self.discriminator.physics.names}. "
                "Try: return them in this order."
            )
