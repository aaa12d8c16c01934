"""What rules read from the records of a run, and how they say what to try."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

__all__ = [
    "Finding",
    "Records",
    "adversaries_of",
    "detrended",
    "is_on",
    "last",
    "remedies",
    "share_read",
    "shares_of_ceiling",
    "turns",
]

Records = Sequence[Mapping[str, float | int]]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: its name, the evidence in words and numbers, and what to change."""

    name: str
    evidence: str
    advice: str


def last(late: Records, name: str) -> float | None:
    """The median over the last quarter of the run, None where it was not read.

    Parameters
    ----------
    late
        The records of its last quarter.
    name
        Name of the reading.
    """
    values = [record[f"probe/{name}"] for record in late[len(late) // 2 :] if f"probe/{name}" in record]
    return median(values) if values else None


def shares_of_ceiling(late: Records) -> dict[str, float] | None:
    """The neighbourhood scores over what real data score against themselves.

    Parameters
    ----------
    late
        The records of its last quarter.
    """
    shares = {}
    for name in ("precision", "recall", "density", "coverage"):
        value, ceiling = last(late, name), last(late, f"{name}_ceiling")
        if value is None or ceiling is None:
            return None
        shares[name] = value / max(ceiling, 1e-6)
    return shares


def detrended(values: Sequence[float]) -> list[float]:
    """``values`` less their least-squares line."""
    n, mean = len(values), fmean(values)
    centre = (n - 1) / 2
    slope = sum((i - centre) * (v - mean) for i, v in enumerate(values)) / sum((i - centre) ** 2 for i in range(n))
    return [v - mean - slope * (i - centre) for i, v in enumerate(values)]


def turns(values: Sequence[float]) -> int:
    """How often the series crosses its own trend.

    Parameters
    ----------
    values
        Numbers in the order of the steps.
    """
    rest = detrended(values)
    return sum(a * b < 0 for a, b in zip(rest, rest[1:], strict=False))


def adversaries_of(records: Records) -> tuple[str, ...]:
    """The adversaries of a domain-adversarial game whose readings ``records`` hold."""
    keys = dict.fromkeys(key for record in records for key in record)
    return tuple(key.removeprefix("probe/chance_") for key in keys if key.startswith("probe/chance_"))


def share_read(record: Mapping[str, float | int], name: str) -> float:
    """What an adversary reads of the domain: 1 less its loss over the loss by chance.

    Parameters
    ----------
    record
        One record of a run.
    name
        Name of the reading.
    """
    loss, chance = record[f"probe/loss_{name}"], record[f"probe/chance_{name}"]
    return (chance - loss) / max(abs(chance), 1e-12)


def is_on(history: Records, name: str) -> bool:
    """Whether the probe saw the part ``name`` of the game switched on in ``history``."""
    return any(record.get(f"probe/on_{name}") for record in history)


def remedies(history: Records, *remedies: tuple[str, str] | tuple[str, str, str]) -> str:
    """One sentence of remedies: of ``(setting, text)`` and ``(setting, text, text where the setting is on)`` those that
    are not on; a setting of ``""`` is never on.

    Parameters
    ----------
    history
        Records of the run, in the order of its steps.
    """
    texts = []
    for setting, text, *instead in remedies:
        on = bool(setting) and is_on(history, setting)
        texts += instead if on else [text]
    texts = texts or ["lower the learning rates"]
    return "Try: " + (f"{', '.join(texts[:-1])}, or {texts[-1]}" if len(texts) > 1 else texts[0]) + "."
