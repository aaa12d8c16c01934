r"""The elastic contact of a two-dimensional wave, :math:`h = D \cos(2\pi x) \cos(2\pi y)`, solved on a grid.

In units of the full-contact pressure :math:`p^* = \sqrt2 \pi E^* D / \lambda` the area is one curve for all waves. The
one-dimensional wave (Westergaard) has a closed form, and so checks the solver.
"""

import math

import torch

from advsci.papers import step
from advsci_friction import real_area, solve_contact
from advsci_friction.contact.closed_forms import jgh_area, westergaard_area

LOADS = (0.05, 0.1, 0.2, 0.4, 0.8)


def line(n: int) -> torch.Tensor:
    """One period of a cosine on n points."""
    return torch.cos(2.0 * math.pi * torch.arange(n, dtype=torch.float64) / n)


def plane_wave(n: int, load: float, amplitude: float = 0.01) -> float:
    """Area fraction of the two-dimensional wave at a load over p*, corrected for the pixels of its edge.

    Parameters
    ----------
    n
        Pixels of a side.
    amplitude
        Amplitude of the wave [m].
    """
    heights = amplitude * line(n)[:, None] * line(n)
    contact = solve_contact(heights, load * math.sqrt(2.0) * math.pi * amplitude, 1.0, (1.0, 1.0))
    return float(real_area(contact))


def measure(seed: int, effort: str) -> dict[str, float | list[float]]:
    """Areas at the published loads, the closed form in one dimension, and what fails; nothing is random.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        ``"quick"`` or ``"full"``.
    """
    n = 128 if effort == "quick" else 512
    cells: dict[str, float | list[float]] = {f"area/{load}": plane_wave(n, load) for load in LOADS}
    loads = torch.tensor(LOADS, dtype=torch.float64)
    profile = 0.01 * line(4096).expand(len(LOADS), -1)
    contact = solve_contact(profile, loads * math.pi * 0.01, 1.0, (1.0,))
    cells["westergaard/worst"] = float((real_area(contact) - westergaard_area(loads)).abs().max())
    low, high = (limit.tolist() for limit in jgh_area(loads))
    for i in (0, 1, 3):
        cells[f"low limit/{LOADS[i]}"] = low[i] / float(cells[f"area/{LOADS[i]}"]) - 1.0  # type: ignore[arg-type]
    cells["high limit/0.8"] = high[4] / float(cells["area/0.8"]) - 1.0  # type: ignore[arg-type]
    cells["curve/load"] = list(LOADS)
    cells["curve/area"] = [float(cells[f"area/{load}"]) for load in LOADS]  # type: ignore[arg-type]
    return cells


if __name__ == "__main__":
    step(measure)
