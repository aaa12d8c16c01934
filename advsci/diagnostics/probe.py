"""A probe in a running game: the numbers of all detectors, at every logging step, in the run's records.

``Trainer(callbacks=[Probe(data)])`` writes them under ``probe/...`` into ``metrics.jsonl``; `advsci.diagnostics.judge`
and ``advsci diagnose RUN`` read them there, during or after the training, without the networks.
"""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from advsci.diagnostics.detectors import batch_coupling, critic_slopes, relative_frechet, signal
from advsci.diagnostics.field import VectorField, adam_scale
from advsci.diagnostics.jacobian import effective_rank, singular_values
from advsci.diagnostics.readability import chance_loss
from advsci.diagnostics.settings import settings_of
from advsci.diagnostics.spectrum import game_spectrum, rotation_share
from advsci.errors import ConfigError, DataError
from advsci.games.adversarial import AdversarialGame
from advsci.games.domain_adversarial import DomainAdversarial
from advsci.games.game import Batch, Draw
from advsci.metrics import prdc, ranking_probability
from advsci.nn.evaluation import evaluating, undisturbed
from advsci.nn.whitening import condition_number
from advsci.streams import Stream
from advsci.training.data import Data, as_source
from advsci.training.trainer import Training

__all__ = ["Probe"]

Features = Callable[[Tensor], Tensor]
FEW = 500
"""Samples below which a discriminator of any size can learn them by heart."""


class Probe:
    """Callback of the Trainer that examines an adversarial or a domain-adversarial game.

    Of an `advsci.games.AdversarialGame` it reads samples, discriminator and generator; of a
    `advsci.games.DomainAdversarial` what each adversary reads of the domain, against chance.

    Parameters
    ----------
    data
        What the game is trained on.
    held_out
        Data that the game is not trained on: shows whether the discriminator learns its samples by heart.
    features
        Map from samples to the vectors in which the Frechet distance is taken; None for the samples themselves.
    space
        Map to the vectors in which neighbours are sought (coverage and the rest). Choose another network than for
        ``features``: a generator can fool one feature net.
    samples
        Real and generated samples per reading.
    spectrum_every
        Readings between spectra of the vector field (0 for none): one costs about 60 backward passes through both
        gradients.
    jacobians
        Latent vectors at which the generator's Jacobian is read; 0 for none.
    seed
        Root of the probe's own draws, which do not touch those of the training.

    Raises
    ------
    ConfigError
        The game is not adversarial.
    DataError
        There are fewer than 20 samples.

    Notes
    -----
    The game is read in evaluation mode. Two readings at the same step are the same, in whatever run.

    Examples
    --------
    >>> from advsci import GAN, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Simultaneous
    >>> x = Stream(0).normal((600, 2))
    >>> game = GAN(MLP(2, 2, 8), MLP(2, 1, 8), Gaussian(2))
    >>> trainer = Trainer(steps=2, batch_size=16, log_every=1, quiet=True, callbacks=[Probe(x, samples=40)])
    >>> "probe/coverage" in trainer.fit(game, x, Simultaneous()).log[-1]
    True
    """

    def __init__(
        self,
        data: Data,
        *,
        held_out: Data | None = None,
        features: Features | None = None,
        space: Features | None = None,
        samples: int = 1000,
        spectrum_every: int = 0,
        jacobians: int = 16,
        seed: int = 0,
    ):
        source = as_source(data)
        if len(source) < 20:
            raise DataError(f"got {len(source)} samples to probe with; expected at least 20. Try: more data.")
        if len(source) < FEW and held_out is None:
            warnings.warn(
                f"got {len(source)} samples, few enough for a discriminator to learn by heart, and nothing to see it "
                "with. Try: Probe(data, held_out=...), and an Augmentation where the data are images.",
                stacklevel=2,
            )
        self.stream = Stream(seed).at("probe")
        chosen = self.stream.at("data").permutation(len(source))
        n = min(samples, len(source) // 2)
        self.batch: Batch = source[chosen[:n]]
        self._others: Batch = source[chosen[n : 2 * n]]
        self.held_out: Batch | None = None
        if held_out is not None:
            kept = as_source(held_out)
            m = min(n, len(kept))
            self.held_out = kept[self.stream.at("held out").permutation(len(kept))[:m]]
        self.features = features or _flat
        self.space = space or _flat
        self.spectrum_every = spectrum_every
        self.jacobians = jacobians
        self._reference: _Reference | None = None

    def __call__(self, training: Training) -> dict[str, float]:
        game = training.game
        device = next(game.parameters()).device
        batch = {key: value.to(device) for key, value in self.batch.items()}
        if isinstance(game, DomainAdversarial):
            readings, constant = self._domain(game, batch), {}
        elif isinstance(game, AdversarialGame):
            if self._reference is None:
                self._reference = _Reference(self.batch["x"], self._others["x"], self.features, self.space)
            readings, constant = self._adversarial(game, training, batch), self._reference.constant
            if not training.log:
                constant = constant | settings_of(training)
        else:
            raise ConfigError(
                f"got a {type(game).__name__}; expected an AdversarialGame or a DomainAdversarial. "
                "Try: VectorField and game_spectrum for other games."
            )
        numbers = torch.stack([value.detach().double().cpu() for value in readings.values()]).tolist()
        record = {f"probe/{name}": number for name, number in zip(readings, numbers, strict=True)}
        record |= {f"probe/{name}": value for name, value in constant.items()}
        if self.spectrum_every and len(training.log) % self.spectrum_every == 0:
            record |= self._spectrum(training, batch)
        return record

    def _domain(self, game: DomainAdversarial, batch: Batch) -> dict[str, Tensor]:
        """The loss of every adversary, and the loss that it has by chance."""
        readings: dict[str, Tensor] = {}
        with evaluating(game):
            with torch.no_grad():
                features, _ = game.task(batch, game.draw(batch, self.stream.at("draw")))
            for name, module in game.adversaries.items():
                with torch.no_grad():
                    loss = module(features, batch)
                chance = chance_loss(module, features, batch)  # type: ignore[arg-type]
                readings |= {f"loss_{name}": loss, f"chance_{name}": chance}
        return readings

    def _adversarial(self, game: AdversarialGame, training: Training, batch: Batch) -> dict[str, Tensor]:
        assert self._reference is not None
        draw = game.draw(batch, self.stream.at("draw"))
        real, averaged = batch["x"], training.averaged("generator")
        with evaluating(game, averaged):
            with torch.no_grad():
                raw, fake = game.samples(batch, draw), game.samples(batch, draw, averaged)
                scores = game.scores(batch, draw, game.make(batch, draw))
                readings = self._reference.compare(raw, fake, real)
            real_logits, fake_logits = scores.real_logits, scores.fake_logits
            readings |= {
                "accuracy": ranking_probability(real_logits, fake_logits),
                "spread": torch.cat([real_logits, fake_logits]).std(),
                "signal": signal(game.objective, real_logits, fake_logits),
            }
            shown = scores.real.detach(), scores.fake.detach()
            slopes = critic_slopes(scores.network, *shown, scores.condition)
            # in logits a standard deviation of the data, which no choice of units changes
            readings |= {f"slope_{place}": slope * self._reference.scale for place, slope in slopes.items()}
            if self.held_out is not None:
                readings["memorised"] = ranking_probability(real_logits, self._held_out_logits(game, real.device))
            if batch.get("condition") is None and "latent" in draw and self.jacobians:
                readings |= self._rank(game, batch, draw)
        readings["pace"] = _pace(training, "generator")
        with undisturbed(game):  # batch norm couples in training mode only
            readings["coupling"] = batch_coupling(scores.network, *shown, scores.condition)
        return readings

    @torch.no_grad()
    def _held_out_logits(self, game: AdversarialGame, device: torch.device) -> Tensor:
        assert self.held_out is not None
        batch = {key: value.to(device) for key, value in self.held_out.items()}
        draw = game.draw(batch, self.stream.at("held out draw"))
        return game.scores(batch, draw, game.make(batch, draw)).real_logits

    def _rank(self, game: AdversarialGame, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        one, rest = {key: value[:1] for key, value in batch.items()}, {key: value[:1] for key, value in draw.items()}
        values = singular_values(
            lambda z: game.samples(one, {**rest, "latent": z}), draw["latent"][: self.jacobians], 16
        )
        limit = min(values.shape[1], batch["x"][0].numel())
        return {"effective_rank": effective_rank(values).mean(), "rank_limit": torch.tensor(float(limit))}

    def _spectrum(self, training: Training, batch: Batch) -> dict[str, float]:
        """The game's local dynamics in the metric of the optimizer, at its learning rate."""
        game, solver = training.game, training.solver
        small = {key: value[:256] for key, value in batch.items()}
        try:
            scale = adam_scale(game, solver)
        except DataError:
            scale = None
        with undisturbed(game):
            field = VectorField(game, small, game.draw(small, self.stream.at("spectrum")), scale)
            spectrum = game_spectrum(field, count=10, steps=40, stream=self.stream)
            rotation = rotation_share(field, probes=2, stream=self.stream)
        rate = max(group["lr"] for optimizer in solver.optimizers.values() for group in optimizer.param_groups)
        return {
            "probe/stable_rate": spectrum.stable_rate,
            "probe/rate": rate,
            "probe/critical_real": spectrum.critical.real,
            "probe/critical_imaginary": abs(spectrum.critical.imag),
            "probe/rotation": rotation,
        }


class _Reference:
    """What real data score against real data, and the frame in which samples are compared with them."""

    def __init__(self, real: Tensor, others: Tensor, features: Features, space: Features):
        self.features, self.space = features, space
        flat = real.flatten(1).double()
        self.centre = flat.mean(0)
        self.variance = (flat - self.centre).square().sum(1).mean()
        self.scale = float(self.variance.sqrt())
        self.directions = torch.linalg.svd(flat - self.centre, full_matrices=False)[2][:3]
        with torch.no_grad():
            ceiling = prdc(space(others).double(), space(real).double())._asdict()
            floor = relative_frechet(features(others), features(real))
        self.constant = {f"{name}_ceiling": float(value) for name, value in ceiling.items()}
        self.constant["frechet_floor"] = float(floor)
        if flat.shape[1] <= min(512, len(flat) - 1):  # of fewer samples than numbers every covariance is singular
            self.constant["input_condition"] = float(condition_number(flat))

    def compare(self, raw: Tensor, fake: Tensor, real: Tensor) -> dict[str, Tensor]:
        """Neighbour scores and Frechet distance of the (averaged) samples ``fake``; where the mean of the present
        samples ``raw`` lies; the variance of both over the data's.

        Parameters
        ----------
        real
            Real samples (n ...).
        """
        flat = raw.flatten(1).double()
        offset = (flat - self.centre.to(raw.device)) / self.scale
        position = (offset @ self.directions.T.to(raw.device)).mean(0)
        variances = [_variance(x) / self.variance.to(raw.device) for x in (flat, fake.flatten(1).double())]
        return {
            **prdc(self.space(real).double(), self.space(fake).double())._asdict(),
            "frechet": relative_frechet(self.features(real), self.features(fake)),
            "variance": variances[0],
            "averaged_variance": variances[1],
            **{f"position_{i}": value for i, value in enumerate(position)},
        }


@torch.no_grad()
def _pace(training: Training, player: str) -> Tensor:
    """The most that one step changes the player's parameters, over their norm: an adaptive optimizer moves every entry
    by about its learning rate, another one by learning rate times gradient.
    """
    solver = training.solver
    groups = solver.optimizers[player].param_groups
    parameters = [p for group in groups for p in group["params"]]
    moved = torch.zeros((), device=parameters[0].device, dtype=torch.double)
    for group in groups:
        if "betas" in group:
            moved += group["lr"] ** 2 * sum(p.numel() for p in group["params"])
        else:
            moved += (group["lr"] * solver.gradient_norms.get(player, torch.zeros_like(moved))).square()
    size = torch.stack(torch._foreach_norm(parameters)).norm()
    return moved.sqrt() / size.clamp_min(1e-12)


def _variance(flat: Tensor) -> Tensor:
    return (flat - flat.mean(0)).square().sum(1).mean()


def _flat(x: Tensor) -> Tensor:
    return x.flatten(1)
