r"""Implicit rules: each step solves a linear system with the field's Jacobian, by products alone.

Proximal point takes the gradient where it arrives, competitive gradient descent lets every player expect the others'
move; both tame any rotation: on :math:`f = xy` the spectral radius is :math:`1/\sqrt{1 + h^2}` for every :math:`h`.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from advsci.errors import ConfigError
from advsci.games.game import Game
from advsci.linalg import least_squares
from advsci.schedules import Schedule
from advsci.solvers.gradient import Terms, differentiable_field, split
from advsci.solvers.jacobian import FieldJacobian, flatten, unflatten
from advsci.solvers.solver import Feed, OptimizerFactory, Solver

__all__ = ["Competitive", "ProximalPoint"]


class Competitive(Solver):
    r"""Competitive gradient descent: the Nash equilibrium of the local bilinear game of all players.

    Player i minimises
    :math:`g_i \cdot \delta_i + \delta_i^T \sum_{j \ne i} \nabla_{ij} L_i\, \delta_j + |\delta_i|^2 / 2 h_i`;
    together, with the mixed blocks K of the field's Jacobian and the learning rates H,

    .. math:: \delta = -H (I + K H)^{-1} v

    (Schaefer and Anandkumar 2019, arXiv 1905.12103, eq. 4, and its form for n players.) The optimizers move along
    :math:`(I + K H)^{-1} v`: with plain SGD this is the rule itself.

    Parameters
    ----------
    iterations
        Steps of conjugate gradients on the normal equations; each costs two products. The relative residual of the last
        solution is in ``memory["residual"]``.
    optimizer
        As in `Solver`.
    lr_schedule
        As in `Solver`.

    Raises
    ------
    ConfigError
        ``iterations`` is negative.

    Examples
    --------
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Competitive, adam
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> solver = Competitive(adam(lr=1e-3))
    >>> training = Trainer(steps=2, batch_size=16, quiet=True).fit(game, Stream(0).normal((64, 2)), solver)
    >>> training.step
    2
    """

    differentiates_field = True

    def __init__(
        self,
        optimizer: OptimizerFactory | Mapping[str, OptimizerFactory] | None = None,
        lr_schedule: float | Schedule = 1.0,
        *,
        iterations: int = 10,
    ):
        super().__init__(optimizer, lr_schedule)
        if iterations < 0:
            raise ConfigError(f"got iterations={iterations}; expected none or more. Try: 10.")
        self.iterations = iterations

    @property
    def draws_per_step(self) -> int:
        return 1

    def step(self, game: Game, feed: Feed) -> dict[str, Terms]:
        """Each player's terms; the players of ``game`` are moved once, on batches from ``feed``."""
        terms, field = differentiable_field(game, *feed(), self.bound())
        K, H = FieldJacobian(field, self.parameters, mixed=True), learning_rates(self)
        expected, self.memory["residual"] = solve_implicit(K, H, K.value, self.iterations)
        for player, gradient in split(expected, self.parameters).items():
            self.apply(game, player, gradient)
        return terms


class ProximalPoint(Solver):
    r"""The implicit step :math:`\theta^+ = \theta - H\, v(\theta^+)` by Newton's method (Rockafellar 1976).

    Newton's unknown is the gradient :math:`g = v(\theta - H g)` at the point of arrival; each iteration solves
    :math:`(I + J H)\, dg = v(\theta - H g) - g`. One iteration is exact for quadratic games. The optimizers move along
    :math:`g`: with plain SGD this is the rule itself.

    Parameters
    ----------
    newton
        Newton iterations, all on one batch and draw.
    iterations
        Steps of conjugate gradients in each; the relative residual of the last solution is in ``memory["residual"]``.
    optimizer
        As in `Solver`.
    lr_schedule
        As in `Solver`.

    Raises
    ------
    ConfigError
        ``newton`` is below one, or ``iterations`` negative.

    Examples
    --------
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import ProximalPoint, adam
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> solver = ProximalPoint(adam(lr=1e-3))
    >>> training = Trainer(steps=2, batch_size=16, quiet=True).fit(game, Stream(0).normal((64, 2)), solver)
    >>> training.step
    2
    """

    differentiates_field = True

    def __init__(
        self,
        optimizer: OptimizerFactory | Mapping[str, OptimizerFactory] | None = None,
        lr_schedule: float | Schedule = 1.0,
        *,
        newton: int = 1,
        iterations: int = 10,
    ):
        super().__init__(optimizer, lr_schedule)
        if newton < 1 or iterations < 0:
            raise ConfigError(
                f"got newton={newton}, iterations={iterations}; expected at least 1 and 0. "
                "Try: newton=1, iterations=10."
            )
        self.newton = newton
        self.iterations = iterations

    @property
    def draws_per_step(self) -> int:
        return 1

    def step(self, game: Game, feed: Feed) -> dict[str, Terms]:
        """Each player's terms; the players of ``game`` are moved once, on batches from ``feed``."""
        batch, draw = feed()
        terms, field = differentiable_field(game, batch, draw, self.bound())
        H = learning_rates(self)
        parameters = [p for own in self.parameters.values() for p in own]
        start = [p.detach().clone() for p in parameters]
        g = torch.zeros_like(H)
        for k in range(self.newton):
            if k > 0:
                move_to(parameters, start, H * g)
                _, field = differentiable_field(game, batch, draw, self.parameters)
            J = FieldJacobian(field, self.parameters)
            correction, self.memory["residual"] = solve_implicit(J, H, J.value - g, self.iterations)
            g = g + correction
        move_to(parameters, start, torch.zeros_like(H))
        for player, gradient in split(g, self.parameters).items():
            self.apply(game, player, gradient)
        return terms


def learning_rates(solver: Solver) -> Tensor:
    """The diagonal of H: the current learning rate of every parameter's entry.

    Parameters
    ----------
    solver
        The solver, bound to the game.
    """
    rates = {}
    for optimizer in solver.optimizers.values():
        for group in optimizer.param_groups:
            rates |= dict.fromkeys(map(id, group["params"]), group["lr"])
    return flatten([torch.full_like(p, rates[id(p)]) for own in solver.parameters.values() for p in own])


def solve_implicit(J: FieldJacobian, H: Tensor, b: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
    r""":math:`(I + J H)^{-1} b` and the relative residual.

    Parameters
    ----------
    iterations
        Products with the Jacobian at most.
    """

    def product(x: Tensor) -> Tensor:
        """The system's matrix times the one row of ``x``."""
        return (x[0] + J(H * x[0]))[None]

    def adjoint(y: Tensor) -> Tensor:
        """The system's transposed matrix times the one row of ``y``."""
        return (y[0] + H * J.transposed(y[0]))[None]

    x = least_squares(product, adjoint, b[None], steps=iterations, start=b[None])
    size = b.norm()
    return x[0], torch.where(size > 0.0, (b - product(x)[0]).norm() / size.clamp_min(torch.finfo(b.dtype).tiny), 0.0)


@torch.no_grad()
def move_to(parameters, start, displacement: Tensor) -> None:
    """Set the parameters to ``start - displacement``."""
    for p, origin, d in zip(parameters, start, unflatten(displacement, parameters), strict=True):
        p.copy_(origin - d)
