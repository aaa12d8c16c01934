"""A small diffusion model as rival of the posterior sampler: the same data and judges, its settings by validation.

The shipped denoiser of digits was trained for every noise level, as a diffusion's is, and for longer than the sampler's
400 steps (4,500 steps); that favours the rival. Its samples are dear, so 200 test images with 2 samples each are taken,
and the distance of other real digits is printed for as many.
"""

import math
import time
from collections.abc import Callable

import torch
from _inverse_fixed import Fixed
from _inverse_posterior import digits_task
from _posterior_task import Budget, Measured, Task
from _row import row
from torch import Tensor

from advsci.streams import Stream
from advsci_inverse.baselines import diffpir, dps
from advsci_inverse.game.scoring import energy_score
from advsci_inverse.operators.data_step import DataStep
from advsci_inverse.store import load_denoiser

__all__ = ["diffusion_parts"]

TEST, SAMPLES, TRIED = 200, 2, 24
"""Test images, samples of each, and validation images on which settings are chosen."""

One = Callable[[Measured, Stream], Tensor]


def _ways(task: Task) -> dict[str, list[tuple[str, One]]]:
    """The candidates of each way of guiding, with their settings in words."""
    net, step = load_denoiser("digits-denoiser"), DataStep(task.operator)
    denoise = lambda x, level: net(x, level)[0].clamp(0, 1)  # noqa: E731
    free = lambda x, level: net(x, level)[0]  # noqa: E731  a clipped pixel has no gradient

    def pir(weight: float, fresh: float) -> One:
        return lambda s, stream: diffpir(
            task.operator, s.y, denoise, task.sigma, stream, weight=weight, fresh=fresh, step=step
        )

    def guided(weight: float) -> One:
        return lambda s, stream: dps(task.operator, s.y, free, stream, steps=30, weight=weight)

    return {
        "DiffPIR, 30 steps": [
            (f"weight {w:g}, fresh {f:g}", pir(w, f)) for w in (0.3, 1.0, 3.0) for f in (0.3, 1.0)
        ],
        "DPS, 30 steps": [(f"weight {w:g}", guided(w)) for w in (0.3, 1.0, 3.0)],
    }  # fmt: skip


def _off(one: One, s: Measured) -> float:
    """Energy score of two samples, by which settings are chosen: a squared error would choose samples all alike."""
    return float(energy_score(torch.stack([one(s, Stream(11).at("tried", k)).clamp(0, 1) for k in range(2)]), s.x))


def _rows(task: Task, quick: bool) -> None:
    few, test = task.sets["validation"].first(8 if quick else TRIED), task.sets["test"].first(40 if quick else TEST)
    row(f"posterior, {task.name}, {len(test.x)} images: Frechet of other real images", task.look(test.x), None)
    for way, candidates in _ways(task).items():
        setting, one = min(candidates, key=lambda c: _off(c[1], few))
        begin = time.process_time()
        several = torch.stack([one(test, Stream(3).at("sample", i)).clamp(0, 1) for i in range(SAMPLES)])
        seconds = (time.process_time() - begin) / (SAMPLES * len(test.x))
        mean, variance = several.mean(0), several.var(0)
        error = float((test.x - mean).square().mean())
        many = error - float(variance.mean()) * (1 / SAMPLES - 1 / 32)
        ratio = math.sqrt(error / (float(variance.mean()) * (1 + 1 / SAMPLES)))
        values = {
            "Frechet": task.look(several[0]),
            "mse of the mean of 32, from 2 samples": many,
            "rms error over rms spread": ratio,
            "CPU s per sample": seconds,
        }
        for what, value in values.items():
            row(f"posterior, {task.name}, {way}: {what}", value, None, note=f"{setting}; {len(test.x)} images")


def diffusion_parts(data: int, budget: Budget) -> dict[str, Callable[[Fixed, bool], None]]:
    """The part of the benchmark for one number of measurements."""

    def part(fixed: Fixed, quick: bool) -> None:
        _rows(digits_task(fixed, quick, data, budget), quick)

    return {f"posterior, {data} data, diffusion": part}
