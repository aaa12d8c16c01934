"""Games with exact dynamics: quadratic saddles, a damped Hopf example and the Dirac-GAN."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from advsci.games import GAN, Game
from advsci.latents import Gaussian
from advsci.objectives import Minimax
from advsci.solvers import Solver

NOTHING = ({}, {})


def nothing() -> tuple[dict, dict]:
    """The feed of a game without data."""
    return NOTHING


class Point(nn.Module):
    """A player that is a vector."""

    def __init__(self, values):
        super().__init__()
        self.at = nn.Parameter(torch.as_tensor(values, dtype=torch.float64))


class Saddle(Game):
    """Players that are vectors, with given losses of all of them."""

    def __init__(self, losses: dict[str, Callable[..., Tensor]], start: dict[str, list[float]]):
        super().__init__()
        self.points = nn.ModuleDict({name: Point(values) for name, values in start.items()})
        self.losses = losses

    @property
    def players(self):
        return dict(self.points.items())

    def draw(self, batch, stream):
        return {}

    def check(self, batch, draw):
        pass

    def terms(self, player, batch, draw):
        return {"loss": self.losses[player](*(self.place(name) for name in self.points))}

    def place(self, player: str) -> Tensor:
        """Where a player stands."""
        return self.points[player].at  # type: ignore[return-value]  # a plain tensor under functional_call

    def state(self) -> Tensor:
        return torch.cat([self.place(name).detach() for name in self.points])

    def put(self, state) -> None:
        with torch.no_grad():
            places = [self.place(name) for name in self.points]
            parts = torch.as_tensor(state, dtype=torch.float64).split([p.numel() for p in places])
            for p, part in zip(places, parts, strict=True):
                p.copy_(part)


def zero_sum(value: Callable[[Tensor, Tensor], Tensor], x=(1.0,), y=(1.0,)) -> Saddle:
    """x minimises and y maximises ``value``."""
    return Saddle({"x": value, "y": lambda x, y: -value(x, y)}, {"x": list(x), "y": list(y)})


def bilinear(x=(1.0,), y=(1.0,)) -> Saddle:
    return zero_sum(lambda x, y: (x * y).sum(), x, y)


def iteration_matrix(game: Saddle, solver: Solver, steps: int = 1) -> Tensor:
    """Columns: where one step (or several) takes the unit vectors; the map of a linear rule on a quadratic game."""
    n = game.state().numel()
    columns = []
    for e in torch.eye(n, dtype=torch.float64):
        solver.bind(game)
        game.put(e)
        for _ in range(steps):
            solver.step(game, nothing)
        columns.append(game.state())
    return torch.stack(columns, 1)


def radius(matrix: Tensor) -> float:
    return float(torch.linalg.eigvals(matrix).abs().max())


class Shift(nn.Module):
    """The Dirac generator: a point mass at theta, whatever the latent vector."""

    def __init__(self, theta: float):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor([[theta]], dtype=torch.float64))

    def forward(self, z):
        return self.theta + 0.0 * z


def dirac_gan(theta: float = 1.0, slope: float = 1.0, objective=None, penalties=()) -> GAN:
    """Data at 0, fakes at theta, D(x) = slope * x (Mescheder et al. 2018, section 2)."""
    critic = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    nn.init.constant_(critic.weight, slope)
    return GAN(Shift(theta), critic, Gaussian(1), objective=objective or Minimax(), penalties=penalties)


def dirac_feed(game: GAN) -> Callable:
    batch = {"x": torch.zeros(1, 1, dtype=torch.float64)}
    draw = {"latent": torch.zeros(1, 1, dtype=torch.float64), "wgan_gp/uniform": torch.full((1,), 0.5).double()}
    return lambda: (batch, draw)
