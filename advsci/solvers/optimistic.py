r"""Optimism: expect the next move to repeat the change from the last one.

With the displacement :math:`d_t` that a player's optimizer proposes at :math:`\theta_t`,

.. math:: \theta_{t+1} = \theta_t + 2 d_t - d_{t-1}

which for plain SGD is :math:`\theta - 2h\,v_t + h\,v_{t-1}` and for Adam the Optimistic Adam of Daskalakis et al. 2018
(arXiv 1711.00141, algorithm 1). It is extragradient that takes its look-ahead from the last gradient
(past-extragradient, Gidel et al. 2019, arXiv 1802.10551, section 3.2), written in the extrapolated points: one
gradient a step. On :math:`f = xy` the spectral radius is :math:`\sqrt{(1 + \sqrt{1 - 4h^2})/2}` for
:math:`h \le 1/2`, and it converges for :math:`h < 1/\sqrt3`.
"""

import torch

from advsci.games.game import Game
from advsci.solvers.gradient import Terms
from advsci.solvers.solver import Feed, Solver

__all__ = ["Optimistic"]


class Optimistic(Solver):
    """Optimistic descent of all players at once, with any optimizer. The first step is a plain one.

    Examples
    --------
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Optimistic, adam
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> solver = Optimistic(adam(lr=1e-3))
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
        for player in self.players:
            parameters = self.everything[player]
            start = [p.detach().clone() for p in parameters]
            self.apply(game, player, gradients[player], constrain=False)
            with torch.no_grad():
                move = [p - origin for p, origin in zip(parameters, start, strict=True)]
                if player in self.memory:
                    for p, new, old in zip(parameters, move, self.memory[player], strict=True):
                        if p.requires_grad:
                            p.add_(new - old)
            self.memory[player] = move
            game.moved(player)
        return terms
