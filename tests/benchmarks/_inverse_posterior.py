"""Posterior samples of digits from Gaussian measurements: what the adversary and what the likelihood are worth.

Four samplers on equal steps, three seeds: the game; its adversary off; its likelihood off (draws and estimate are
those of the Gaussian prior); and draws by likelihood alone. Settings were chosen on held-out training images.
"""

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from _inverse_fixed import Fixed
from _row import interval, row
from torch import Tensor, nn
from torch.nn import functional

from advsci.metrics import frechet_distance
from advsci.schedules import Cosine
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import EMA, Trainer
from advsci_inverse.baselines import GaussianPrior, KernelMixture
from advsci_inverse.evaluation.scores import mse
from advsci_inverse.game.posterior import PosteriorGAN, SpreadControl, started
from advsci_inverse.methods import first_stage
from advsci_inverse.operators import DenseOperator
from advsci_inverse.priors.sampler import Consistency, PairDiscriminator, PosteriorSampler
from advsci_inverse.problem import Problem
from advsci_inverse.search.latent import LatentSearch
from advsci_inverse.search.proposal import Start
from advsci_inverse.store import load_denoiser, load_prior
from advsci_inverse.uncertainty import Calibration, langevin, posterior_samples, residual_over_noise

__all__ = ["POSTERIOR_PARTS"]

STEPS, BATCH, WIDTHS, BLOCKS, ADVERSARY, PAIRS, DRAWS, DATA = 400, 32, (16, 32), (1, 1), 0.1, 5000, 4, 50
"""The budget of every arm and seed."""
CRITIC = 24


@dataclass(frozen=True)
class _Set:
    """Images, their data, and what the first stage makes of them."""

    x: Tensor
    y: Tensor
    start: Start


@cache
def _features(fixed: Fixed, quick: bool) -> Callable[[Tensor], Tensor]:
    """The last hidden layer of a small classifier of the training digits."""
    x, y = fixed.images("mnist28")[:55000], fixed.labels("mnist28")[:55000]
    with Stream(5).at("classifier").seeded():
        net = nn.Sequential(
            nn.Conv2d(1, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(), nn.Flatten(),
            nn.Linear(64 * 49, 64), nn.ReLU(), nn.Linear(64, 10),
        )  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    for step in range(100 if quick else 700):
        i = Stream(5).at("batch", step).integers(len(x), (128,))
        loss = functional.cross_entropy(net(x[i, None]), y[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return lambda images: net[:7](images[:, None].clamp(0, 1)).detach()


def _sets(fixed: Fixed, quick: bool) -> tuple[dict[str, _Set], DenseOperator, float]:
    """Training, validation and test images under the first stage by likelihood; kept where ``ADVSCI_CACHE`` says."""
    operator, sigma = fixed.sensing(DATA), 0.1 / DATA**0.5
    train, test = fixed.images("mnist28"), fixed.images("mnist28", "x_test")
    images = {
        "train": train[45000 : 45000 + (200 if quick else PAIRS)],
        "validation": train[59000 : 59000 + (50 if quick else 400)],
        "test": test[1000 : 1000 + (100 if quick else 600)],
    }
    folder = os.environ.get("ADVSCI_CACHE")
    kept = Path(folder) / f"inverse_posterior_{DATA}_{len(images['train'])}.pt" if folder else None
    if kept is not None and kept.is_file():
        return {k: _Set(v["x"], v["y"], Start(*v["start"])) for k, v in torch.load(kept).items()}, operator, sigma
    density = KernelMixture.fit(train[: 6000 if quick else 40000])
    prior, denoiser, sets = load_prior("digits"), load_denoiser("digits-denoiser"), {}
    for k, (name, x) in enumerate(images.items()):
        y = operator(x) + sigma * Stream(7).at("noise", k).normal((len(x), DATA))
        problem = Problem(operator, y, sigma, prior, denoiser, density=density, seed=k)
        sets[name] = _Set(x, y, first_stage(problem, "amp", DRAWS))
    if kept is not None:
        whole = {
            k: {"x": s.x, "y": s.y, "start": (s.start.point, s.start.deviation, s.start.draws)} for k, s in sets.items()
        }
        torch.save(whole, kept)
    return sets, operator, sigma


def _linear(fixed: Fixed, sets: dict[str, _Set], operator: DenseOperator, sigma: float) -> dict[str, _Set]:
    """The same images with what a Gaussian prior says of them in place of draws by likelihood."""
    gaussian, found = GaussianPrior.fit(fixed.images("mnist28")[:20000]), {}
    for name, s in sets.items():
        mean, deviation = gaussian.estimate(operator, s.y, sigma)
        found[name] = _Set(s.x, s.y, Start(mean, deviation.expand_as(mean), mean[:, None].expand(-1, DRAWS, -1, -1)))
    return found


def _train(
    sets: dict[str, _Set], operator: DenseOperator, sigma: float, adversary: float, seed: int, quick: bool
) -> tuple[Callable[[_Set, int], Tensor], dict[str, float]]:
    """A sampler of one arm and seed, and what was logged at the end of its training."""
    validation = sets["validation"]
    level = float(mse(validation.start.point, validation.x).mean()) ** 0.5
    consistency = Consistency.of(operator, sigma, level)
    with Stream(seed).at("networks").seeded():
        sampler = PosteriorSampler(0.3 * level, widths=WIDTHS, blocks=BLOCKS)
        judge = PairDiscriminator((28, 28), CRITIC)
    game = PosteriorGAN(sampler, judge, [consistency], adversarial=adversary, bounds=(0.0, 1.0))
    data = {name: started(s.x, s.y, s.start, consistency) for name, s in sets.items()}
    steps = 60 if quick else STEPS
    trainer = Trainer(
        steps=steps,
        batch_size=BATCH,
        seed=seed,
        device="cpu",
        ema=EMA(0.99, of=("generator",)),
        log_every=max(1, steps // 8),
        callbacks=[SpreadControl(game, {k: v[:96] for k, v in data["validation"].items()}, limits=(0.25, 2.0))],
        quiet=True,
    )
    begin = time.process_time()
    solver = Simultaneous(adam(4e-4, betas=(0.0, 0.99)), Cosine(1.0, 0.05))
    training = trainer.fit(game, data["train"], solver)
    net = training.averaged("generator")
    last = {k: float(v) for k, v in training.log[-1].items() if k.startswith("spread/")}
    last["seconds"] = time.process_time() - begin

    def sample(s: _Set, count: int) -> Tensor:
        return posterior_samples(net, s.start, consistency.back(s.y), consistency, count, Stream(seed).at("test"))

    return sample, last


def _judge(
    sample: Callable[[_Set, int], Tensor],
    sets: dict[str, _Set],
    measured: tuple[DenseOperator, float],
    features: Callable,
    real: Tensor,
    count: int = 16,
) -> dict[str, float]:
    """Look, accuracy and spread of a sampler's samples of the test images."""
    test, validation = sets["test"], sets["validation"]
    several = sample(test, count)
    mean, deviation = several.mean(0), several.std(0) * math.sqrt(1 + 1 / count)
    error, stroke = test.x - mean, test.x > 0.1
    spare = sample(validation, count)
    floor = 0.1 * float(deviation.square().mean().sqrt())
    wide = lambda d: (d.square() + floor**2).sqrt()  # noqa: E731
    calibration = Calibration.fit(validation.x, spare.mean(0), wide(spare.std(0)))
    low, high = calibration.interval(mean, wide(deviation))
    inside = (test.x >= low) & (test.x <= high)
    return {
        "Frechet": float(frechet_distance(real, features(several[0]))),
        "mse of the mean": float(error.square().mean()),
        "rms error over rms spread": float((error.square().mean() / deviation.square().mean()).sqrt()),
        "1.645 deviations, strokes": float((error.abs() <= 1.645 * deviation)[stroke].float().mean()),
        "calibrated 90 %, strokes": float(inside[stroke].float().mean()),
        "calibrated 90 %, elsewhere": float(inside[~stroke].float().mean()),
        "residual over noise": float(residual_over_noise(measured[0], several[0], test.y, measured[1]).mean()),
    }


def _real(fixed: Fixed, quick: bool) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    features = _features(fixed, quick)
    return features, features(fixed.images("mnist28", "x_test")[3000 : 3100 if quick else 5000])


def _report(name: str, scores: list[dict[str, float]], note: str) -> None:
    for what in scores[0]:
        values = [each[what] for each in scores]
        row(
            f"posterior, {DATA} data, {name}: {what}", sum(values) / len(values), None, seeds=len(values),
            interval=interval(values) if len(values) > 1 else None, note=note,
        )  # fmt: skip


def base_rows(fixed: Fixed, quick: bool) -> None:
    """What the samplers are measured by, and draws by likelihood alone."""
    sets, operator, sigma = _sets(fixed, quick)
    features, real = _real(fixed, quick)
    test = sets["test"]
    row(f"posterior, {DATA} data: Frechet of other real digits", float(frechet_distance(real, features(test.x))), None)
    row(
        f"posterior, {DATA} data: Frechet of the best mean estimate",
        float(frechet_distance(real, features(test.start.point))), None,
        note=f"mse {float(mse(test.start.point, test.x).mean()):.5f}",
    )  # fmt: skip
    alone = lambda s, count: torch.stack([s.start.draws[:, i % DRAWS] for i in range(count)]).clamp(0, 1)  # noqa: E731
    scores = _judge(alone, sets, (operator, sigma), features, real, DRAWS)
    _report("likelihood alone", [scores], "draws of the first stage")


def _arm(name: str, adversary: float, *, linear: bool = False) -> Callable[[Fixed, bool], None]:
    """The rows of one arm, over all seeds."""

    def rows(fixed: Fixed, quick: bool) -> None:
        sets, operator, sigma = _sets(fixed, quick)
        sets = _linear(fixed, sets, operator, sigma) if linear else sets
        features, real = _real(fixed, quick)
        scores, seconds = [], []
        for seed in range(1 if quick else int(os.environ.get("ADVSCI_SEEDS", "3"))):
            sample, last = _train(sets, operator, sigma, adversary, seed, quick)
            scores.append(_judge(sample, sets, (operator, sigma), features, real))
            seconds.append(last["seconds"])
            print(f"# {name}, seed {seed}: {scores[-1]} {last}", flush=True)
        _report(name, scores, f"{sum(seconds) / len(seconds):.0f} CPU s of training, {STEPS} steps")
        if name == "game":
            _speed(sample, sets["test"], operator, sigma)

    return rows


POSTERIOR_PARTS = {
    "posterior, base": base_rows,
    "posterior, game": _arm("game", ADVERSARY),
    "posterior, adversary off": _arm("adversary off", 0.0),
    "posterior, likelihood off": _arm("likelihood off", ADVERSARY, linear=True),
}


def _speed(sample: Callable[[_Set, int], Tensor], test: _Set, operator: DenseOperator, sigma: float) -> None:
    """CPU time of a sample beside latent Langevin's, and what a data set costs once."""
    few = _Set(test.x[:8], test.y[:8], Start(test.start.point[:8], test.start.deviation[:8], test.start.draws[:8]))
    begin = time.process_time()
    sample(few, 32)
    ours = (time.process_time() - begin) / (8 * 32)
    search = LatentSearch(load_prior("digits"), operator, sigma)
    begin = time.process_time()
    langevin(search, few.y, steps=40, burn_in=0)
    step = (time.process_time() - begin) / (8 * 40)
    row(
        "posterior: CPU time of a sample over that of one independent sample of latent Langevin",
        ours / (20 * step), 1 / 50, unit="ratio", peer="Langevin in latent space, 20 steps per independent sample",
        note=f"{1e3 * ours:.2f} ms per sample, first stage apart",
    )  # fmt: skip
