r"""Simultaneous gradient descent of all players on their own losses: :math:`\theta \leftarrow \theta - h\, v(\theta)`.

On :math:`f = xy` its spectral radius is :math:`\sqrt{1 + h^2}`: it never converges there. A `OneLossGame` needs one
backward pass.
"""

from advsci.games.game import Game
from advsci.solvers.gradient import Terms
from advsci.solvers.solver import Feed, Solver

__all__ = ["Simultaneous"]


class Simultaneous(Solver):
    """All players move at once, from gradients at the same point."""

    @property
    def draws_per_step(self) -> int:
        return 1

    def step(self, game: Game, feed: Feed) -> dict[str, Terms]:
        terms, gradients = self.field(game, *feed())
        for player, gradient in gradients.items():
            self.apply(game, player, gradient)
        return terms
