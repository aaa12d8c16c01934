r"""Simultaneous gradient descent of all players on their own losses: :math:`\theta \leftarrow \theta - h\, v(\theta)`.

On :math:`f = xy` its spectral radius is :math:`\sqrt{1 + h^2}`: it never converges there. A `OneLossGame` needs one
backward pass.
"""

from advsci.games.game import Game
from advsci.solvers.gradient import Terms
from advsci.solvers.solver import Feed, Solver

__all__ = ["Simultaneous"]


class Simultaneous(Solver):
    """All players move at once, from gradients at the same point.

    Examples
    --------
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Simultaneous, adam
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> solver = Simultaneous(adam(lr=1e-3))
    >>> training = Trainer(steps=2, batch_size=16, quiet=True).fit(game, Stream(0).normal((64, 2)), solver)
    >>> training.step
    2
    """

    accumulates = True

    @property
    def draws_per_step(self) -> int:
        return 1

    def step(self, game: Game, feed: Feed) -> dict[str, Terms]:
        """Each player's terms; the players of ``game`` are moved once, on batches from ``feed``."""
        terms, gradients = self.field(game, *feed())
        for player, gradient in gradients.items():
            self.apply(game, player, gradient)
        return terms
