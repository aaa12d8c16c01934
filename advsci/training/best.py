"""The best step of a training by a metric of the outside, and when to stop: never by the players' own losses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from advsci.errors import ConfigError

__all__ = ["Best"]


@dataclass(frozen=True)
class Best:
    """Keep the checkpoint at which an external metric was best; stop when it has not improved for some time.

    A loss of an adversarial game says nothing about its samples, so terms of the players are refused.

    Parameters
    ----------
    metric
        Name under which a callback of the trainer reports it, as ``"kid"``.
    better
        Whether ``"lower"`` or ``"higher"`` values are better.
    patience
        Records without an improvement after which the training ends; None never ends it early.

    Examples
    --------
    >>> best = Best("kid", patience=2)
    >>> log = [{"step": 10, "kid": 3.0}, {"step": 20, "kid": 1.0}, {"step": 30, "kid": 2.0}, {"step": 40, "kid": 2.0}]
    >>> best.step(log), best.over(log)
    (20, True)
    """

    metric: str
    better: Literal["lower", "higher"] = "lower"
    patience: int | None = None

    def step(self, log: Sequence[Mapping[str, float | int]]) -> int | None:
        """The step with the best value so far.

        Parameters
        ----------
        log
            Records of the training.

        Returns
        -------
        int or None
            None where no record has a finite value.
        """
        values = self._values(log)
        if not values:
            return None
        sign = 1.0 if self.better == "lower" else -1.0
        return min(values, key=lambda pair: sign * pair[1])[0]

    def over(self, log: Sequence[Mapping[str, float | int]]) -> bool:
        """Whether the patience is at its end.

        Parameters
        ----------
        log
            Records of the training.
        """
        best = self.step(log)
        return self.patience is not None and best is not None and self._since(log, best) >= self.patience

    def check(self, players: Sequence[str]) -> None:
        """Refuse a term of a player's own loss.

        Parameters
        ----------
        players
            Names of the players.

        Raises
        ------
        ConfigError
            The metric is a term or a gradient norm of a player.
        """
        if self.metric.split("/")[0] in players:
            raise ConfigError(
                f"got best by '{self.metric}', a loss of a player; expected a metric of the samples, which a callback "
                "reports: what a player minimises says nothing about them. Try: a callback that returns {'kid': ...}."
            )

    def _values(self, log: Sequence[Mapping[str, float | int]]) -> list[tuple[int, float]]:
        found = [(int(r["step"]), float(r[self.metric])) for r in log if self.metric in r]
        return [(step, value) for step, value in found if isfinite(value)]

    def _since(self, log: Sequence[Mapping[str, float | int]], best: int) -> int:
        return sum(step > best for step, _ in self._values(log))
