"""A probe in a running game: the numbers of all detectors, at every logging step, in the run's records.

``Trainer(callbacks=[Probe(data)])`` writes them under ``probe/...`` into ``metrics.jsonl``; `advsci.diagnostics.judge`
and ``advsci diagnose RUN`` read them there, during or after the training, without the networks.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from advsci.diagnostics.detectors import (
    batch_coupling,
    critic_slopes,
    relative_frechet,
    signal,
)
from advsci.diagnostics.field import VectorField, adam_scale
from advsci.diagnostics.jacobian import effective_rank, singular_values
from advsci.diagnostics.spectrum import game_spectrum, rotation_share
from advsci.errors import ConfigError, DataError
from advsci.games.gan import GAN
from advsci.metrics import prdc, ranking_probability
from advsci.nn.whitening import condition_number
from advsci.penalties.scores import Scores, couples_batch
from advsci.streams import Stream
from advsci.training.data import Data, as_source
from advsci.training.trainer import Training

__all__ = ["Probe"]

Features = Callable[[Tensor], Tensor]


class Probe:
    """Callback of the Trainer that examines a GAN.

    Parameters
    ----------
    data
        What the game is trained on.
    features
        Map from samples to the vectors in which the Frechet distance is taken; None for the samples themselves.
    space
        Map to the vectors in which neighbours are sought (coverage and the rest). Choose another network than for
        ``features``: a generator can fool one feature net.
    samples
        Real and generated samples a reading.
    spectrum_every
        Readings between spectra of the vector field (0 for none): one costs about 60 backward passes through both
        gradients.
    jacobians
        Latent vectors at which the generator's Jacobian is read.
    seed
        Root of the probe's own draws, which do not touch those of the training.
    """

    def __init__(
        self,
        data: Data,
        *,
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
        stream = Stream(seed).at("probe")
        chosen = stream.at("data").permutation(len(source))
        n = min(samples, len(source) // 2)
        self.batch, other = source[chosen[:n]], source[chosen[n : 2 * n]]
        self.features = features or _flat
        self.space = space or _flat
        self.spectrum_every = spectrum_every
        self.jacobians = jacobians
        self.stream = stream
        self._readings = 0
        real = self.batch["x"]
        flat = real.flatten(1).double()
        self._centre = flat.mean(0)
        self._scale = float((flat - self._centre).square().sum(1).mean().sqrt())
        self._directions = torch.linalg.svd(flat - self._centre, full_matrices=False)[2][:3]
        with torch.no_grad():
            ceiling = prdc(self.space(other["x"]).double(), self.space(real).double())._asdict()
            floor = relative_frechet(self.features(other["x"]), self.features(real))
        self._constant = {f"probe/{name}_ceiling": float(value) for name, value in ceiling.items()}
        self._constant["probe/frechet_floor"] = float(floor)
        if flat.shape[1] <= 512:
            self._constant["probe/input_condition"] = float(condition_number(flat))

    def __call__(self, training: Training) -> dict[str, float]:
        game = training.game
        if not isinstance(game, GAN):
            raise ConfigError(
                f"got a {type(game).__name__}; expected a GAN. Try: VectorField and game_spectrum for other games."
            )
        batch = {key: value.to(next(game.parameters()).device) for key, value in self.batch.items()}
        draw = game.draw(batch, self.stream.at("draw"))
        real, condition = batch["x"], batch.get("condition")
        with torch.no_grad():
            raw = game.generate(draw["latent"], condition)
            averaged = training.averaged("generator")
            fake = averaged(draw["latent"]) if condition is None else averaged(draw["latent"], condition)
            scores = Scores(game.discriminator, real, raw, condition, together=not couples_batch(game.discriminator))
            real_logits, fake_logits = scores.real_logits, scores.fake_logits
            near = prdc(self.space(real).double(), self.space(fake).double())._asdict()
            offset = (raw.flatten(1).double() - self._centre.to(real.device)) / self._scale
            position = (offset @ self._directions.T.to(real.device)).mean(0)
            readings: dict[str, Tensor] = {
                "accuracy": ranking_probability(real_logits, fake_logits),
                "spread": torch.cat([real_logits, fake_logits]).std(),
                "frechet": relative_frechet(self.features(real), self.features(fake)),
                **near,
                **{f"position_{i}": value for i, value in enumerate(position)},
            }
        readings["signal"] = signal(game.objective, real_logits, fake_logits)
        slopes = critic_slopes(game.discriminator, real, raw, condition)
        # in logits a standard deviation of the data, which no choice of units changes
        readings |= {f"slope_{place}": slope * self._scale for place, slope in slopes.items()}
        readings["coupling"] = batch_coupling(game.discriminator, real, raw, condition)
        if condition is None and self.jacobians:
            values = singular_values(game.generator, draw["latent"][: self.jacobians], 16)
            readings["effective_rank"] = effective_rank(values).mean()
            readings["rank_limit"] = torch.tensor(float(min(values.shape[1], real[0].numel())))
        names = list(readings)
        numbers = torch.stack([value.detach().double().cpu() for value in readings.values()]).tolist()
        record = {f"probe/{name}": number for name, number in zip(names, numbers, strict=True)} | self._constant
        if self.spectrum_every and self._readings % self.spectrum_every == 0:
            record |= self._spectrum(training, batch)
        self._readings += 1
        return record

    def _spectrum(self, training: Training, batch: dict[str, Tensor]) -> dict[str, float]:
        """The game's local dynamics in the metric of the optimizer, at its learning rate."""
        game, solver = training.game, training.solver
        small = {key: value[:256] for key, value in batch.items()}
        try:
            scale = adam_scale(game, solver)
        except DataError:
            scale = None
        field = VectorField(game, small, game.draw(small, self.stream.at("spectrum")), scale)
        spectrum = game_spectrum(field, count=10, steps=40, stream=self.stream)
        rate = max(group["lr"] for optimizer in solver.optimizers.values() for group in optimizer.param_groups)
        return {
            "probe/stable_rate": spectrum.stable_rate,
            "probe/rate": rate,
            "probe/critical_real": spectrum.critical.real,
            "probe/critical_imaginary": abs(spectrum.critical.imag),
            "probe/rotation": rotation_share(field, probes=2, stream=self.stream),
        }


def _flat(x: Tensor) -> Tensor:
    return x.flatten(1)
