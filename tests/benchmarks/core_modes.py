"""Mode coverage of the low-dimensional recipe: 25-grid, 8-ring, 10 x 10 grid, mixture with weights 1:100.

``python tests/benchmarks/core_modes.py [--quick] [--only NAME] [--seeds N] [--steps N] [--batch N] [--finest F]
[--epsilon F]``. Protocol of
PacGAN (arXiv 1712.04086): 100,000 training points, 2,500 samples for the counts; high quality within three standard
deviations of a mode.
"""

import argparse
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent))
from _row import interval, row

from advsci.metrics.modes import mode_counts
from advsci.recipes import low_dimensional
from advsci.solvers import adam
from advsci.streams import Stream
from advsci.training import Trainer


@dataclass(frozen=True)
class Mixture:
    """Equal isotropic Gaussians at ``means`` with ``weights``."""

    means: Tensor
    sigma: float
    weights: Tensor

    def sample(self, n: int, seed: int) -> Tensor:
        """``n`` points."""
        g = torch.Generator().manual_seed(seed)
        which = torch.multinomial(self.weights, n, replacement=True, generator=g)
        return self.means[which] + self.sigma * torch.randn(n, 2, generator=g)


def grid(side: int) -> Mixture:
    """``side`` x ``side`` modes, two apart, of width 0.05."""
    line = 2.0 * torch.arange(side) - (side - 1.0)
    return Mixture(torch.cartesian_prod(line, line), 0.05, torch.full((side**2,), side**-2.0))


def circle(sigma: float, rare: float = 1.0) -> Mixture:
    """Eight modes on the unit circle, the first with ``rare`` times the weight of each other."""
    angle = torch.arange(8) * (math.pi / 4)
    weights = torch.tensor([rare] + [1.0] * 7)
    return Mixture(torch.stack([angle.cos(), angle.sin()], 1), sigma, weights / weights.sum())


STEPS = {"imbalanced 1:100": 16_000}  # 0.4 of a batch of 256 are of the rare mode; the discriminator needs longer
MIXTURES = {"25-grid": grid(5), "8-ring": circle(0.01), "10x10 grid": grid(10), "imbalanced 1:100": circle(0.05, 0.01)}


def width(samples: Tensor, mixture: Mixture) -> float:
    """Median distance to the nearest mean: a high-quality share alone would reward modes that are too narrow."""
    return float(torch.cdist(samples, mixture.means).min(1).values.median())


def train(
    mixture: Mixture, seed: int, steps: int, batch_size: int = 256, finest: float | None = None, epsilon: float = 1.0
) -> dict[str, float]:
    """One training; the counts of its averaged generator."""
    x = mixture.sample(100_000, seed)
    mean, scale = x.mean(0), x.std(0)
    x = (x - mean) / scale
    length = None if finest is None else finest * mixture.sigma / float(scale.median())
    recipe = low_dimensional(x, finest=length, batch_size=batch_size, seed=seed)
    if epsilon != 1.0:
        optimizers = dict(recipe.solver.optimizer)
        optimizers["generator"] = adam(1e-3, eps=epsilon * 0.125 / batch_size)
        recipe.solver.optimizer = optimizers
    wall, begin = time.perf_counter(), time.process_time()
    trainer = Trainer(steps, recipe.batch_size, seed=seed, ema=recipe.ema, device="cpu", log_every=steps, quiet=True)
    training = trainer.fit(recipe.game, x, recipe.solver)
    seconds, wall = time.process_time() - begin, time.perf_counter() - wall
    z = recipe.game.latent.sample(50_000, Stream(seed).at("test"))
    with torch.no_grad():
        samples = training.averaged("generator")(z) * scale + mean
    few = mode_counts(samples[:2500], mixture.means, mixture.sigma, weights=mixture.weights)
    many = mode_counts(samples, mixture.means, mixture.sigma, weights=mixture.weights)
    share = many.counts / many.counts.sum() / mixture.weights
    return {
        "modes": int(few.found),
        "high_quality": float(many.high_quality),
        "ceiling": many.ceiling,
        "kl": float(many.reverse_kl),
        "width": width(samples, mixture) / width(mixture.sample(50_000, seed + 1000), mixture),
        "rarest": float(share[int(mixture.weights.argmin())]),
        "seconds": seconds,
        "wall": wall,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=list(MIXTURES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, help="default: 4000, with the rare mode 16000")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--finest", type=float, help="the recipe's finest length, in deviations of a mode")
    parser.add_argument("--epsilon", type=float, default=1.0, help="times the epsilon of the generator's Adam")
    given = parser.parse_args()
    torch.set_num_threads(1)
    seeds = 1 if given.quick else given.seeds
    for name, mixture in MIXTURES.items():
        if given.only not in (None, name):
            continue
        steps = 500 if given.quick else given.steps or STEPS.get(name, 4000)
        runs = [train(mixture, seed, steps, given.batch, given.finest, given.epsilon) for seed in range(seeds)]
        note = f"{steps} steps of {given.batch}, worst of the seeds; " + "; ".join(
            f"{r['modes']} modes {100 * r['high_quality']:.1f} % KL {r['kl']:.3f} rare {r['rarest']:.2f}" for r in runs
        )
        worst_quality = min(r["high_quality"] for r in runs)
        if name == "imbalanced 1:100":
            factor = max(max(r["rarest"], 1 / max(r["rarest"], 1e-9)) for r in runs)
            row(f"{name}: rare mode's share over its weight, or the inverse", factor, 1.5, seeds=seeds, note=note)
        else:
            target = 99 if name == "10x10 grid" else len(mixture.means)
            row(f"{name}: modes", min(r["modes"] for r in runs), target, "higher", seeds=seeds, note=note)
            quality = 0.85 if name == "10x10 grid" else runs[0]["ceiling"] - 0.01
            spread = interval([r["high_quality"] for r in runs]) if seeds > 1 else None
            row(f"{name}: high quality", worst_quality, quality, "higher", unit="share", seeds=seeds, interval=spread)
            if name != "10x10 grid":
                row(f"{name}: reverse KL", max(r["kl"] for r in runs), 0.01, unit="nats", seeds=seeds)
        widths = [r["width"] for r in runs]
        spread = interval(widths) if seeds > 1 else None
        worst_width = max(widths, key=lambda w: abs(w - 1.0))
        row(f"{name}: width of the modes over the data's", worst_width, None, seeds=seeds, interval=spread)
        seconds = [r["seconds"] for r in runs]
        row(f"{name}: training", max(seconds), 360.0, unit="CPU seconds (3 minutes on 2 cores)", seeds=seeds)


if __name__ == "__main__":
    main()
