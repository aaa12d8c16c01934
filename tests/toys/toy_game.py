"""A small GAN and its data, shared by the tests of training; also run as a script that a test kills."""

import sys

import torch
from torch import Tensor, nn

from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.schedules import Cosine
from advsci.solvers import Alternating, adam
from advsci.solvers.solver import OptimizerFactory
from advsci.streams import Stream
from advsci.training import EMA, Trainer


def toy_data(n: int = 257) -> Tensor:
    return Stream(7).at("data").normal((n, 2))


def toy_game(outputs: int = 2) -> GAN:
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(3, 16), nn.LeakyReLU(0.2), nn.Linear(16, outputs))
    discriminator = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    return GAN(generator, discriminator, Gaussian(3))


def toy_solver(optimizer: OptimizerFactory | None = None) -> Alternating:
    return Alternating(optimizer or adam(1e-3), Cosine(1.0, 0.25), moves={"discriminator": 2})


def sgd(parameters) -> torch.optim.Optimizer:
    """Plain descent: unlike Adam it does not blow up differences in the last bit of small gradients."""
    return torch.optim.SGD(parameters, lr=0.05)


def toy_trainer(run=None, steps: int = 300, **settings) -> Trainer:
    settings = {"batch_size": 32, "log_every": 10, "checkpoint_every": 20, "ema": EMA(0.99), "quiet": True} | settings
    return Trainer(steps=steps, device="cpu", run=run, **settings)


if __name__ == "__main__":
    torch.set_num_threads(1)
    print("ready", flush=True)
    toy_trainer(sys.argv[1], steps=int(sys.argv[2])).fit(toy_game(), toy_data(), toy_solver())
