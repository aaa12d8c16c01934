"""GAN, VAE and autoencoder on the same data, decoder, steps and optimizer: quality, coverage, time, memory.

``python tests/benchmarks/core_generative.py [--quick] [--seeds N]``. Data: 8 Gaussians on a ring with structure at two
scales, in the plane and embedded by a fixed random net into 20 dimensions. Quality and coverage are precision, density,
recall and coverage against held-out data (k = 5, 2,000 samples).
"""

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent))
from _row import interval, row

from advsci.games import GAN, VAE, Autoencoder, Game
from advsci.latents import Gaussian
from advsci.metrics import prdc
from advsci.nn import MLP
from advsci.penalties import R1, R2
from advsci.schedules import Cosine
from advsci.solvers import Alternating, Simultaneous, Solver, adam
from advsci.streams import Stream
from advsci.training import EMA, Trainer

LATENT, WIDTH = 4, 128


def ring(n: int, seed: int) -> Tensor:
    """Eight Gaussians on a circle, standardised."""
    g = torch.Generator().manual_seed(seed)
    angle = torch.randint(8, (n,), generator=g) * (math.pi / 4)
    x = torch.stack([angle.cos(), angle.sin()], 1) + 0.08 * torch.randn(n, 2, generator=g)
    return x * 2.0**0.5


def embedded(n: int, seed: int) -> Tensor:
    """The ring bent into twenty dimensions by a fixed random net."""
    g = torch.Generator().manual_seed(7)
    first, second = torch.randn(2, 64, generator=g), torch.randn(64, 20, generator=g) / 8.0
    return torch.tanh(ring(n, seed) @ first) @ second * 1.5


DATA = {"ring": ring, "ring in 20 dimensions": embedded}


def gan(d: int) -> tuple[Game, Solver]:
    gamma = Cosine(0.5 * d, 0.05 * d)
    game = GAN(MLP(LATENT, d, WIDTH), MLP(d, 1, WIDTH), Gaussian(LATENT), penalties=(R1(gamma), R2(gamma)))
    return game, Alternating(adam(1e-3), Cosine(1.0, 0.25))


def vae(d: int) -> tuple[Game, Solver]:
    game = VAE(MLP(d, 2 * LATENT, WIDTH), MLP(LATENT, d, WIDTH), LATENT)
    return game, Simultaneous(adam(1e-3, betas=(0.9, 0.999)), Cosine(1.0, 0.25))


def autoencoder(d: int) -> tuple[Game, Solver]:
    game = Autoencoder(MLP(d, LATENT, WIDTH), MLP(LATENT, d, WIDTH), LATENT)
    return game, Simultaneous(adam(1e-3, betas=(0.9, 0.999)), Cosine(1.0, 0.25))


MODELS: dict[str, Callable[[int], tuple[Game, Solver]]] = {"GAN": gan, "VAE": vae, "AE": autoencoder}


def measure(name: str, data: str, seed: int, steps: int) -> dict[str, float]:
    """Train one model and score its samples."""
    x = DATA[data](20_000, seed)
    torch.manual_seed(seed)
    game, solver = MODELS[name](x.shape[1])
    player = list(game.players)[-1]
    ema = EMA(0.995, of=(player,))
    begin = time.process_time()
    training = Trainer(steps, 256, seed=seed, ema=ema, device="cpu", log_every=steps, quiet=True).fit(game, x, solver)
    seconds = time.process_time() - begin
    stream = Stream(seed).at("test")
    averaged = training.averaged(player)
    if isinstance(game, GAN):
        with torch.no_grad():
            made = averaged(game.latent.sample(2000, stream))
    elif isinstance(averaged, Autoencoder):
        averaged.fit_codes(x)
        made = averaged.sample(2000, stream)
    else:
        assert isinstance(averaged, VAE)
        made = averaged.sample(2000, stream, noise=True)
    scores = prdc(DATA[data](2000, 1000 + seed).double(), made.double())
    state = sum(p.numel() for p in game.parameters()) * 4 * 3  # weights and Adam's two moments, float32
    return {**{k: float(v) for k, v in scores._asdict().items()}, "seconds": seconds, "megabytes": state / 1e6}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    seeds, steps = (1, 300) if given.quick else (given.seeds, 4000)
    for data in DATA:
        for name in MODELS:
            runs = [measure(name, data, seed, steps) for seed in range(seeds)]
            for figure, better in (
                ("precision", "higher"),
                ("density", "higher"),
                ("recall", "higher"),
                ("coverage", "higher"),
                ("seconds", "lower"),
                ("megabytes", "lower"),
            ):
                values = [run[figure] for run in runs]
                spread = interval(values) if seeds > 1 else None
                row(f"{data}: {name} {figure}", statistics.fmean(values), None, better, seeds=seeds, interval=spread)
