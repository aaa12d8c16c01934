"""What a posterior sampler is measured on: images, their data, the first stage's draws, and features for the look."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from _row import interval, row
from torch import Tensor

from advsci.metrics import frechet_distance
from advsci_inverse.operators import LinearOperator
from advsci_inverse.search.proposal import Start
from advsci_inverse.uncertainty import Calibration, residual_over_noise

__all__ = ["Budget", "Measured", "Sample", "Task", "base_rows", "judged", "own_draws", "report"]

CALIBRATION = 200
"""Validation images that set the width of the intervals."""


@dataclass(frozen=True)
class Measured:
    """Images, their data, and what the first stage makes of them."""

    x: Tensor
    y: Tensor
    start: Start

    def first(self, count: int) -> "Measured":
        """The first ``count`` images with what belongs to them."""
        s = self.start
        return Measured(self.x[:count], self.y[:count], Start(s.point[:count], s.deviation[:count], s.draws[:count]))


Sample = Callable[[Measured, int], Tensor]
"""``sample(set, count)``: samples ``[count, n, h, w]`` of every image of a set."""


@dataclass(frozen=True)
class Budget:
    """What every arm of a task may spend."""

    steps: int = 400
    batch: int = 32
    widths: tuple[int, ...] = (16, 32)
    blocks: tuple[int, ...] = (1, 1)
    critic: int = 24
    adversary: float = 0.1
    seeds: int = 3


@dataclass(frozen=True)
class Task:
    """One operator and noise level, with everything that judges samples under it.

    ``kinds`` names groups of pixels from the mean of samples and the truth; coverage is reported for each.
    """

    name: str
    operator: LinearOperator
    sigma: float
    sets: dict[str, Measured]
    features: Callable[[Tensor], Tensor]
    real: Tensor
    kinds: Callable[[Tensor, Tensor], dict[str, Tensor]]
    budget: Budget

    @property
    def level(self) -> float:
        """Root mean square error of the point estimate of the validation images."""
        spare = self.sets["validation"]
        return float((spare.start.point - spare.x).square().mean().sqrt())

    def look(self, images: Tensor) -> float:
        """Frechet distance of ``images`` to real ones."""
        return float(frechet_distance(self.real, self.features(images)))


def judged(sample: Sample, task: Task, count: int = 32) -> dict[str, float]:
    """Look, accuracy, spread and coverage of a sampler's samples of the test images."""
    test, validation = task.sets["test"], task.sets["validation"].first(CALIBRATION)
    several, spare = sample(test, count), sample(validation, count)
    mean, deviation = several.mean(0), several.std(0) * math.sqrt(1 + 1 / count)
    error = test.x - mean
    floor = 0.1 * float(deviation.square().mean().sqrt())
    wide = lambda d: (d.square() + floor**2).sqrt()  # noqa: E731
    calibration = Calibration.fit(validation.x, spare.mean(0), wide(spare.std(0)))
    low, high = calibration.interval(mean, wide(deviation))
    inside = ((test.x >= low) & (test.x <= high)).float()
    each = (test.x - mean).square().mean((1, 2))
    found = {
        "Frechet": task.look(several[0]),
        "mse of the mean": float(each.mean()),
        "PSNR of the mean": float((-10 * each.log10()).mean()),
        "rms error over rms spread": float((error.square().mean() / deviation.square().mean()).sqrt()),
    }
    for name, group in task.kinds(mean, test.x).items():
        found[f"1.645 deviations, {name}"] = float((error.abs() <= 1.645 * deviation)[group].float().mean())
        found[f"calibrated 90 %, {name}"] = float(inside[group].mean())
    residual = residual_over_noise(task.operator, several[0], test.y, task.sigma)
    return found | {"residual over noise": float(residual.mean())}


def report(task: Task, name: str, scores: list[dict[str, float]], note: str) -> None:
    """One row for each score, with the interval over seeds where there are several."""
    for what in scores[0]:
        values = [each[what] for each in scores]
        row(
            f"posterior, {task.name}, {name}: {what}", sum(values) / len(values), None, seeds=len(values),
            interval=interval(values) if len(values) > 1 else None, note=note,
        )  # fmt: skip


def base_rows(task: Task, draws: Sample) -> None:
    """What samplers are measured by: other real images, the best mean estimate, and the first stage's own draws."""
    test = task.sets["test"]
    row(f"posterior, {task.name}: Frechet of other real images", task.look(test.x), None)
    each = (test.start.point - test.x).square().mean((1, 2))
    row(
        f"posterior, {task.name}: Frechet of the best mean estimate", task.look(test.start.point), None,
        note=f"mse {float(each.mean()):.5f}, PSNR {float((-10 * each.log10()).mean()):.2f} dB",
    )  # fmt: skip
    report(task, "likelihood alone", [judged(draws, task, test.start.draws.shape[1])], "draws of the first stage")


def own_draws(s: Measured, count: int) -> Tensor:
    """The first stage's draws themselves, clipped."""
    return torch.stack([s.start.draws[:, i % s.start.draws.shape[1]] for i in range(count)]).clamp(0, 1)
