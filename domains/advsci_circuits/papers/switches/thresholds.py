r"""Where a toggle switch becomes bistable and a ring of repressors begins to oscillate.

Genes repress each other by :math:`\dot x = a / (1 + y^n) - x`. The rate :math:`a` at which the number of attracting
steady states changes is bracketed by a grid of models that are solved together, three times finer each time.
"""

import torch
from torch import Tensor

from advsci.papers import step
from advsci.streams import Stream
from advsci_circuits import HillModel, fixed_points


def repressors(signs: list[list[int]], rates: Tensor, n: float) -> HillModel:
    """One model for each rate.

    Parameters
    ----------
    signs
        Signed adjacency (n g g).
    rates
        Production rates (n).
    n
        Pixels of a side.
    """
    b, m = len(rates), len(signs)
    whole = torch.ones(b, m, m, dtype=torch.float64)
    pattern = torch.tensor(signs, dtype=torch.int8).expand(b, -1, -1)
    return HillModel(pattern, rates[:, None].expand(b, m), torch.ones(b, m).double(), whole, n * whole, 0.0 * whole)


def ring(m: int) -> list[list[int]]:
    """Each gene represses the next.

    Parameters
    ----------
    m
        Genes.
    """
    return [[-1 if j == (i - 1) % m else 0 for j in range(m)] for i in range(m)]


def changes(signs: list[list[int]], n: float, *, bistable: bool, low: float = 1.001, high: float = 6.0) -> float:
    """The rate from which on the circuit is bistable, or oscillates; infinite if it is not up to ``high``.

    Parameters
    ----------
    signs
        Signed adjacency (n g g).
    n
        Pixels of a side.
    low
        Smallest rate.
    """
    for _ in range(4):
        rates = torch.linspace(low, high, 41, dtype=torch.float64)
        points = fixed_points(repressors(signs, rates, n), Stream(0), starts=12)
        works = points.stable_count >= 2 if bistable else points.none_stable
        if not bool(works.any()):
            return float("inf")
        first = int(works.to(torch.int8).argmax())
        low, high = float(rates[max(first - 1, 0)]), float(rates[first])
    return 0.5 * (low + high)


def measure(seed: int, effort: str) -> dict[str, float | bool]:
    """Thresholds, and circuits that never switch or oscillate; nothing is random.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        ``"quick"`` or ``"full"``.
    """
    toggle = ring(2)
    cells: dict[str, float | bool] = {f"toggle/{n}": changes(toggle, n, bistable=True) for n in (2, 3, 4)}
    cells |= {f"ring 3/{n}": changes(ring(3), n, bistable=False) for n in (3, 4, 5)}
    cells |= {f"ring 5/{n}": changes(ring(5), n, bistable=False) for n in (2, 3)}
    never = {"toggle/1 switches": (toggle, 1.0, True), "ring 3/2 oscillates": (ring(3), 2.0, False)}
    never["ring 4/4 oscillates"] = (ring(4), 4.0, False)
    for name, (signs, n, bistable) in never.items():
        cells[name] = changes(signs, n, bistable=bistable, high=100.0) < float("inf")
    return cells


if __name__ == "__main__":
    step(measure)
