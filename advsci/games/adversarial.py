r"""The adversarial game: a generator against a discriminator, whatever they look at.

Every such game has an objective, penalties on its players and, where constraints are priced, multipliers. A subclass
says what the generator makes of a batch (`AdversarialGame.make`) and what the discriminator is shown of it
(`AdversarialGame.scores`). The losses follow from that, here and nowhere else:

============== =====================================================================================================
player         minimises
============== =====================================================================================================
discriminator  the objective's discriminator loss, plus its penalties
generator      w times the objective's generator loss, plus prices of the violations, plus terms of the game's own
multipliers    minus the prices
============== =====================================================================================================
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from advsci.errors import ConfigError, DataError, ShapeError
from advsci.games.game import Batch, Draw, Noted, OnePassGame, require, separate_gradients, total
from advsci.objectives import Objective, RelativisticPairing
from advsci.penalties import R1, R2, Penalty, RandomPenalty, StatefulPenalty
from advsci.penalties.scores import Scores
from advsci.schedules import Cosine, Schedule
from advsci.streams import Stream

if TYPE_CHECKING:
    from advsci.physics import Findings, Multipliers

__all__ = ["AdversarialGame", "Made"]


@dataclass(frozen=True)
class Made:
    """What a generator made of one batch and draw; a game with more to hand on subclasses it.

    Attributes
    ----------
    samples
        Generated samples (n ...), in the layout of the data.
    weight
        Weights (n) of the samples in expectations over the generator's distribution; None for equal ones.
    findings
        What the physics says of the samples, or None.
    """

    samples: Tensor
    weight: Tensor | None = None
    findings: "Findings | None" = None

    def detach(self) -> "Made":
        """The same without its graph: what every player but the generator needs."""
        return replace(self, **{f.name: _detached(getattr(self, f.name)) for f in fields(self)})


class AdversarialGame(OnePassGame):
    """Generator against discriminator, and multipliers where constraints are priced.

    Parameters
    ----------
    generator
        Module of the player "generator".
    discriminator
        The judge of samples. Its learned part is the player "discriminator".
    objective
        What both are scored with; default: R3GAN's relativistic pairing (Huang et al. 2024, arXiv 2501.05441).
    penalties
        Penalties on the discriminator; default: R1 and R2.
    gamma
        Weight of these two.
    generator_penalties
        Penalties on the generator.
    multipliers
        Prices of the violations that the physics finds, by name; None for no prices.
    adversarial
        Weight w of the objective in the generator's loss.

    Raises
    ------
    ConfigError
        Two penalties of a player have the same name.

    Notes
    -----
    A subclass states `players`, `draw`, `samples`, `make`, `scores` and `check`, and may add terms of its own to the
    generator's loss (`generator_terms`). A batch holds the data ``"x"`` (n ...), where the game takes them
    ``"condition"`` (n ...) and ``"weight"`` (n), non-negative weights of the samples.

    Examples
    --------
    >>> from advsci import GAN, Stream
    >>> from advsci.games import AdversarialGame
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> real, fake = game.logits(batch, game.draw(batch, Stream(1)))
    >>> isinstance(game, AdversarialGame), real.shape
    (True, torch.Size([8]))
    """

    sample_weights = True
    one_discriminator_pass = False
    """Under a simultaneous solver, whether the discriminator's one pass also serves the generator, by the chain rule a
    sample: only where the generator's objective reaches its parameters through ``make(...).samples`` and ``.weight``,
    as the discriminator is shown them."""
    judge_teaches = False
    """Whether the discriminator learns something besides judging, such as classes, which its generator is taught:
    with the adversary off, that stays."""

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        objective: Objective | None = None,
        penalties: Sequence[Penalty] | None = None,
        gamma: float | Schedule = Cosine(0.02, 0.002),  # noqa: B008 - it is frozen
        generator_penalties: Sequence[Penalty] = (),
        multipliers: "Multipliers | None" = None,
        adversarial: float = 1.0,
    ):
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator
        self.multipliers = multipliers
        self.objective = objective if objective is not None else RelativisticPairing()
        self.penalties = tuple(penalties) if penalties is not None else (R1(gamma), R2(gamma))
        self.generator_penalties = tuple(generator_penalties)
        self.adversarial = adversarial
        self._adopt("discriminator", self.penalties)
        self._adopt("generator", self.generator_penalties)
        if multipliers is not None:
            self.constraints["multipliers"] = [lambda _: multipliers.clip()]

    @abstractmethod
    def samples(self, batch: Batch, draw: Draw, generator: nn.Module | None = None) -> Tensor:
        """Generated samples (n ...), each as likely as the generator makes it.

        Parameters
        ----------
        batch, draw
            Conditions, and the random numbers of `draw`.
        generator
            Replaces the game's own, such as its average ``training.averaged("generator")``.
        """

    @abstractmethod
    def make(self, batch: Batch, draw: Draw) -> Made:
        """What the generator makes for its own loss and for the others'; differentiable in its parameters.

        Parameters
        ----------
        batch
            A batch: name to tensor, the samples along the first axis.
        draw
            The random numbers of one evaluation, from `draw`.
        """

    @abstractmethod
    def scores(self, batch: Batch, draw: Draw, made: Made, player: str | None = None) -> Scores:
        """The discriminator's pass over the data and what was made.

        Parameters
        ----------
        batch, draw, made
            One evaluation of the game.
        player
            Whose loss will read the scores: the discriminator's penalties need ``gradients=self.wants_gradients``, the
            generator may need no score of the data. None: somebody who looks on needs all logits.
        """

    def generator_terms(self, batch: Batch, draw: Draw, made: Made) -> dict[str, Tensor]:
        """Further named terms of the generator's loss, such as a reconstruction; none by default.

        Parameters
        ----------
        batch
            A batch: name to tensor, the samples along the first axis.
        draw
            The random numbers of one evaluation, from `draw`.
        made
            What `make` gave.
        """
        return {}

    def logits(self, batch: Batch, draw: Draw) -> tuple[Tensor, Tensor]:
        """The discriminator at the data and at the generated samples, one logit each, (n) and (n).

        Parameters
        ----------
        batch
            A batch: name to tensor, the samples along the first axis.
        draw
            The random numbers of one evaluation, from `draw`.
        """
        scores = self.scores(batch, draw, self.make(batch, draw))
        return scores.real_logits, scores.fake_logits

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Named terms of ``player``'s loss on ``batch``, a pure function of ``draw``."""
        return self._terms(player, batch, draw, self.make(batch, draw))

    def shared_terms(self, batch: Batch, draw: Draw) -> dict[str, dict[str, Tensor]]:
        """Every player's terms from one `make`; each is exact in its own player's parameters.

        Parameters
        ----------
        batch
            A batch: name to tensor, the samples along the first axis.
        draw
            The random numbers of one evaluation, from `draw`.
        """
        made = self.make(batch, draw)
        terms = {"generator": self._terms("generator", batch, draw, made)}
        made = made.detach()
        return terms | {p: self._terms(p, batch, draw, made) for p in self.players if p != "generator"}

    def shared_field(self, batch, draw, parameters):
        """Terms on ``batch`` and ``draw``, and each player's gradient in its ``parameters``, from one pass."""
        both = parameters.get("discriminator") and parameters.get("generator")
        if self.one_discriminator_pass and both and len(parameters) == 2:
            return self._one_pass_field(batch, draw, parameters)
        terms = self.shared_terms(batch, draw)
        return terms, separate_gradients(terms, parameters)

    @property
    def wants_gradients(self) -> bool:
        """Whether a penalty of the discriminator reads its input gradients."""
        return any(penalty.gradients for penalty in self.penalties)

    def _terms(self, player: str, batch: Batch, draw: Draw, made: Made) -> dict[str, Tensor]:
        if player == "multipliers":
            return {name: -term for name, term in self._prices(made).items()}
        scores = self.scores(batch, draw, made, player)
        if player == "discriminator":
            return self._discriminator_terms(scores)
        return self._generator_terms(scores, batch, draw, made)

    def _discriminator_terms(self, scores: Scores) -> dict[str, Tensor]:
        weights = scores.real_weight, scores.fake_weight
        objective = self.objective.discriminator(scores.real_logits, scores.fake_logits, *weights)
        return {"objective": objective} | {p.name: p(scores, self.progress) for p in self.penalties}

    def _generator_terms(self, scores: Scores, batch: Batch, draw: Draw, made: Made) -> dict[str, Tensor]:
        real = scores.real_logits if scores.has_real else None
        value = self.objective.generator(real, scores.fake_logits, scores.real_weight, made.weight)
        if self.adversarial != 1.0:
            value = self.adversarial * value
        return {"objective": value, **self._prices(made), **self.generator_terms(batch, draw, made)}

    def _prices(self, made: Made) -> dict[str, Tensor]:
        if self.multipliers is None or made.findings is None:
            return {}
        return self.multipliers(made.findings.violations)

    def _one_pass_field(self, batch: Batch, draw: Draw, parameters):
        """The chain rule a sample, dL/dx = (dL/da) grad D(x): one backward pass through D serves both players."""
        made = self.make(batch, draw)
        scores = self.scores(batch, draw, made, "discriminator")
        discriminator = self._discriminator_terms(scores)
        generator = self._generator_terms(scores, batch, draw, made)
        terms = {"discriminator": discriminator, "generator": generator}
        penalised = any(penalty.active for penalty in self.penalties)
        if scores.couples_batch or (penalised and not scores.has_gradients):
            return terms, separate_gradients(terms, parameters)
        objective, *others = generator.values()
        learned = [made.weight] if made.weight is not None and made.weight.requires_grad else []
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
            inputs = [*parameters["discriminator"], scores.fake]
            outputs = torch.autograd.grad(logits, inputs, (slopes[0], carried), allow_unused=True, retain_graph=True)
            own, flow, pull = outputs[:-1], outputs[-1], pull / carried
        signal = pull.reshape(-1, *[1] * (scores.fake.dim() - 1)) * flow
        outputs, slopes = [scores.fake, *learned, *others], [signal, *push, *map(torch.ones_like, others)]
        moved = torch.autograd.grad(outputs, parameters["generator"], slopes, allow_unused=True)
        return terms, {"discriminator": list(own), "generator": list(moved)}

    def penalty_draws(self, data: Tensor, latent: Tensor, stream: Stream) -> dict[str, Tensor]:
        """The random numbers of all penalties: the discriminator's at points like ``data``, the generator's at
        ``latent``.

        Parameters
        ----------
        stream
            Where the random numbers come from.
        """
        draw: dict[str, Tensor] = {}
        for penalties, points in ((self.penalties, data), (self.generator_penalties, latent)):
            for penalty in penalties:
                if isinstance(penalty, RandomPenalty):
                    draw.update(penalty.draw(points, stream.at(penalty.name)))
        return draw

    def _adopt(self, player: str, penalties: Sequence[Penalty]) -> None:
        """Register the running statistics of penalties and let them follow the player's moves."""
        names = [penalty.name for penalty in penalties]
        if repeated := sorted({name for name in names if names.count(name) > 1 or name == "objective"}):
            raise ConfigError(
                f"got {player} penalties named {names}, where {repeated} clash; expected distinct names other than "
                "'objective'. Try: one penalty with the sum of the weights, or another name."
            )
        for penalty in penalties:
            if isinstance(penalty, StatefulPenalty):
                self.add_module(f"{player}_{penalty.name}", penalty)
                self.constraints.setdefault(player, []).append(lambda network, follow=penalty.follow: follow())

    def check_adversarial(self, batch: Batch, draw: Draw) -> Made:
        """What every `check` of an adversarial game begins with; gives what the generator made.

        Parameters
        ----------
        draw
            The random numbers of one evaluation, from `draw`.

        Raises
        ------
        DataError
            The batch has no ``"x"``, or a key that no loss reads.
        ShapeError
            Samples are not shaped like the data, the discriminator gives no logit a sample, or weights do not fit.
        """
        real = require(batch, "x", type(self).__name__)
        if (weight := batch.get("weight")) is not None and weight.shape != real.shape[:1]:
            raise ShapeError(
                f"got weights of shape {tuple(weight.shape)} for {real.shape[0]} samples; expected ({real.shape[0]},). "
                "Try: one non-negative weight per sample."
            )
        with torch.no_grad():
            made = self.make(batch, draw)
            if made.samples.shape != real.shape:
                latent = tuple(draw["latent"].shape) if "latent" in draw else "unknown"
                raise ShapeError(
                    f"got samples of shape {tuple(made.samples.shape)} from a generator of latent vectors {latent}; "
                    f"expected the data's shape {tuple(real.shape)}. Try: change its last layer, or the data's layout."
                )
            self.scores(batch, draw, made)
        noted = Noted(batch)
        self.draw(noted, Stream(0))
        for player in self.players:
            self.terms(player, noted, draw)
        if noted.unused:
            raise DataError(
                f"got a batch with {noted.unused}, which no loss of this {type(self).__name__} reads; expected keys "
                "such as 'x', 'condition' and 'weight'. Try: another name for them, or leave them out."
            )
        return made


def _detached(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _detached(part) for key, part in value.items()}
    return value.detach() if hasattr(value, "detach") else value
