"""What every benchmark prints: one JSON object a line, and ratios of interleaved medians."""

import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["compare", "interval", "ratio", "row"]


def row(
    name: str,
    value: float | None,
    target: float | None,
    better: str = "lower",
    *,
    unit: str = "",
    peer: str = "",
    seeds: int = 1,
    interval: tuple[float, float] | None = None,
    note: str = "",
) -> dict[str, Any]:
    """Print one figure and give it back.

    ``value`` None (a missing peer, a failed run) is never met. ``target`` None states a figure without a target.
    """
    met = None
    if target is not None:
        met = value is not None and math.isfinite(value) and (value <= target if better == "lower" else value >= target)
    figure = {
        "name": name,
        "value": None if value is None else float(f"{value:.6g}"),
        "target": target,
        "better": better,
        "met": met,
        "unit": unit,
        "peer": peer,
        "seeds": seeds,
        "interval": interval and [float(f"{x:.6g}") for x in interval],
        "note": note,
    }
    print(json.dumps(figure), flush=True)
    return figure


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % t-interval of the mean of several seeds."""
    from scipy import stats

    mean, error = statistics.fmean(values), stats.sem(values)
    half = error * stats.t.ppf(0.975, len(values) - 1) if len(values) > 1 and error > 0 else 0.0
    return mean - half, mean + half


def compare(*functions: Callable[[], Any], rounds: int = 15, warmup: int = 2) -> list[list[float]]:
    """Seconds of CPU that each function took in each round; the functions take turns, so that a busy machine hits all.

    CPU seconds of this process, all its threads: set one thread where the peer has one.
    """
    for _ in range(warmup):
        for function in functions:
            function()
    seconds: list[list[float]] = [[] for _ in functions]
    for turn in range(rounds):
        order = range(len(functions)) if turn % 2 == 0 else reversed(range(len(functions)))
        for i in order:
            begin = time.process_time()
            functions[i]()
            seconds[i].append(time.process_time() - begin)
    return seconds


def ratio(
    ours: Callable[[], Any], theirs: Callable[[], Any], *, rounds: int = 15, warmup: int = 2
) -> tuple[float, tuple[float, float]]:
    """Median of our time over theirs, of interleaved rounds, with the quartiles of the paired ratios."""
    a, b = compare(ours, theirs, rounds=rounds, warmup=warmup)
    paired = sorted(x / y for x, y in zip(a, b, strict=True))
    quartiles = statistics.quantiles(paired, n=4)
    return statistics.median(a) / statistics.median(b), (quartiles[0], quartiles[2])
