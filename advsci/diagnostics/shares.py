r"""Does the adversary earn its place? What each player and each term of a game is worth in external metrics.

A training is repeated, with the same seeds, data and number of steps, with one part off. With :math:`m_s` the metric of
seed s with everything on and :math:`m_s'` with the part off, the part is worth

.. math:: \bar d \pm t_{n-1}\, \frac{\mathrm{sd}(d)}{\sqrt n}, \qquad d_s = m_s - m_s',

with Student's :math:`t` at 95 %: seeds are paired, so that what they have in common falls out.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import Any, NamedTuple

import torch
from torch import Tensor

from advsci.errors import ConfigError
from advsci.games.adversarial import AdversarialGame
from advsci.games.domain_adversarial import DomainAdversarial
from advsci.games.game import Game
from advsci.solvers import Solver
from advsci.training.trainer import Trainer, Training

__all__ = ["Share", "Shares", "shares", "switch_off"]


class Setup(NamedTuple):
    """One training, ready to run."""

    trainer: Trainer
    game: Game
    data: Any
    solver: Solver


@dataclass(frozen=True)
class Share:
    """What one part is worth in one metric.

    Attributes
    ----------
    part, metric
        Which.
    total
        Mean of the metric with everything on.
    worth, error
        Mean difference to the metric with the part off, and half the width of its 95 % interval.
    seeds
        Number of seeds.
    """

    part: str
    metric: str
    total: float
    worth: float
    error: float
    seeds: int

    def holds(self, value: float) -> bool:
        """Whether the interval holds ``value``."""
        return abs(self.worth - value) <= self.error

    def text(self) -> str:
        """The share as a sentence."""
        if self.holds(0.0):
            return (
                f"In {self.metric} the {self.part} is worth nothing that {self.seeds} seeds can see "
                f"({self.worth:.3g} +- {self.error:.2g} of {self.total:.3g})."
            )
        return f"In {self.metric} the {self.part} is worth {self.worth:.3g} +- {self.error:.2g} of {self.total:.3g}."


@dataclass(frozen=True)
class Shares:
    """The shares of all parts in all metrics, and the CPU seconds of a training with everything on and without each."""

    shares: tuple[Share, ...]
    seconds: Mapping[str, float]

    def text(self) -> str:
        """One sentence per share."""
        return "\n".join(share.text() for share in self.shares)

    def rows(self) -> list[dict[str, Any]]:
        """The table for `advsci.report.Report.table`."""
        return [
            {
                "part": s.part,
                "metric": s.metric,
                "with everything": s.total,
                "worth": s.worth,
                "interval": f"{s.worth - s.error:.3g} to {s.worth + s.error:.3g}",
                "CPU time without it": self.seconds[s.part] / max(self.seconds["nothing"], 1e-9),
            }
            for s in self.shares
        ]


def shares(
    make: Callable[[int], tuple[Trainer, Game, Any, Solver]],
    metrics: Callable[[Training], Mapping[str, float]],
    off: Sequence[str] = ("adversary",),
    *,
    seeds: Sequence[int] = (0, 1, 2),
) -> Shares:
    """Train with everything on and with each part off, and compare.

    Parameters
    ----------
    make
        ``make(seed) -> (trainer, game, data, solver)``, a new training each time, that differs between seeds in initial
        parameters and order of the data. The trainer has no run folder.
    metrics
        ``metrics(training) -> name to number``, on data and scores that no player sees.
    off
        Parts, as `switch_off` takes them.
    seeds
        At least two.

    Returns
    -------
    Shares
        One for each part and metric.

    Raises
    ------
    ConfigError
        There is one seed only, or a part that the game does not have.
    """
    if len(set(seeds)) < 2:
        raise ConfigError(f"got seeds {list(seeds)}; expected at least two different ones. Try: range(3).")
    from scipy.stats import t

    scores: dict[str, list[Mapping[str, float]]] = {}
    seconds: dict[str, float] = {}
    for part in ("nothing", *off):
        begin = time.process_time()
        for seed in seeds:
            setup = Setup(*make(seed))
            if part != "nothing":
                switch_off(setup.game, part)
            scores.setdefault(part, []).append(dict(metrics(setup.trainer.fit(setup.game, setup.data, setup.solver))))
        seconds[part] = (time.process_time() - begin) / len(seeds)
    width = float(t.ppf(0.975, len(seeds) - 1)) / sqrt(len(seeds))
    found = []
    for part in off:
        for metric in scores["nothing"][0]:
            on = [float(score[metric]) for score in scores["nothing"]]
            without = [float(score[metric]) for score in scores[part]]
            gaps = [a - b for a, b in zip(on, without, strict=True)]
            found.append(Share(part, metric, fmean(on), fmean(gaps), width * stdev(gaps), len(seeds)))
    return Shares(tuple(found), seconds)


def switch_off(game: Game, part: str) -> None:
    """Take a part out of a game, in place, before its training.

    Parameters
    ----------
    game
        The game; its class becomes a subclass that leaves terms out.
    part
        ``"adversary"`` (the generator does not hear the discriminator, or the task its adversaries, which stand still),
        ``"physics"`` (violations have no price), the name of a player (it stands still, as a silent player), or of a
        term of any player.

    Raises
    ------
    ConfigError
        The game has no such part.
    """
    players = game.players
    if part == "adversary" and isinstance(game, AdversarialGame):
        _leave_out(game, "generator", {"objective"})
        _silence(game, "discriminator")
    elif part == "adversary" and isinstance(game, DomainAdversarial):
        names = set(game.adversaries)
        _leave_out(game, "task", names)
        for name in names:
            _silence(game, name)
    elif part == "physics" and isinstance(game, AdversarialGame) and game.multipliers is not None:
        _leave_out(game, "generator", set(game.multipliers.names))
        _silence(game, "multipliers")
    elif part in players:
        _silence(game, part)
    else:
        _leave_out(game, None, {part})


def _silence(game: Game, player: str) -> None:
    game.silent.add(player)
    for p in game.parameters_of(player):
        p.requires_grad_(False)


def _leave_out(game: Game, only: str | None, names: set[str]) -> None:
    """Restate ``terms`` without the terms ``names``, of one player or of all."""
    kind: Any = type(game)

    def terms(self: Game, player: str, batch: Any, draw: Any) -> dict[str, Tensor]:
        """Terms of ``player`` on ``batch`` and ``draw``, without those that are left out."""
        every = kind.terms(self, player, batch, draw)
        if only is not None and player != only:
            return every
        if only is None and not names & set(every):
            return every
        left = {name: term for name, term in every.items() if name not in names}
        # a player with nothing to minimise has the loss 0 everywhere
        return left or {"nothing": 0.0 * torch.stack([p.sum() for p in self.parameters_of(player)]).sum()}

    game.__class__ = type(f"{kind.__name__}Without", (kind,), {"terms": terms})
