"""Figures of several seeds: printed one by one as they come (on stderr), and as rows with intervals at the end."""

import statistics
import sys
from collections.abc import Mapping, Sequence

from _row import interval, row

__all__ = ["Found", "mean", "spread"]


def mean(values: Sequence[float]) -> float:
    """The mean over seeds."""
    return statistics.fmean(values)


def spread(values: Sequence[float]) -> dict:
    """Seeds and interval of a row."""
    return {"seeds": len(values), "interval": interval(values) if len(values) > 1 else None}


class Found:
    """What one part of the benchmark measures.

    Parameters
    ----------
    title
        What the names of the rows begin with.
    """

    def __init__(self, title: str):
        self.title = title
        self.values: dict[str, list[float]] = {}

    def add(self, name: str, value: float) -> None:
        """Keep the ``value`` of one more seed under ``name``, and show it."""
        self.values.setdefault(name, []).append(float(value))
        print(f"# {self.title}: {name} [{len(self.values[name])}] {float(value):.5g}", file=sys.stderr, flush=True)

    def mean(self, name: str) -> float:
        """The mean over the seeds of ``name``."""
        return mean(self.values[name])

    def less(self, name: str, ours: str, theirs: str) -> None:
        """Keep the paired differences of two figures, seed by seed, as a figure ``name``."""
        pairs = zip(self.values[ours], self.values[theirs], strict=True)
        self.values[name] = [a - b for a, b in pairs]

    def print(
        self, targets: Mapping[str, tuple[float, str]] | None = None, *, lower: Sequence[str] = (), note: str = ""
    ) -> None:
        """Print one row per figure.

        Parameters
        ----------
        targets
            Name -> target and which side is better.
        lower
            Words in the names of figures of which less is better.
        note
            Of every row.
        """
        for name, values in self.values.items():
            better = "lower" if any(word in name for word in lower) else "higher"
            target, better = (targets or {}).get(name, (None, better))
            row(f"{self.title}: {name}", mean(values), target, better, note=note, **spread(values))
