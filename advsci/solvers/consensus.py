r"""Consensus optimization: also descend the size of the vector field, which pulls rotations inwards.

.. math:: \theta \leftarrow \theta - h\,\big(v + \gamma \nabla \tfrac12 |v|^2\big), \qquad \nabla \tfrac12 |v|^2 = J^T v

(Mescheder et al. 2017, arXiv 1705.10461, eq. 8.) On :math:`f = xy` the spectral radius is
:math:`\sqrt{(1 - h\gamma)^2 + h^2}`: convergent for :math:`h < 2\gamma / (1 + \gamma^2)`.
"""

from collections.abc import Mapping

from advsci.errors import ConfigError
from advsci.games.game import Game
from advsci.schedules import Schedule
from advsci.solvers.gradient import Terms, differentiable_field, split
from advsci.solvers.jacobian import FieldJacobian
from advsci.solvers.solver import Feed, OptimizerFactory, Solver

__all__ = ["Consensus"]


class Consensus(Solver):
    r"""The field plus :math:`\gamma J^T v`, through the players' optimizers.

    Parameters
    ----------
    gamma
        :math:`\gamma`, the weight of the consensus term.
    optimizer
        As in `Solver`.
    lr_schedule
        As in `Solver`.

    Raises
    ------
    ConfigError
        ``gamma`` is negative.

    Examples
    --------
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Consensus, adam
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> solver = Consensus(adam(lr=1e-3))
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
        gamma: float = 1.0,
    ):
        super().__init__(optimizer, lr_schedule)
        if gamma < 0.0:
            raise ConfigError(f"got gamma={gamma}; expected a non-negative weight. Try: 1.0 with SGD, 0.1 with Adam.")
        self.gamma = gamma

    @property
    def draws_per_step(self) -> int:
        return 1

    def step(self, game: Game, feed: Feed) -> dict[str, Terms]:
        """Each player's terms; the players of ``game`` are moved once, on batches from ``feed``."""
        terms, field = differentiable_field(game, *feed(), self.bound())
        J = FieldJacobian(field, self.parameters)
        v = J.value
        pulled = J.transposed(v)
        for player, gradient in split(v + self.gamma * pulled, self.parameters).items():
            self.apply(game, player, gradient)
        return terms
