"""Trainings that are broken on purpose, each in one known way, on eight Gaussians on a ring or in 32 dimensions."""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

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

__all__ = ["ZOO", "Patient", "ring"]


class Patient(NamedTuple):
    """A training, but for its trainer."""

    game: GAN
    data: dict[str, Tensor] | Tensor
    solver: Solver
    ema: EMA | None = None
    held_out: Tensor | None = None
    share: float = 1.0
    """Of the steps that others have."""


def ring(seed: int, n: int = 20_000) -> tuple[Tensor, Tensor]:
    """Samples of eight Gaussians on a ring, standardised, and the mode of each."""
    g = torch.Generator().manual_seed(1000 + seed)
    mode = torch.randint(8, (n,), generator=g)
    angle = mode * (2.0 * math.pi / 8)
    x = torch.stack([angle.cos(), angle.sin()], 1) + 0.15 * torch.randn(n, 2, generator=g)
    return x / x.std(), mode


def cloud(seed: int, n: int = 20_000) -> Tensor:
    """Samples of a Gaussian in 32 dimensions, of deviations .2 to 1."""
    g = torch.Generator().manual_seed(2000 + seed)
    return torch.randn(n, 32, generator=g) * torch.linspace(0.2, 1.0, 32)


def nets(discriminator: nn.Module | None = None) -> tuple[nn.Module, nn.Module]:
    return MLP(2, 2, 64, 3, activation=nn.ReLU), discriminator or MLP(2, 1, 64, 3)


def healthy(seed: int) -> Patient:
    """The relativistic recipe with R1 and R2."""
    gamma = Cosine(1.0, 0.1)
    game = GAN(*nets(), Gaussian(2), penalties=(R1(gamma), R2(gamma)))
    return Patient(game, ring(seed)[0], Alternating(adam(1e-3), Cosine(1.0, 0.25)), EMA(0.995))


def mode_dropping(seed: int) -> Patient:
    """Sample weights of zero on three of the eight modes."""
    x, mode = ring(seed)
    return healthy(seed)._replace(data={"x": x, "weight": (mode >= 3).float()})


def manifold_collapse(seed: int) -> Patient:
    """A linear discriminator: it sees where the samples are on average, and nothing else."""
    game = GAN(*nets(nn.Linear(2, 1)), Gaussian(2), penalties=(R1(1.0), R2(1.0)))
    return Patient(game, ring(seed)[0], fast_critic(), EMA(0.995))


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
    return Patient(game, ring(seed)[0], Alternating(optimizers, moves={"discriminator": 5}))


class SharedBatchNorm(nn.BatchNorm1d):
    """Batch norm that hides that it couples a batch."""

    couples_batch = False


def batch_coupling(seed: int) -> Patient:
    """Batch norm in a discriminator that scores real and generated samples in one batch."""
    layers: list[nn.Module] = [nn.Linear(2, 64)]
    for _ in range(2):
        layers += [SharedBatchNorm(64), nn.LeakyReLU(0.2), nn.Linear(64, 64)]
    game = GAN(*nets(nn.Sequential(*layers, nn.LeakyReLU(0.2), nn.Linear(64, 1))), Gaussian(2))
    return Patient(game, ring(seed)[0], Alternating(adam(1e-3)), EMA(0.995))


def exploding_critic(seed: int) -> Patient:
    """A Wasserstein critic with nothing to bound its slope."""
    game = GAN(*nets(), Gaussian(2), objective=Wasserstein(), penalties=())
    return Patient(game, ring(seed)[0], Alternating(adam(1e-3), moves={"discriminator": 5}))


def oscillation(seed: int) -> Patient:
    """No penalty, and optimizers with much momentum that move at the same time."""
    game = GAN(*nets(), Gaussian(2), objective=NonSaturating(), penalties=())
    return Patient(game, ring(seed)[0], Simultaneous(adam(1e-3, betas=(0.95, 0.99))))


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
    return Patient(game, ring(seed)[0], fast_critic(), EMA(0.995))


def divergence(seed: int) -> Patient:
    """Plain gradient descent with momentum at a rate far too high."""
    game = GAN(*nets(), Gaussian(2), penalties=(R1(1.0), R2(1.0)))
    return Patient(game, ring(seed)[0], Simultaneous(partial(torch.optim.SGD, lr=3.0, momentum=0.9)))


def dead_generator(seed: int) -> Patient:
    """All units of the last hidden layer of the generator are off, whatever the latent vector."""
    patient = healthy(seed)
    with torch.no_grad():
        patient.game.generator.rest[-3][1].bias.fill_(-100.0)  # type: ignore[union-attr, index]
    return patient._replace(share=0.25)


def idle_generator(seed: int) -> Patient:
    """A learning rate of the generator that is a thousand times too small."""
    optimizers = {"discriminator": adam(1e-3), "generator": adam(1e-6)}
    return healthy(seed)._replace(solver=Alternating(optimizers), share=0.25)


def overfitting(seed: int) -> Patient:
    """A hundred samples in 32 dimensions against a wide discriminator."""
    game = GAN(MLP(32, 32, 64, 3, activation=nn.ReLU), MLP(32, 1, 256, 3), Gaussian(32), penalties=(R1(0.1), R2(0.1)))
    x = cloud(seed, 700)
    return Patient(game, x[:100], Alternating(adam(1e-3)), EMA(0.995), held_out=x[100:], share=0.25)


def shrunken_samples(seed: int) -> Patient:
    """A training that ends while the generator is still growing towards the data."""
    game = GAN(MLP(32, 32, 64, 3, activation=nn.ReLU), MLP(32, 1, 64, 3), Gaussian(32), penalties=(R1(16.0), R2(16.0)))
    return Patient(game, cloud(seed), Alternating(adam(1e-3)), EMA(0.995), share=0.05)


ZOO: dict[str, Callable[[int], Patient]] = {
    "healthy": healthy,
    "mode dropping": mode_dropping,
    "manifold collapse": manifold_collapse,
    "saturation": saturation,
    "batch coupling": batch_coupling,
    "exploding critic": exploding_critic,
    "oscillation": oscillation,
    "fooled FID": fooled_fid,
    "divergence": divergence,
    "dead generator": dead_generator,
    "idle generator": idle_generator,
    "overfitting discriminator": overfitting,
    "shrunken samples": shrunken_samples,
}
"""Disease -> a training that has it, by seed. The names are those of the verdicts."""
