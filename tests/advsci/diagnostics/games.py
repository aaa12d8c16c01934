"""Small games with known fields."""

import torch
from torch import nn

from advsci.games import GAN, Game
from advsci.latents import Gaussian
from advsci.nn import MLP


class Scalar(nn.Module):
    """One number."""

    def __init__(self, value: float):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value, dtype=torch.double))


class ScalarGame(Game):
    """Players x and y that minimise ``fx(x, y)`` and ``fy(x, y)``."""

    def __init__(self, fx, fy, x=0.3, y=-0.2):
        super().__init__()
        self.x, self.y, self.f = Scalar(x), Scalar(y), {"x": fx, "y": fy}

    @property
    def players(self):
        return {"x": self.x, "y": self.y}

    def draw(self, batch, stream):
        return {}

    def terms(self, player, batch, draw):
        return {"f": self.f[player](self.x.value, self.y.value)}

    def check(self, batch, draw):
        pass


def zero_sum(f, **at):
    """x minimises f, y maximises it."""
    return ScalarGame(f, lambda x, y: -f(x, y), **at)


def small_gan(seed=0, width=5):
    """A smooth two-dimensional GAN in float64 with its batch and draw."""
    torch.manual_seed(seed)
    nets = MLP(2, 2, width, 2, activation=nn.Tanh), MLP(2, 1, width, 2, activation=nn.Tanh)
    game = GAN(*nets, Gaussian(2)).double()
    g = torch.Generator().manual_seed(seed)
    batch = {"x": torch.randn(32, 2, generator=g, dtype=torch.double)}
    return game, batch, {"latent": torch.randn(32, 2, generator=g, dtype=torch.double)}
