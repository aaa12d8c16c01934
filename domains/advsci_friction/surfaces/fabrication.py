"""Limits of what can be made."""

from dataclasses import dataclass

__all__ = ["Fabrication"]


@dataclass(frozen=True)
class Fabrication:
    """What can be made: largest rms slope, and largest peak-to-valley depth as a share of the cell.

    Examples
    --------
    >>> from advsci_friction import Fabrication
    >>> fabrication = Fabrication(0.3, 0.1)
    >>> type(fabrication).__name__
    'Fabrication'
    """

    slope: float = 0.3
    depth: float = 0.2
