"""Posterior samples of head CT from few views: game, adversary off, likelihood alone, and the best mean estimate.

Draws of the first stage lie around the refiner's estimate, as wide as it says, correlated as the Gaussian posterior is.
The refiner was trained on the training slices too; the spread is set on slices that it has not seen. Test slices are
every eighth of the test block; the real ones that they are compared with are others of it: the same patients, other
slices.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from _inverse_fixed import Fixed
from _posterior_arms import arm_rows
from _posterior_task import Budget, Measured, Task, base_rows, own_draws
from torch import Tensor, nn
from torch.nn import functional

from advsci.streams import Stream
from advsci_inverse.methods import first_stage
from advsci_inverse.operators import Radon, equispaced_angles
from advsci_inverse.problem import Problem
from advsci_inverse.search.proposal import Start
from advsci_inverse.store import load_refiner
from advsci_inverse.uncertainty import STRATA, strata

__all__ = ["ct_task", "posterior_ct_parts"]

BATCH = 8
"""Images per step; an image has five times the pixels of a digit. Half of the digits' steps are taken."""
TRAINED = 6497
"""Slices that the refiner was trained on; the 300 behind them it has not seen."""


@cache
def _features(fixed: Fixed, quick: bool) -> Callable[[Tensor], Tensor]:
    """The last hidden layer of a small classifier that tells the eight orientations of a slice apart.

    Head CT has no classes. Turning and mirroring need none, and a nearly symmetric head is told from its mirror image
    by its details alone (Gidaris et al. 2018, arXiv 1803.07728).
    """
    x = fixed.images("headct64")[:TRAINED]
    with Stream(5).at("orientation").seeded():
        net = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1),
            nn.ReLU(), nn.Flatten(), nn.Linear(64 * 64, 64), nn.ReLU(), nn.Linear(64, 8),
        )  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    for step in range(40 if quick else 300):
        stream = Stream(5).at("batch", step)
        i, kind = stream.integers(len(x), (64,)), stream.at("kind").integers(8, (64,))
        turned = torch.stack([_turned(x[a], int(b)) for a, b in zip(i, kind, strict=True)])
        loss = functional.cross_entropy(net(turned[:, None]), kind)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"# orientations, last batch: {float((net(turned[:, None]).argmax(1) == kind).float().mean()):.2f} right")
    return lambda images: net[:9](images[:, None].clamp(0, 1)).detach()


def _turned(image: Tensor, kind: int) -> Tensor:
    turned = torch.rot90(image, kind % 4)
    return turned.flip(-1) if kind >= 4 else turned


def _strata(mean: Tensor, truth: Tensor) -> dict[str, Tensor]:
    found = strata(mean)
    return {name: found == k for k, name in enumerate(STRATA)}


def ct_task(fixed: Fixed, quick: bool, views: int, budget: Budget, pairs: int = 400) -> Task:
    """Head CT under ``views`` parallel views and 1 % noise; the first stage is kept where ``ADVSCI_CACHE`` says."""
    operator, train = Radon(64, equispaced_angles(views), 95), fixed.images("headct64")
    held, test = train[TRAINED:], fixed.images("headct64", "x_test")
    sigma = 0.01 * float(operator(held).square().mean().sqrt())
    step = 10 if quick else 1
    images = {
        "train": train[: TRAINED : TRAINED // pairs][: pairs // step],
        "validation": held[::3][: 100 // step],
        "test": test[::8][: 95 // step],
    }
    folder = os.environ.get("ADVSCI_CACHE")
    kept = Path(folder) / f"inverse_posterior_ct_{views}_{len(images['train'])}.pt" if folder else None
    if kept is not None and kept.is_file():
        sets = {k: Measured(v["x"], v["y"], Start(*v["start"])) for k, v in torch.load(kept).items()}
    else:
        refiner, sets = load_refiner("head-ct-refiner"), {}
        for k, (name, x) in enumerate(images.items()):
            y = operator(x) + sigma * Stream(7).at("noise", k).normal((len(x), *operator.data_shape))
            problem = Problem(operator, y, sigma, refiner=refiner, seed=k)
            sets[name] = Measured(x, y, first_stage(problem, "refiner", 4))
        if kept is not None:
            parts = {k: (s.start.point, s.start.deviation, s.start.draws) for k, s in sets.items()}
            torch.save({k: {"x": s.x, "y": s.y, "start": parts[k]} for k, s in sets.items()}, kept)
    features = _features(fixed, quick)
    others = torch.cat([test[k::8] for k in range(2, 7)])
    budget = replace(budget, steps=20, seeds=1) if quick else replace(budget, batch=BATCH, steps=budget.steps // 2)
    return Task(f"head CT, {views} views", operator, sigma, sets, features, features(others), _strata, budget)


def posterior_ct_parts(budget: Budget) -> dict[str, Callable[[Fixed, bool], None]]:
    """The parts of the benchmark at 10 and 20 views."""
    parts: dict[str, Callable[[Fixed, bool], None]] = {}
    for views in (10, 20):
        task = cache(lambda fixed, quick, views=views: ct_task(fixed, quick, views, budget))
        name = f"posterior, head CT, {views} views"
        parts[f"{name}, base"] = lambda f, q, t=task: base_rows(t(f, q), own_draws)
        parts[f"{name}, game"] = lambda f, q, t=task: arm_rows(t(f, q), "game", budget.adversary)
        parts[f"{name}, adversary off"] = lambda f, q, t=task: arm_rows(t(f, q), "adversary off", 0.0)
    return parts
