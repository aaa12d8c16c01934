"""Posterior samples of digits from Gaussian measurements: what the adversary and what the likelihood are worth.

Four samplers on equal steps, three seeds: the game; its adversary off; its likelihood off (draws and estimate are
those of the Gaussian prior); and draws by likelihood alone. Settings were chosen on held-out training images under 50
measurements; the other numbers of measurements take the same.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from _inverse_fixed import Fixed
from _posterior_arms import arm_rows
from _posterior_task import Budget, Measured, Sample, Task, base_rows, own_draws
from _row import row
from torch import Tensor, nn
from torch.nn import functional

from advsci.streams import Stream
from advsci_inverse.baselines import GaussianPrior, KernelMixture
from advsci_inverse.methods import first_stage
from advsci_inverse.operators import LinearOperator
from advsci_inverse.problem import Problem
from advsci_inverse.search.latent import LatentSearch
from advsci_inverse.search.proposal import Start
from advsci_inverse.store import load_denoiser, load_prior
from advsci_inverse.uncertainty import langevin

__all__ = ["digits_task", "posterior_parts"]

PAIRS, DRAWS = 5000, 4


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


def _sets(
    fixed: Fixed, quick: bool, operator: LinearOperator, sigma: float, point: str, kept: Path | None
) -> dict[str, Measured]:
    """Training, validation and test images under the first stage by likelihood; read from ``kept`` if it is there."""
    train, test = fixed.images("mnist28"), fixed.images("mnist28", "x_test")
    images = {
        "train": train[45000 : 45000 + (200 if quick else PAIRS)],
        "validation": train[59000 : 59000 + (50 if quick else 400)],
        "test": test[1000 : 1000 + (100 if quick else 600)],
    }
    if kept is not None and kept.is_file():
        return {k: Measured(v["x"], v["y"], Start(*v["start"])) for k, v in torch.load(kept).items()}
    density = KernelMixture.fit(train[: 6000 if quick else 40000])
    prior, denoiser, sets = load_prior("digits"), load_denoiser("digits-denoiser"), {}
    for k, (name, x) in enumerate(images.items()):
        y = operator(x) + sigma * Stream(7).at("noise", k).normal((len(x), *operator.data_shape))
        problem = Problem(operator, y, sigma, prior, denoiser, density=density, seed=k)
        x = x.clone()  # a part of a tensor is saved with the whole of it
        sets[name] = Measured(x, y, first_stage(problem, point, DRAWS))
    if kept is not None:
        whole = {
            k: {"x": s.x, "y": s.y, "start": (s.start.point, s.start.deviation, s.start.draws)} for k, s in sets.items()
        }
        torch.save(whole, kept)
    return sets


def _strokes(mean: Tensor, truth: Tensor) -> dict[str, Tensor]:
    return {"strokes": truth > 0.1, "elsewhere": truth <= 0.1}


def digits_task(fixed: Fixed, quick: bool, data: int, budget: Budget) -> Task:
    """Digits under ``data`` Gaussian measurements; the first stage is kept where ``ADVSCI_CACHE`` says."""
    operator, sigma = fixed.sensing(data), 0.1 / data**0.5
    folder = os.environ.get("ADVSCI_CACHE")
    kept = Path(folder) / f"inverse_posterior_{data}_{200 if quick else PAIRS}.pt" if folder else None
    sets = _sets(fixed, quick, operator, sigma, "amp", kept)
    features = _features(fixed, quick)
    real = features(fixed.images("mnist28", "x_test")[3000 : 3100 if quick else 5000])
    budget = replace(budget, steps=60, seeds=1) if quick else budget
    return Task(f"{data} data", operator, sigma, sets, features, real, _strokes, budget)


def _linear(fixed: Fixed, task: Task) -> Task:
    """The same images with what a Gaussian prior says of them in place of draws by likelihood."""
    gaussian, found = GaussianPrior.fit(fixed.images("mnist28")[:20000]), {}
    for name, s in task.sets.items():
        mean, deviation = gaussian.estimate(task.operator, s.y, task.sigma)
        start = Start(mean, deviation.expand_as(mean), mean[:, None].expand(-1, DRAWS, -1, -1))
        found[name] = Measured(s.x, s.y, start)
    return replace(task, sets=found)


def posterior_parts(data: int, budget: Budget) -> dict[str, Callable[[Fixed, bool], None]]:
    """The parts of the benchmark for one number of measurements."""
    task = cache(lambda fixed, quick: digits_task(fixed, quick, data, budget))
    name = f"posterior, {data} data"
    return {
        f"{name}, base": lambda f, q: base_rows(task(f, q), own_draws),
        f"{name}, game": lambda f, q: arm_rows(task(f, q), "game", budget.adversary, _speed),
        f"{name}, adversary off": lambda f, q: arm_rows(task(f, q), "adversary off", 0.0),
        f"{name}, likelihood off": lambda f, q: arm_rows(
            _linear(f, task(f, q)), "likelihood off", budget.adversary
        ),
    }  # fmt: skip


def _speed(sample: Sample, task: Task) -> None:
    """CPU time of a sample beside latent Langevin's, and what a data set costs once."""
    few = task.sets["test"].first(8)
    begin = time.process_time()
    sample(few, 32)
    ours = (time.process_time() - begin) / (8 * 32)
    search = LatentSearch(load_prior("digits"), task.operator, task.sigma)
    begin = time.process_time()
    langevin(search, few.y, steps=40, burn_in=0)
    step = (time.process_time() - begin) / (8 * 40)
    row(
        f"posterior, {task.name}: CPU time of a sample over that of one independent sample of latent Langevin",
        ours / (20 * step), 1 / 50, unit="ratio", peer="Langevin in latent space, 20 steps per independent sample",
        note=f"{1e3 * ours:.2f} ms per sample, first stage apart",
    )  # fmt: skip
