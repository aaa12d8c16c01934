r"""Posterior samples that an adversary vouches for: a likelihood says where, an adversary says how it looks.

Stage one draws from a tractable posterior by likelihood (`advsci_inverse.search.proposal`). In stage two a noise-fed,
data-consistent network :math:`G` (`advsci_inverse.priors.sampler`) plays against a discriminator that sees pairs of an
image and its point estimate. With :math:`P` samples of each image the generator minimises

.. math:: w\,L_{adv} + S_\beta(\hat x_1, \dots, \hat x_P;\ x),

:math:`S_\beta` a score of samples (`advsci_inverse.game.scoring`). The score says how far samples spread, pixel by
pixel, and is blind to how pixels go together; that is what the adversary judges.

The factor :math:`\beta` of the reward for spread is set by measurement (Bendel et al. 2023, arXiv 2210.13389, eq. 14).
For samples of the true posterior, :math:`E_P` the squared error of the mean of P samples,
:math:`E_1/E_P = 2P/(P+1)`; `SpreadControl` moves :math:`\log\beta` by the logarithm of the mismatch on validation
images.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci.games.adversarial import AdversarialGame, Made
from advsci.games.game import Batch, Draw, require
from advsci.objectives import Objective
from advsci.penalties import ApproximateR1, ApproximateR2, Penalty
from advsci.penalties.scores import Scores
from advsci.streams import Stream
from advsci.training import Training
from advsci_inverse.game.scoring import energy_score
from advsci_inverse.priors.sampler import Consistency
from advsci_inverse.search.proposal import Start

__all__ = ["PosteriorGAN", "SpreadControl", "started"]

OUTSIDE = 0.1
"""Cost of a pixel outside its bounds, per distance; the score's own slope is 1."""

Score = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class _Several(Made):
    """All samples of each image, ``[p, n, h, w]``, the first of which is judged, and how far it went beyond."""

    several: Tensor | None = None
    outside: Tensor | None = None


def started(
    truth: Float[Tensor, "n h w"], y: Tensor, start: Start, consistency: Consistency, member: int = 0
) -> dict[str, Tensor]:
    """What the game trains on: images with what the first stage made of their data.

    Parameters
    ----------
    truth
        Images.
    y
        Their data.
    start
        Point estimates, deviations and draws.
    consistency
        Data step of the operator.
    member
        Index of the operator in the game's family.

    Returns
    -------
    dict
        Tensors with one row per image.
    """
    back = consistency.back(y)
    which = torch.full((len(truth),), member)
    parts = {"point": start.point, "deviation": start.deviation, "draws": start.draws}
    return {"x": truth, "back": back, "member": which, **parts}


class PosteriorGAN(AdversarialGame):
    """Sampler against a discriminator of pairs, under a score of several samples.

    Parameters
    ----------
    sampler
        The noise-fed network, such as `advsci_inverse.priors.sampler.PosteriorSampler`.
    discriminator
        ``discriminator(x, point)``, one logit per image.
    family
        Data steps of the operators.
    adversarial
        Weight of the adversarial term; 0 leaves the score alone.
    score
        ``score(samples, truth, beta)``.
    count
        Samples of each image, at least 2.
    bounds
        Least and largest value of a pixel, None for any. Samples are scored and judged as they are delivered, clipped:
        else the discriminator knows them by values below 0, which nobody will see, and teaches little else. What the
        network says beyond costs a tenth of the distance, the way back for pixels whose clipped value no longer moves.
    objective, penalties
        As in `advsci.games.AdversarialGame`; default: relativistic pairing, with R1 and R2 by differences, weak
        ones: at a weight of 1.6 the discriminator said next to nothing (docs/inverse/posterior.md).

    Notes
    -----
    Batch: what `started` gives, for all operators together.

    Examples
    --------
    >>> from advsci_inverse.operators import gaussian_sensing
    >>> from advsci_inverse.priors.sampler import PairDiscriminator, PosteriorSampler
    >>> from advsci_inverse.search.proposal import GaussianProposal
    >>> operator, x = gaussian_sensing(20, (8, 8)), torch.rand(30, 8, 8)
    >>> y = operator(x)
    >>> start = GaussianProposal(operator, 0.1, x.mean(0), 0.1 * torch.eye(64))(y, 3, Stream(0))
    >>> consistency = Consistency.of(operator, 0.1, 0.3)
    >>> sampler = PosteriorSampler(0.05, widths=(8,), blocks=(1,))
    >>> game = PosteriorGAN(sampler, PairDiscriminator((8, 8), 4), [consistency])
    >>> batch = started(x, y, start, consistency)
    >>> sorted(game.terms("generator", batch, game.draw(batch, Stream(1))))
    ['objective', 'score']
    """

    beta: Tensor

    def __init__(
        self,
        sampler: nn.Module,
        discriminator: nn.Module,
        family: Sequence[Consistency],
        *,
        adversarial: float = 0.1,
        score: Score = energy_score,
        count: int = 2,
        bounds: tuple[float, float] | None = None,
        objective: Objective | None = None,
        penalties: Sequence[Penalty] | None = None,
    ):
        chosen = tuple(penalties) if penalties is not None else (ApproximateR1(0.2), ApproximateR2(0.2))
        super().__init__(sampler, discriminator, objective=objective, penalties=chosen, adversarial=adversarial)
        self.family, self.score, self.count, self.bounds = tuple(family), score, count, bounds
        self.register_buffer("beta", torch.ones(()))

    @property
    def players(self) -> dict[str, nn.Module]:
        """The sampler, and the discriminator where it has a say."""
        both: dict[str, nn.Module] = {"discriminator": self.discriminator, "generator": self.generator}
        return both if self.adversarial else {"generator": self.generator}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Noise and choice of draws for several samples of each image, and the penalties' draws.

        Parameters
        ----------
        batch
            Of `started`.
        stream
            Of all random numbers.

        Returns
        -------
        dict
            Noise ``[n, p, h, w]`` and indices of draws ``[n, p]``.
        """
        x, k = require(batch, "x", "PosteriorGAN"), batch["draws"].shape[1]
        noise = stream.at("latent").normal((len(x), self.count, *x.shape[1:]), device=x.device, dtype=x.dtype)
        order = stream.at("order").uniform((len(x), k), device=x.device).argsort(1)  # different draws where there are
        draw = {"latent": noise, "pick": order[:, torch.arange(self.count, device=x.device) % k]}
        return draw | self.penalty_draws(x, noise, stream)

    def _held(self, v: Tensor, batch: Batch) -> Tensor:
        held = torch.empty_like(v)
        for i, consistency in enumerate(self.family):
            of = batch["member"] == i
            held[of] = consistency.held(v[of], batch["back"][of], self.bounds)
        return held

    def several(self, batch: Batch, draw: Draw, generator: nn.Module | None = None) -> Float[Tensor, "p n h w"]:
        """All samples of each image.

        Parameters
        ----------
        batch, draw
            One evaluation of the game.
        generator
            Replaces the game's own sampler, such as its average.

        Returns
        -------
        tensor [p, n, h, w]
            Samples that explain the data, within the bounds.
        """
        return self._delivered(self._proposed(batch, draw, generator or self.generator), batch)

    def _proposed(self, batch: Batch, draw: Draw, net: nn.Module) -> Tensor:
        """What the network says, ``[p, n, h, w]``."""
        rows = torch.arange(len(batch["x"]), device=batch["x"].device)
        told = batch["point"], batch["deviation"]
        pairs = zip(draw["pick"].unbind(1), draw["latent"].unbind(1), strict=True)
        return torch.stack([net(batch["draws"][rows, pick], *told, noise) for pick, noise in pairs])

    def _delivered(self, proposed: Tensor, batch: Batch) -> Tensor:
        held = torch.stack([self._held(v, batch) for v in proposed])
        return held if self.bounds is None else held.clamp(*self.bounds)

    def samples(self, batch: Batch, draw: Draw, generator: nn.Module | None = None) -> Tensor:
        """One sample of each image, ``[n, h, w]``, for a ``batch`` and ``draw``, by another ``generator`` if given."""
        return self.several(batch, draw, generator)[0]

    def make(self, batch: Batch, draw: Draw) -> Made:
        """All samples for a ``batch`` and ``draw``; the first is judged."""
        proposed = self._proposed(batch, draw, self.generator)
        several = self._delivered(proposed, batch)
        beyond = None if self.bounds is None else (proposed - proposed.detach().clamp(*self.bounds)).abs().mean()
        return _Several(several[0], several=several, outside=beyond)

    def scores(self, batch: Batch, draw: Draw, made: Made, player: str | None = None) -> Scores:
        """The discriminator's pass over a ``batch`` and what was ``made`` of it by a ``draw``, beside the estimates.

        The input gradients are kept where the ``player`` is the discriminator and a penalty reads them.
        """
        judged = made.samples if self.adversarial else made.samples.detach()
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.adversarial != 0.0):
            return Scores(
                self.discriminator,
                batch["x"],
                judged,
                batch["point"],
                together=False,  # a CPU convolves two small batches faster than one large
                gradients=player == "discriminator" and self.wants_gradients,
                draw=draw,
            )

    def generator_terms(self, batch: Batch, draw: Draw, made: Made) -> dict[str, Tensor]:
        """The score of all samples ``made`` of each image of a ``batch`` by a ``draw``, and what left its bounds."""
        assert isinstance(made, _Several) and made.several is not None
        terms = {"score": self.score(made.several, batch["x"], self.beta)}
        return terms if made.outside is None else terms | {"bounds": OUTSIDE * made.outside}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Whether ``batch``, ``draw`` and networks fit.

        Raises
        ------
        ShapeError
            Draws or estimates that are not shaped like the images.
        """
        x = require(batch, "x", "PosteriorGAN")
        for key in ("point", "deviation", "back"):
            if require(batch, key, "PosteriorGAN").shape != x.shape:
                raise ShapeError(
                    f"got {key} of shape {tuple(batch[key].shape)}; expected that of the images, {tuple(x.shape)}. "
                    "Try: started(...)."
                )
        self.check_adversarial(batch, draw)


class SpreadControl:
    r"""Callback: sets the game's :math:`\beta` so that the samples spread as far as their mean errs.

    Parameters
    ----------
    game
        The game in training.
    validation
        What `started` gives for images that are not trained on.
    count
        P, samples of each image.
    rate
        Of the move of :math:`\log\beta` per call.
    limits
        Least and largest :math:`\beta`. Above 1 the ranked probability score of pixels without bounds has no minimum:
        samples that are rarely very large gain :math:`\beta` for every 1 that they cost. Bounded pixels may take more.
    seed
        Of the noise; the same at every call, so that calls differ by the sampler alone.
    """

    def __init__(
        self,
        game: PosteriorGAN,
        validation: Mapping[str, Tensor],
        *,
        count: int = 8,
        rate: float = 0.5,
        limits: tuple[float, float] = (0.25, 1.0),
        seed: int = 0,
    ):
        self.game, self.validation, self.count, self.rate, self.limits, self.seed = (
            game, validation, count, rate, limits, seed,
        )  # fmt: skip

    @torch.no_grad()
    def __call__(self, training: Training) -> dict[str, float]:
        """Measure, move beta, and give both for the log.

        Parameters
        ----------
        training
            The training under way.

        Returns
        -------
        dict
            Squared errors of one sample and of the mean, their ratio over the wanted one, and the new factor.
        """
        game = self.game
        batch = {k: v.to(game.beta.device) for k, v in self.validation.items()}
        net, samples = training.averaged("generator"), []
        for i in range(self.count // game.count):
            samples.append(game.several(batch, game.draw(batch, Stream(self.seed).at("control", i)), net))
        several = torch.cat(samples)
        one = float((several - batch["x"]).square().mean())
        mean = float((several.mean(0) - batch["x"]).square().mean())
        excess = (one / mean) * (self.count + 1) / (2 * self.count)
        beta = float(game.beta) * math.exp(-self.rate * math.log(excess))
        game.beta.fill_(min(max(beta, self.limits[0]), self.limits[1]))
        return {
            "spread/one_sample": one,
            "spread/mean": mean,
            "spread/ratio_over_wanted": excess,
            "spread/beta": float(game.beta),
        }
