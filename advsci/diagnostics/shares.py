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

from advsci.errors import ConfigError
from advsci.games.game import Game
from advsci.games.switch import switched_off
from advsci.solvers import Solver
from advsci.training.trainer import Trainer, Training

__all__ = ["Share", "Shares", "paired_shares", "shares"]


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
        Parts, as `advsci.games.switch_off` takes them.
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

    Examples
    --------
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Alternating
    >>> def make(seed):
    ...     with Stream(seed).at("networks").seeded():
    ...         game = GAN(MLP(2, 2, 4), MLP(2, 1, 4), Gaussian(2))
    ...     return Trainer(2, 16, seed=seed, quiet=True), game, Stream(seed).normal((64, 2)), Alternating()
    >>> print(shares(make, lambda training: {"steps": training.step}, seeds=(0, 1)).text())
    In steps the adversary is worth nothing that 2 seeds can see (0 +- 0 of 2).
    """
    refuse_one_seed(seeds)
    scores: dict[str, list[Mapping[str, float]]] = {}
    seconds: dict[str, float] = {}
    for part in ("nothing", *off):
        begin, met = time.process_time(), False
        for seed in seeds:
            setup = Setup(*make(seed))
            with switched_off(part if part != "nothing" else None) as switch:
                trained = setup.trainer.fit(setup.game, setup.data, setup.solver)
            scores.setdefault(part, []).append({name: float(value) for name, value in metrics(trained).items()})
            met = met or bool(switch.met)
        if part != "nothing" and not met:
            raise no_such_part(part, type(setup.game).__name__.removesuffix("Without"))
        seconds[part] = (time.process_time() - begin) / len(seeds)
    return paired_shares(scores, seconds)


def paired_shares(scores: Mapping[str, Sequence[Mapping[str, float]]], seconds: Mapping[str, float]) -> Shares:
    """What each part is worth, from the metrics of trainings with and without it.

    Parameters
    ----------
    scores
        Part that is off -> metrics of each seed, the seeds in the same order; ``"nothing"`` with everything on. What is
        not a metric of all trainings is left out.
    seconds
        Part that is off -> mean CPU seconds of a training.

    Returns
    -------
    Shares
        One for each part and metric.

    Examples
    --------
    >>> scores = {"nothing": [{"fid": 3.0}, {"fid": 4.0}], "adversary": [{"fid": 5.0}, {"fid": 6.0}]}
    >>> print(paired_shares(scores, {"nothing": 1.0, "adversary": 0.5}).text())
    In fid the adversary is worth -2 +- 0 of 3.5.
    """
    from scipy.stats import t

    everything = scores["nothing"]
    seeds = len(everything)
    width = float(t.ppf(0.975, seeds - 1)) / sqrt(seeds)
    known = [name for name in everything[0] if all(name in score for runs in scores.values() for score in runs)]
    found = []
    for part, runs in scores.items():
        if part == "nothing":
            continue
        for metric in known:
            on, without = ([float(score[metric]) for score in which] for which in (everything, runs))
            gaps = [a - b for a, b in zip(on, without, strict=True)]
            found.append(Share(part, metric, fmean(on), fmean(gaps), width * stdev(gaps), seeds))
    return Shares(tuple(found), seconds)


def refuse_one_seed(seeds: Sequence[int]) -> None:
    """Refuse what gives no interval.

    Parameters
    ----------
    seeds
        The seeds.

    Raises
    ------
    ConfigError
        There are fewer than two different ones.
    """
    if len(set(seeds)) < 2:
        raise ConfigError(f"got seeds {list(seeds)}; expected at least two different ones. Try: range(3).")


def no_such_part(part: str, where: str, known: Sequence[str] = ()) -> ConfigError:
    """The error for a part that no training had.

    Parameters
    ----------
    part
        Its name.
    where
        What was trained.
    known
        The parts that it has, where they are known.
    """
    expected = ", ".join(known) or "'adversary', 'physics', a player, or a term of the records"
    return ConfigError(
        f"got part '{part}', which {where} does not have; expected {'one of ' if known else ''}{expected}. "
        "Try: the part after the stroke in a name such as 'discriminator/r1'."
    )
