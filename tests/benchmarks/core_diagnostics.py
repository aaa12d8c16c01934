"""Diagnostics: spectrum against dense, its cost on a million parameters, learning rates, and the zoo's confusion
matrix.

``python tests/benchmarks/core_diagnostics.py [--quick] [--only spectrum|cost|rates|zoo] [--seeds N] [--first SEED]
[--diseases NAME ...]``
"""

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent))
from _row import row
from _zoo import ZOO, Patient

from advsci.diagnostics import Diagnosis, Probe, VectorField, game_spectrum, judge, stable_rate
from advsci.errors import DivergenceError
from advsci.games import GAN, Game
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.penalties import R1, R2
from advsci.solvers import player_gradient
from advsci.streams import Stream
from advsci.training import Run, Trainer


class Scalar(nn.Module):
    def __init__(self, value: float):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value, dtype=torch.double))


class ScalarGame(Game):
    """Two scalar players with given losses."""

    def __init__(self, x: Callable, y: Callable):
        super().__init__()
        self.x, self.y, self.f = Scalar(0.0), Scalar(0.0), {"x": x, "y": y}

    @property
    def players(self):
        return {"x": self.x, "y": self.y}

    def draw(self, batch, stream):
        return {}

    def terms(self, player, batch, draw):
        return {"f": self.f[player](self.x.value, self.y.value)}

    def check(self, batch, draw):
        pass


class DampedGAN(GAN):
    """A GAN with a quadratic term on all parameters, so that its equilibrium is isolated."""

    def terms(self, player, batch, draw):
        size = torch.stack([p.square().sum() for p in self.parameters_of(player)]).sum()
        return {**super().terms(player, batch, draw), "damping": 0.05 * size}


def small_gan(width: int = 6, game: type[GAN] = GAN) -> tuple[GAN, dict[str, Tensor], dict[str, Tensor]]:
    """A smooth GAN in float64 on a fixed batch and draw."""
    torch.manual_seed(0)
    nets = MLP(2, 2, width, 2, activation=nn.Tanh), MLP(2, 1, width, 2, activation=nn.Tanh)
    data = {"x": Stream(0).at("x").normal((64, 2), dtype=torch.double) + 1.0}
    draw = {"latent": Stream(0).at("z").normal((64, 2), dtype=torch.double)}
    return game(*nets, Gaussian(2), penalties=(R1(0.2), R2(0.2))).double(), data, draw


def spectrum() -> None:
    """Arnoldi against the dense Jacobian."""
    game, batch, draw = small_gan()
    field = VectorField(game, batch, draw)
    dense = torch.linalg.eigvals(field.dense())
    dense = dense[dense.abs().argsort(descending=True)]
    found = game_spectrum(field, count=20, steps=field.size).eigenvalues
    error = max(float((dense - value).abs().min() / dense[0].abs()) for value in found)
    note = f"{field.size} parameters, 20 eigenvalues"
    row("game spectrum: matrix-free against dense", error, 1e-5, unit="relative error", note=note)


def cost(quick: bool) -> None:
    """Twenty leading eigenvalues of a large GAN in units of its gradient evaluations."""
    width = 128 if quick else 400
    torch.manual_seed(0)
    game = GAN(MLP(64, 64, width, 4), MLP(64, 1, width, 4), Gaussian(64))
    batch = {"x": Stream(0).at("x").normal((128, 64))}
    draw = game.draw(batch, Stream(0))
    pairs = []
    for _ in range(7):
        begin = time.process_time()
        for player in game.players:
            player_gradient(game, player, batch, draw)
        pairs.append(time.process_time() - begin)
    begin = time.process_time()
    found = game_spectrum(VectorField(game, batch, draw), count=20, steps=90)
    seconds = time.process_time() - begin
    size = sum(p.numel() for p in game.parameters())
    residual = float(found.residuals.median())
    note = f"{size:,} parameters, {found.products} products, median relative residual {residual:.1e}"
    row("game spectrum: time over 60 gradient pairs", seconds / (60 * statistics.median(pairs)), 4.0, note=note)


def descend(game: Game, batch, draw, rate: float, steps: int) -> Tensor:
    """Simultaneous gradient steps; the size of the field at the end."""
    parameters = {name: list(module.parameters()) for name, module in game.players.items()}
    everything = [p for own in parameters.values() for p in own]
    gradients: list[Tensor] = []
    for _ in range(steps):
        gradients = []
        for name, own in parameters.items():
            _, found = player_gradient(game, name, batch, draw)
            gradients += [torch.zeros_like(p) if g is None else g for p, g in zip(own, found, strict=True)]
        with torch.no_grad():
            for p, g in zip(everything, gradients, strict=True):
                p.sub_(rate * g)
    return torch.cat([g.reshape(-1) for g in gradients]).norm()


def observed_rate(game: Game, batch, draw, guess: float, steps: int) -> float:
    """The largest rate at which a small displacement shrinks, by bisection of actual trajectories."""
    parameters = list(game.parameters())
    rest = [p.detach().clone() for p in parameters]

    def grows(rate: float) -> bool:
        with torch.no_grad():
            for i, (p, at) in enumerate(zip(parameters, rest, strict=True)):
                p.copy_(at + 1e-7 * Stream(1).at("kick", i).normal(p.shape, dtype=p.dtype))
        early = descend(game, batch, draw, rate, steps)
        late = descend(game, batch, draw, rate, steps)
        return not bool(late < early)

    low, high = 0.5 * guess, 2.0 * guess
    while high / low > 1.01:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if grows(middle) else (middle, high)
    with torch.no_grad():
        torch._foreach_copy_(parameters, rest)
    return math.sqrt(low * high)


def rates(quick: bool) -> None:
    """Predicted against observed largest stable learning rate of five games."""
    saddle = lambda t, p: 1.5 * t * t - 2.5 * p * p + 4 * t * p  # noqa: E731
    focus = lambda d, g: d * g - 0.5 * d * d + 0.25 * g * g  # noqa: E731
    dirac = lambda x, y: -nn.functional.softplus(x * y)  # noqa: E731
    cubic = lambda x, y: x * y + 0.1 * x * x + 0.25 * x**4  # noqa: E731
    games: dict[str, tuple[Game, dict, dict]] = {
        "saddle": (ScalarGame(saddle, lambda t, p: -saddle(t, p)), {}, {}),
        "bilinear-quadratic": (ScalarGame(lambda d, g: -focus(d, g), focus), {}, {}),
        "Dirac-GAN with R1": (ScalarGame(dirac, lambda x, y: -dirac(x, y) + 0.5 * y * y), {}, {}),
        "rotation with cubic damping": (ScalarGame(cubic, lambda x, y: -cubic(x, y) + 0.1 * y * y), {}, {}),
        "GAN of two perceptrons": small_gan(4, DampedGAN),
    }
    errors = {}
    for name, (game, batch, draw) in games.items():
        if not isinstance(game, ScalarGame):  # find the equilibrium first
            descend(game, batch, draw, 0.2, 1000 if quick else 6000)
        field = VectorField(game, batch, draw)
        predicted = stable_rate(torch.linalg.eigvals(field.dense()))
        matrix_free = game_spectrum(field, count=min(20, field.size), steps=field.size).stable_rate
        observed = observed_rate(game, batch, draw, predicted, 200 if isinstance(game, ScalarGame) else 300)
        errors[name] = abs(matrix_free - observed) / observed
        note = f"predicted {matrix_free:.4g}, observed {observed:.4g}, |v| {float(field.value.norm()):.1e}"
        row(f"stable rate: {name}", errors[name], 0.1, unit="relative error", note=note)


def verdict_on(patient: Patient, seed: int, steps: int) -> Diagnosis:
    """What the diagnosis says of a training from its run folder, also where it ended early."""
    steps = round(patient.share * steps)
    probe = Probe(patient.data, held_out=patient.held_out, samples=600, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        settings = {"ema": patient.ema, "log_every": max(steps // 25, 1), "callbacks": [probe], "run": folder}
        with suppress(DivergenceError):
            Trainer(steps, 256, seed=seed, device="cpu", quiet=True, **settings).fit(*patient[:3])
        return judge(Run(folder).records())


def zoo(diseases: Sequence[str], seeds: int, steps: int, first: int) -> None:
    """Every disease, every seed: what the verdict says. The thresholds were chosen on seeds below 5."""
    confusion: Counter[tuple[str, str]] = Counter()
    for disease in diseases:
        for seed in range(first, first + seeds):
            torch.manual_seed(seed)
            diagnosis = verdict_on(ZOO[disease](seed), seed, steps)
            confusion[disease, diagnosis.verdict] += 1
            others = [finding.name for finding in diagnosis.findings[1:]]
            print(
                json.dumps({"disease": disease, "seed": seed, "verdict": diagnosis.verdict, "also": others}), flush=True
            )
        said = {verdict: n for (true, verdict), n in confusion.items() if true == disease}
        row(f"zoo: {disease}", said.get(disease, 0) / seeds, 1.0, "higher", seeds=seeds, note=json.dumps(said))
    right = sum(n for (true, verdict), n in confusion.items() if true == verdict)
    row("zoo: right verdicts", right / sum(confusion.values()), 0.95, "higher", unit="share", seeds=seeds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=["spectrum", "cost", "rates", "zoo"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=5, help="first seed of the zoo")
    parser.add_argument("--diseases", nargs="*", choices=list(ZOO), default=list(ZOO))
    given = parser.parse_args()
    torch.set_num_threads(1)
    parts: dict[str, Callable[[], None]] = {
        "spectrum": spectrum,
        "cost": lambda: cost(given.quick),
        "rates": lambda: rates(given.quick),
        "zoo": lambda: zoo(given.diseases, 1 if given.quick else given.seeds, 2000, given.first),
    }
    for name, part in parts.items():
        if given.only in (None, name):
            part()
