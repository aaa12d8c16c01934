"""Trainings that are broken on purpose, each in one known way, on eight Gaussians on a ring."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.objectives import Minimax, NonSaturating, RelativisticPairing, Wasserstein
from advsci.penalties import R1, R2
from advsci.schedules import Cosine
from advsci.solvers import Alternating, Simultaneous, Solver, adam
from advsci.training import EMA

__all__ = ["ZOO", "ring"]

Patient = tuple[GAN, dict[str, Tensor] | Tensor, Solver, EMA | None]


def ring(seed: int, n: int = 20_000) -> tuple[Tensor, Tensor]:
    """Samples of eight Gaussians on a ring, standardised, and the mode of each."""
    g = torch.Generator().manual_seed(1000 + seed)
    mode = torch.randint(8, (n,), generator=g)
    angle = mode * (2.0 * math.pi / 8)
    x = torch.stack([angle.cos(), angle.sin()], 1) + 0.15 * torch.randn(n, 2, generator=g)
    return x / x.std(), mode


def nets(discriminator: nn.Module | None = None) -> tuple[nn.Module, nn.Module]:
    return MLP(2, 2, 64, 3, activation=nn.ReLU), discriminator or MLP(2, 1, 64, 3)


def healthy(seed: int) -> Patient:
    """The relativistic recipe with R1 and R2."""
    gamma = Cosine(1.0, 0.1)
    game = GAN(*nets(), Gaussian(2), penalties=(R1(gamma), R2(gamma)))
    return game, ring(seed)[0], Alternating(adam(1e-3), Cosine(1.0, 0.25)), EMA(0.995)


def mode_dropping(seed: int) -> Patient:
    """Sample weights of zero on three of the eight modes."""
    x, mode = ring(seed)
    game, _, solver, ema = healthy(seed)
    return game, {"x": x, "weight": (mode >= 3).float()}, solver, ema


def manifold_collapse(seed: int) -> Patient:
    """A linear discriminator: it sees where the samples are on average, and nothing else."""
    game = GAN(*nets(nn.Linear(2, 1)), Gaussian(2), penalties=(R1(1.0), R2(1.0)))
    return game, ring(seed)[0], fast_critic(), EMA(0.995)


def fast_critic() -> Solver:
    """A linear critic turns about the generator unless it moves faster."""
    optimizers = {"discriminator": adam(5e-3), "generator": adam(5e-4)}
    return Alternating(optimizers, Cosine(1.0, 0.1), moves={"discriminator": 3})


def saturation(seed: int) -> Patient:
    """The minimax loss and plain gradient descent against a discriminator that moves five times as often."""
    generator, discriminator = nets()
    with torch.no_grad():
        generator.rest[-1].bias.add_(8.0)  # type: ignore[union-attr]
    game = GAN(generator, discriminator, Gaussian(2), objective=Minimax(), penalties=())
    optimizers = {"discriminator": adam(1e-3), "generator": partial(torch.optim.SGD, lr=1e-2)}
    return game, ring(seed)[0], Alternating(optimizers, moves={"discriminator": 5}), None


class SharedBatchNorm(nn.BatchNorm1d):
    """Batch norm that hides that it couples a batch."""

    couples_batch = False


def batch_coupling(seed: int) -> Patient:
    """Batch norm in a discriminator that scores real and generated samples in one batch."""
    layers: list[nn.Module] = [nn.Linear(2, 64)]
    for _ in range(2):
        layers += [SharedBatchNorm(64), nn.LeakyReLU(0.2), nn.Linear(64, 64)]
    game = GAN(*nets(nn.Sequential(*layers, nn.LeakyReLU(0.2), nn.Linear(64, 1))), Gaussian(2))
    return game, ring(seed)[0], Alternating(adam(1e-3)), EMA(0.995)


def exploding_critic(seed: int) -> Patient:
    """A Wasserstein critic with nothing to bound its slope."""
    game = GAN(*nets(), Gaussian(2), objective=Wasserstein(), penalties=())
    return game, ring(seed)[0], Alternating(adam(1e-3), moves={"discriminator": 5}), None


def oscillation(seed: int) -> Patient:
    """No penalty, and optimizers with much momentum that move at the same time."""
    game = GAN(*nets(), Gaussian(2), objective=NonSaturating(), penalties=())
    return game, ring(seed)[0], Simultaneous(adam(1e-3, betas=(0.95, 0.99))), None


class Moments(nn.Module):
    """A critic that sees means and second moments only."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(torch.cat([x, x.square(), x[:, :1] * x[:, 1:]], dim=1))


def fooled_fid(seed: int) -> Patient:
    """A critic that sees exactly what the Frechet distance sees."""
    game = GAN(*nets(Moments()), Gaussian(2), objective=RelativisticPairing(), penalties=(R1(1.0), R2(1.0)))
    return game, ring(seed)[0], fast_critic(), EMA(0.995)


ZOO: dict[str, Callable[[int], Patient]] = {
    "healthy": healthy,
    "mode dropping": mode_dropping,
    "manifold collapse": manifold_collapse,
    "saturation": saturation,
    "batch coupling": batch_coupling,
    "exploding critic": exploding_critic,
    "oscillation": oscillation,
    "fooled FID": fooled_fid,
}
"""Disease -> a training that has it, by seed. The names are those of the verdicts."""
