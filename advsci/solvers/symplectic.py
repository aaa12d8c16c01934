r"""Symplectic gradient adjustment: turn the field towards the fixed point by its own rotation.

With the antisymmetric part :math:`A = (J - J^T)/2` of the field's Jacobian,

.. math:: \theta \leftarrow \theta - h\,(v + \lambda A^T v), \qquad A^T v = \tfrac12 (J^T v - J v)

(Balduzzi et al. 2018, arXiv 1802.05642, algorithm 1.) The aligned form takes the sign of :math:`\lambda` from
:math:`\langle J^T v, v\rangle \langle A^T v, J^T v\rangle + \epsilon`, so that the adjustment is drawn to stable and
pushed from unstable fixed points. On :math:`f = xy` the spectral radius is :math:`\sqrt{(1 - h\lambda)^2 + h^2}`.
"""

from collections.abc import Mapping

import torch

from advsci.games.game import Game
from advsci.schedules import Schedule
from advsci.solvers.gradient import Terms, differentiable_field, split
from advsci.solvers.jacobian import FieldJacobian
from advsci.solvers.solver import Feed, OptimizerFactory, Solver

__all__ = ["SymplecticAdjustment"]


class SymplecticAdjustment(Solver):
    r"""The field plus :math:`\lambda A^T v`, through the players' optimizers.

    Parameters
    ----------
    strength
        :math:`\lambda > 0`.
    align
        Choose the sign of :math:`\lambda` in each step; off for games that are known to be purely rotational.
    optimizer
        As in `Solver`.
    lr_schedule
        As in `Solver`.

    Examples
    --------
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import SymplecticAdjustment, adam
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> solver = SymplecticAdjustment(adam(lr=1e-3))
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
        strength: float = 1.0,
        align: bool = True,
    ):
        super().__init__(optimizer, lr_schedule)
        self.strength = strength
        self.align = align

    @property
    def draws_per_step(self) -> int:
        return 1

    def step(self, game: Game, feed: Feed) -> dict[str, Terms]:
        """Each player's terms; the players of ``game`` are moved once, on batches from ``feed``."""
        terms, field = differentiable_field(game, *feed(), self.bound())
        J = FieldJacobian(field, self.parameters)
        v = J.value
        pulled = J.transposed(v)
        adjustment = 0.5 * (pulled - J(v))
        if self.align:
            # epsilon = 0.1 as in the paper: where the product vanishes the adjustment is attracted
            slope = pulled.dot(v) * adjustment.dot(pulled) / v.numel() + 0.1
            adjustment = torch.where(slope >= 0.0, adjustment, -adjustment)
        for player, gradient in split(v + self.strength * adjustment, self.parameters).items():
            self.apply(game, player, gradient)
        return terms
