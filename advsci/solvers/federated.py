"""Federated play: every site moves by itself, and every few steps the shared players become their mean."""

from typing import cast

from advsci.errors import ConfigError
from advsci.games.federation import Federation
from advsci.games.game import Game
from advsci.solvers.gradient import Terms
from advsci.solvers.solver import Feed, Solver

__all__ = ["Federated"]


class Federated(Solver):
    """Rounds of another solver on an `advsci.games.Federation`.

    Parameters
    ----------
    inner
        The rule that moves the players of all sites; its optimizers, whose state stays at the site, and its schedule
        are used.
    every
        Steps of the inner rule between two means.

    Raises
    ------
    ConfigError
        ``every`` is below 1; at the first step, that the game is no federation.

    Examples
    --------
    >>> from advsci.solvers import Alternating
    >>> Federated(Alternating(), every=10).every
    10
    """

    def __init__(self, inner: Solver, every: int = 10):
        super().__init__(inner.optimizer, inner.lr_schedule)
        if every < 1:
            raise ConfigError(f"got every={every}; expected at least 1. Try: every=10.")
        self.inner: Solver = inner
        self.differentiates_field = inner.differentiates_field
        self.every = every

    @property
    def draws_per_step(self) -> int:
        return self.inner.draws_per_step

    def bind(self, game: Game) -> None:
        """Bind the inner rule.

        Parameters
        ----------
        game
            A federation.

        Raises
        ------
        ConfigError
            The game is no `Federation`.
        """
        if not isinstance(game, Federation):
            raise ConfigError(
                f"got a {type(game).__name__}; expected a Federation. Try: Federation({{'north': game}})."
            )
        super().bind(game)

    def step(self, game: Game, feed: Feed) -> dict[str, Terms]:
        """Each player's terms; all players move once, and at the end of a round the shared ones become their mean.

        Parameters
        ----------
        game
            The federation.
        feed
            Gives the next batch and its draw.
        """
        self.bound()
        self.inner.watch = self.watch
        terms = self.inner.step(game, feed)
        self.gradient_norms = self.inner.gradient_norms
        self.memory["count"] = self.memory.get("count", 0) + 1
        if self.memory["count"] % self.every == 0:
            cast(Federation, game).average()
        return terms
