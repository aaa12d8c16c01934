"""Limits of what can be made."""

from dataclasses import dataclass

__all__ = ["Fabrication"]


@dataclass(frozen=True)
class Fabrication:
    """What can be made: largest rms slope, and largest peak-to-valley depth as a share of the cell."""

    slope: float = 0.3
    depth: float = 0.2
