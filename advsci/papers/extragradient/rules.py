r"""Rules of motion on the bilinear game :math:`f = xy`, and on the smallest Wasserstein GAN.

A rule without memory maps (x, y) linearly: its spectral radius is that of the matrix. The past extragradient remembers
a gradient; its radius is the ratio of two successive distances from the equilibrium, once the transient has died out.
"""

from functools import partial

import torch
from torch import Tensor, nn

from advsci.games import GAN, Game
from advsci.latents import Gaussian
from advsci.objectives import Wasserstein
from advsci.papers import step
from advsci.solvers import Alternating, Extragradient, Optimistic, ProximalPoint, Simultaneous, Solver
from advsci.streams import Stream


class Point(nn.Module):
    """A player that is a number."""

    def __init__(self):
        super().__init__()
        self.at = nn.Parameter(torch.ones(1, dtype=torch.float64))


class Bilinear(Game):
    """x minimises xy, y maximises it."""

    def __init__(self):
        super().__init__()
        self.x, self.y = Point(), Point()

    @property
    def players(self):
        return {"x": self.x, "y": self.y}

    def draw(self, batch, stream):
        """No random numbers: the losses on ``batch`` need none of ``stream``."""
        return {}

    def check(self, batch, draw):
        """Nothing: ``batch`` and ``draw`` are not looked at."""
        pass

    def terms(self, player, batch, draw):
        """The product x y, as ``player`` minimises it; ``batch`` and ``draw`` are not looked at."""
        value = (self.x.at * self.y.at).sum()
        return {"loss": value if player == "x" else -value}

    def place(self) -> Tensor:
        """Where both players are, (x, y)."""
        return torch.cat([self.x.at, self.y.at]).detach()

    def put(self, place: Tensor) -> None:
        """Move both players to ``place``, (x, y)."""
        with torch.no_grad():
            self.x.at.copy_(place[:1])
            self.y.at.copy_(place[1:])


def nothing():
    """The feed of a game without data."""
    return {}, {}


def radius(rule: type[Solver], h: float) -> float:
    """Spectral radius of one step of a rule without memory.

    Parameters
    ----------
    rule
        Solver without memory.
    h
        Learning rate.

    Returns
    -------
    float
        Largest modulus of an eigenvalue.
    """
    game, columns = Bilinear(), []
    for unit in torch.eye(2, dtype=torch.float64):
        solver = rule(partial(torch.optim.SGD, lr=h))
        solver.bind(game)
        game.put(unit)
        solver.step(game, nothing)
        columns.append(game.place())
    return float(torch.linalg.eigvals(torch.stack(columns, 1)).abs().max())


def ratio(rule: type[Solver], h: float, steps: int = 120) -> float:
    """Ratio of the last two distances from the equilibrium.

    Parameters
    ----------
    rule
        Solver.
    h
        Learning rate.
    steps
        Steps before the ratio is taken.

    Returns
    -------
    float
        Below 1 if it converges.
    """
    game, solver = Bilinear(), rule(partial(torch.optim.SGD, lr=h))
    solver.bind(game)
    before = now = 0.0
    for _ in range(steps):
        solver.step(game, nothing)
        before, now = now, float(game.place().norm())
    return now / before


class Shift(nn.Module):
    """A generator that moves noise by theta."""

    def __init__(self, d: int):
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(d))

    def forward(self, z):
        """Latent vectors ``z``, moved by the parameter."""
        return self.theta + z


def wasserstein(rule: type[Solver], seed: int, d: int = 8, steps: int = 600) -> tuple[list[float], float]:
    """Distances of theta from the data's mean, over its start; and that of the mean iterate.

    Parameters
    ----------
    rule
        Solver.
    seed
        Root of all random numbers.
    d
        Dimension.
    steps
        Steps.

    Returns
    -------
    tuple
        Distance at each step; distance of the mean iterate.
    """
    stream, mean = Stream(seed), torch.ones(d) / d**0.5
    critic = nn.Linear(d, 1, bias=False)
    nn.init.zeros_(critic.weight)
    shift = Shift(d)
    game = GAN(shift, critic, Gaussian(d), objective=Wasserstein(), penalties=())
    solver = rule(partial(torch.optim.SGD, lr=0.1))
    solver.bind(game)
    draws = iter(range(10**9))

    def feed():
        """The next batch and its draw."""
        at = stream.at("step", next(draws))
        batch = {"x": mean + 0.1 * at.at("x").normal((64, d))}
        return batch, {"latent": 0.1 * at.at("z").normal((64, d))}

    away, total = [], torch.zeros(d)
    for _ in range(steps):
        solver.step(game, feed)
        total += shift.theta.detach()
        away.append(float((shift.theta.detach() - mean).norm()))
    return away, float((total / steps - mean).norm())


def measure(seed: int, effort: str) -> dict[str, float | bool | list[float]]:
    """Radii (nothing random), and one training of the Wasserstein GAN for each rule.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        "quick" or "full".

    Returns
    -------
    dict
        Values by the cells' names; lists are curves.
    """
    cells: dict[str, float | bool | list[float]] = {}
    rules = {"simultaneous": Simultaneous, "alternating": Alternating, "extragradient": Extragradient}
    for h in (0.1, 0.3, 0.4):
        for name, rule in {**rules, "implicit": ProximalPoint}.items():
            cells[f"{name}/{h}"] = radius(rule, h)
        cells[f"past/{h}"] = ratio(Optimistic, h)
    cells["extragradient/diverges at 1.1"] = radius(Extragradient, 1.1) > 1.0
    cells["past/diverges at 0.6"] = ratio(Optimistic, 0.6) > 1.0
    for name, rule in {**rules, "past": Optimistic}.items():
        away, averaged = wasserstein(rule, seed, steps=600 if effort == "quick" else 6000)
        cells[f"wgan/{name}"] = sum(away[-100:]) / 100
        cells[f"wgan/{name} averaged"] = averaged
        cells[f"wgan/{name} curve"] = away[:: len(away) // 200]
    return cells


if __name__ == "__main__":
    step(measure)
