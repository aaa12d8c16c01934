r"""Extragradient: look one step ahead, then move from where you were along the gradient found there.

.. math:: \theta' = \theta - h\, v(\theta), \qquad \theta \leftarrow \theta - h\, v(\theta')

(Korpelevich 1976; for GANs, with any optimizer's scaling in both half steps: Gidel et al. 2019, arXiv 1802.10551,
algorithm 3.) On :math:`f = xy` the spectral radius is :math:`\sqrt{1 - h^2 + h^4}`: convergent for :math:`h < 1`.
"""

import torch

from advsci.games.game import Game
from advsci.sharded import pieces
from advsci.solvers.gradient import Terms
from advsci.solvers.solver import Feed, Solver

__all__ = ["Extragradient"]


class Extragradient(Solver):
    """Extrapolation and update, both through the players' optimizers (with Adam: ExtraAdam).

    Examples
    --------
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Extragradient, adam
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> solver = Extragradient(adam(lr=1e-3))
    >>> training = Trainer(steps=2, batch_size=16, quiet=True).fit(game, Stream(0).normal((64, 2)), solver)
    >>> training.step
    2
    """

    accumulates = True

    @property
    def draws_per_step(self) -> int:
        return 2

    def step(self, game: Game, feed: Feed) -> dict[str, Terms]:
        """Each player's terms; the players of ``game`` are moved once, on batches from ``feed``."""
        parameters = [p for player in self.players for p in self.parameters[player]]
        start = [p.clone() for p in pieces(parameters)]
        _, gradients = self.field(game, *feed())
        for player, gradient in gradients.items():
            self.apply(game, player, gradient)
        terms, gradients = self.field(game, *feed())
        torch._foreach_copy_(pieces(parameters), start)
        for player, gradient in gradients.items():
            self.apply(game, player, gradient)
        return terms
