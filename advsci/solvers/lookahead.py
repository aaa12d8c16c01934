r"""Look-ahead: every k steps of another rule, go back part of the way to where they began.

.. math:: \theta \leftarrow \tilde\theta + \alpha\,(\theta - \tilde\theta), \qquad \tilde\theta \leftarrow \theta

(Chavdarova et al. 2021, arXiv 2006.14567, algorithm 1: for all players jointly.) If :math:`M` is the inner rule's
iteration matrix, k steps have :math:`(1 - \alpha) I + \alpha M^k`: rotations average out, so that even the
simultaneous rule converges on :math:`f = xy`.
"""

import torch

from advsci.errors import ConfigError
from advsci.games.game import Game
from advsci.sharded import pieces
from advsci.solvers.gradient import Terms
from advsci.solvers.solver import Feed, Solver

__all__ = ["Lookahead"]


class Lookahead(Solver):
    r"""Look-ahead round any other solver.

    Parameters
    ----------
    inner
        The rule that moves the players; its optimizers and its schedule are used.
    k
        Steps of the inner rule between two averages.
    alpha
        :math:`\alpha \in (0, 1]`: how much of the way is kept.

    Raises
    ------
    ConfigError
        ``k`` is below one, or ``alpha`` is no share in (0, 1].

    Examples
    --------
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Lookahead, Simultaneous, adam
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> solver = Lookahead(Simultaneous(adam(lr=1e-3)))
    >>> training = Trainer(steps=2, batch_size=16, quiet=True).fit(game, Stream(0).normal((64, 2)), solver)
    >>> training.step
    2
    """

    def __init__(self, inner: Solver, k: int = 5, alpha: float = 0.5):
        super().__init__(inner.optimizer, inner.lr_schedule)
        if k < 1 or not 0.0 < alpha <= 1.0:
            raise ConfigError(f"got k={k}, alpha={alpha}; expected k >= 1 and 0 < alpha <= 1. Try: k=5, alpha=0.5.")
        self.inner: Solver = inner
        self.accumulates = inner.accumulates
        self.differentiates_field = inner.differentiates_field
        self.k = k
        self.alpha = alpha

    @property
    def draws_per_step(self) -> int:
        return self.inner.draws_per_step

    def step(self, game: Game, feed: Feed) -> dict[str, Terms]:
        """Each player's terms; the players of ``game`` are moved once, on batches from ``feed``."""
        self.bound()
        parameters = [p for own in self.everything.values() for p in own]
        if "slow" not in self.memory:
            self.memory |= {"slow": [p.detach().clone() for p in parameters], "count": 0}
        self.inner.watch = self.watch
        terms = self.inner.step(game, feed)
        self.gradient_norms = self.inner.gradient_norms
        self.memory["count"] += 1
        if self.memory["count"] % self.k == 0:
            slow, fast = pieces(self.memory["slow"]), pieces(parameters)
            for at, now, p in zip(slow, fast, parameters, strict=True):
                if not p.requires_grad:
                    at.copy_(now)  # a frozen parameter stays where it is
            torch._foreach_lerp_(slow, fast, self.alpha)
            torch._foreach_copy_(fast, slow)
        return terms
