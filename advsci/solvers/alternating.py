r"""Alternating gradient descent: players move in turn, each seeing the others' new parameters.

On :math:`f = xy` the eigenvalues of one round lie on the unit circle: bounded for :math:`h < 2`, where the
simultaneous rule diverges.
"""

from collections.abc import Mapping

from advsci.errors import ConfigError
from advsci.games.game import Game
from advsci.schedules import Schedule
from advsci.solvers.gradient import Terms
from advsci.solvers.solver import Feed, OptimizerFactory, Solver

__all__ = ["Alternating"]


class Alternating(Solver):
    """Players move in the game's order of play, each on a fresh batch and draw.

    Parameters
    ----------
    moves
        How often each player moves a round: ``{"discriminator": 5}`` is the k:1 rule of WGAN; players not named move
        once.
    optimizer
        As in `Solver`.
    lr_schedule
        As in `Solver`.
    compile
        As in `Solver`.

    Examples
    --------
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Alternating, adam
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> solver = Alternating(adam(lr=1e-3))
    >>> training = Trainer(steps=2, batch_size=16, quiet=True).fit(game, Stream(0).normal((64, 2)), solver)
    >>> training.step
    2
    """

    accumulates = True

    def __init__(
        self,
        optimizer: OptimizerFactory | Mapping[str, OptimizerFactory] | None = None,
        lr_schedule: float | Schedule = 1.0,
        *,
        moves: Mapping[str, int] | None = None,
        compile: bool | str = False,
    ):
        super().__init__(optimizer, lr_schedule, compile=compile)
        self.moves = dict(moves or {})

    @property
    def draws_per_step(self) -> int:
        """Draws for each step, once the settings are seen to fit the players.

        Raises
        ------
        ConfigError
            ``moves`` names a player that the game has not, or a count below one.
        """
        unknown = sorted(set(self.moves) - set(self.optimizers))
        if unknown or any(k < 1 for k in self.moves.values()):
            raise ConfigError(
                f"got moves {self.moves} for the players {list(self.optimizers)}; expected positive counts for "
                f"these names. "
                "Try: {'discriminator': 5}."
            )
        return sum(self.moves.get(player, 1) for player in self.players)

    def step(self, game: Game, feed: Feed) -> dict[str, Terms]:
        """Each player's terms; the players of ``game`` are moved once, on batches from ``feed``."""
        terms = {}
        for player in self.players:
            for _ in range(self.moves.get(player, 1)):
                terms[player], gradient = self.gradient(player, *feed())
                self.apply(game, player, gradient)
        return terms
