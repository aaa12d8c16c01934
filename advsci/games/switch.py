"""Taking a part out of a game: a player that stands still, or terms that nobody pays.

`switch_off` does it to a game at hand, `switched_off` to every game that is trained within the context, in whatever
command.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from advsci.games.adversarial import AdversarialGame
from advsci.games.domain_adversarial import DomainAdversarial
from advsci.games.game import Game

__all__ = ["Switch", "apply_switch", "switch_off", "switched_off"]


@dataclass
class Switch:
    """A part that is off.

    Attributes
    ----------
    part
        Its name, or None for nothing.
    met
        Names of the classes of the games that had it.
    """

    part: str | None
    met: set[str] = field(default_factory=set)


_present: ContextVar[Switch] = ContextVar("part of a game that is off")


@contextmanager
def switched_off(part: str | None) -> Iterator[Switch]:
    """Within the context every training is one without ``part``; games that have no such part train as ever.

    Parameters
    ----------
    part
        As `switch_off` takes it; None for nothing.

    Yields
    ------
    Switch
        Says afterwards which games had the part.

    Examples
    --------
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Alternating
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> with switched_off("r1") as switch:
    ...     training = Trainer(2, 16, quiet=True).fit(game, Stream(0).normal((64, 2)), Alternating())
    >>> switch.met, "discriminator/r1" in training.log[-1]
    ({'GAN'}, False)
    """
    switch = Switch(part)
    token = _present.set(switch)
    try:
        yield switch
    finally:
        _present.reset(token)


def apply_switch(game: Game) -> None:
    """What `Trainer.fit` does with a game before its training: `switch_off` the part that is off in this context.

    Parameters
    ----------
    game
        The game.
    """
    switch = _present.get(None)
    if switch is not None and switch.part is not None:
        switch_off(game, switch.part, switch)


def switch_off(game: Game, part: str, switch: Switch | None = None) -> None:
    """Take a part out of a game, in place, before its training.

    Parameters
    ----------
    game
        The game; its class becomes a subclass that leaves terms out.
    part
        ``"adversary"`` (the generator does not hear the discriminator, or the task its adversaries, which stand still;
        a judge that teaches something besides goes on with that alone),
        ``"physics"`` (violations have no price), the name of a player (it stands still, as a silent player), or of a
        term of any player.
    switch
        Is told where the game has the part; of a term that shows in the training.
    """
    switch = switch or Switch(part)
    players = game.players
    if part == "adversary" and isinstance(game, AdversarialGame):
        if game.judge_teaches:
            _leave_out(game, None, {"objective"}, switch)
        elif "discriminator" in players:  # a first stage may be played without one
            _leave_out(game, "generator", {"objective"}, switch)
            _silence(game, "discriminator", switch)
    elif part == "adversary" and isinstance(game, DomainAdversarial):
        names = set(game.adversaries)
        _leave_out(game, "task", names, switch)
        for name in names:
            _silence(game, name, switch)
    elif part == "physics" and isinstance(game, AdversarialGame) and game.multipliers and "multipliers" in players:
        _leave_out(game, "generator", set(game.multipliers.names), switch)
        _silence(game, "multipliers", switch)
    elif part in players:
        _silence(game, part, switch)
    else:
        _leave_out(game, None, {part}, switch)


def _silence(game: Game, player: str, switch: Switch) -> None:
    switch.met.add(type(game).__name__.removesuffix("Without"))
    game.silent.add(player)
    for p in game.parameters_of(player):
        p.requires_grad_(False)


def _leave_out(game: Game, only: str | None, names: set[str], switch: Switch) -> None:
    """Restate ``terms`` without the terms ``names``, of one player or of all."""
    kind: Any = type(game)

    def terms(self: Game, player: str, batch: Any, draw: Any) -> dict[str, Tensor]:
        """Terms of ``player`` on ``batch`` and ``draw``, without those that are left out."""
        every = kind.terms(self, player, batch, draw)
        if (only is not None and player != only) or not names & set(every):
            return every
        switch.met.add(kind.__name__)
        left = {name: term for name, term in every.items() if name not in names}
        # a player with nothing to minimise has the loss 0 everywhere
        return left or {"nothing": 0.0 * torch.stack([p.sum() for p in self.parameters_of(player)]).sum()}

    game.__class__ = type(f"{kind.__name__}Without", (kind,), {"terms": terms})
