"""All branches of steady states that a set of starts leads to, and those that cross them.

Starts that lie on a branch already found are left out. At a branch point the crossing branch begins along the second
null vector of ``[f_x f_p]``, orthogonal to the tangent.
"""

from collections.abc import Iterable

import numpy as np

from advsci.errors import ConvergenceError
from advsci.streams import Stream
from advsci_circuits.dynamics.continuation import Branch, follow
from advsci_circuits.dynamics.curve import Curve, Family, Vector
from advsci_circuits.dynamics.fixed_points import fixed_points
from advsci_circuits.dynamics.hill_family import HillFamily

__all__ = ["all_branches", "hill_branches", "holds"]

MOST = 30
"""Branches of one diagram."""
OFF = 0.02
"""First step onto a crossing branch, as relative arclength."""


def holds(branch: Branch, family: Family, state: Vector, value: float) -> bool:
    """Whether a steady state lies on a branch.

    Parameters
    ----------
    branch
        The branch.
    family
        Its rate equations.
    state : array, shape [n]
        A steady state.
    value
        The parameter there.

    Returns
    -------
    bool
    """
    y, points = np.append(state, value), np.column_stack([branch.states, branch.values])
    curve = Curve(family, _floor(points[:, :-1], value, value, 1e-6))
    weight = curve.weight(y)
    chords, away = np.diff(points, axis=0) * weight, (y - points[:-1]) * weight
    lengths = np.linalg.norm(chords, axis=1).clip(np.finfo(float).tiny)
    along = (away * chords).sum(1) / lengths**2
    off = np.linalg.norm(away - along[:, None] * chords, axis=1)
    for k in np.flatnonzero((along > -0.1) & (along < 1.1) & (off < 0.2 * lengths + 1e-6)):
        # where the curve meets the plane through the state that is normal to the chord
        row = weight * chords[k] / lengths[k]
        met = curve.correct(points[k] + along[k] * (points[k + 1] - points[k]), row)
        if met is not None and np.linalg.norm(weight * (met - y)) < 1e-5:
            return True
    return False


def all_branches(
    family: Family, starts: Iterable[tuple[float, Vector]], low: float, high: float, nonnegative: bool = True
) -> list[Branch]:
    """Branches through the starts, and all that cross them.

    Parameters
    ----------
    family
        Rate equations with exact derivatives.
    starts
        (value of the parameter, steady state) each.
    low, high
        Range of the parameter.
    nonnegative
        End branches where a level falls below zero.

    Returns
    -------
    list of Branch
        At most thirty.

    Raises
    ------
    ConfigError
        The range is empty, or a start lies outside.
    ConvergenceError
        A start is not near any steady state.

    Examples
    --------
    >>> def pitchfork(x, p):  # x' = p x - x^3
    ...     return p * x - x**3, np.diag(p - 3 * x**2), x
    >>> found = all_branches(pitchfork, [(-1.0, np.zeros(1))], -1.0, 1.0, nonnegative=False)
    >>> [round(float(branch.states[-1, 0]) ** 2, 6) for branch in found]
    [0.0, 1.0]
    """
    found: list[Branch] = []

    def add(state: Vector, value: float) -> None:
        """Follow the branch through ``state`` at ``value``, unless it is known."""
        if len(found) == MOST or any(holds(branch, family, state, value) for branch in found):
            return
        new = follow(family, state, value, low, high, nonnegative)
        # beside a branch point a state is told from the other branch only further along
        along = [(new.states[k], float(new.values[k])) for k in (len(new.values) * np.arange(1, 4)) // 4]
        if not any(all(holds(branch, family, x, p) for x, p in along) for branch in found):
            found.append(new)

    for value, state in starts:
        add(state, value)
    for branch in found:  # grows while it is gone through: crossing branches are crossed, too
        for point in branch.special:
            if point.kind == "branch point":
                for value, state in _crossing(family, branch, point.index, low, high, nonnegative):
                    add(state, value)
    return found


def _crossing(
    family: Family, branch: Branch, k: int, low: float, high: float, nonnegative: bool
) -> list[tuple[float, Vector]]:
    """Points on the branch that crosses at the k-th point, one on each side."""
    y = np.append(branch.states[k], branch.values[k])
    curve = Curve(family, _floor(branch.states, low, high, 1e-4))
    weight = curve.weight(y)
    one = min(k + 1, len(branch.values) - 1)
    along = np.append(branch.states[one] - branch.states[one - 1], branch.values[one] - branch.values[one - 1]) * weight
    along /= np.linalg.norm(along)
    _, matrix, _ = curve.border(y, np.zeros(len(y)))
    second = np.linalg.svd(matrix[:-1] / weight)[2][-2:]
    across = second[np.argmin(np.abs(second @ along))]
    across = across - (across @ along) * along
    across /= np.linalg.norm(across)
    out = []
    for side in (1.0, -1.0):
        # the crossing branch bends: of the plane at this distance its point is found by Newton's method
        start = curve.correct(y + side * OFF * across / weight, weight * across)
        if start is not None and low <= start[-1] <= high and not (nonnegative and start[:-1].min() < 0):
            out.append((float(start[-1]), start[:-1]))
    return out


def _floor(states: np.ndarray, low: float, high: float, part: float) -> Vector:
    """What counts as zero: a part of the largest level and of the range's ends."""
    levels = np.full(states.shape[-1], part * max(float(np.abs(states).max(initial=0.0)), 1e-6))
    return np.append(levels, part * max(abs(low), abs(high), 1e-6))


def hill_branches(family: HillFamily, low: float, high: float, stream: Stream, values: int = 9) -> list[Branch]:
    """Every branch of a Hill model that `fixed_points` sees at a few values of the parameter.

    Parameters
    ----------
    family
        The model and its free parameter.
    low, high
        Range of the parameter, above zero.
    stream
        Where the starts of the searches come from.
    values
        Values at which steady states are searched, evenly spaced in their logarithm.

    Returns
    -------
    list of Branch

    Raises
    ------
    ConfigError
        The range is empty.
    ConvergenceError
        No steady state was found.
    """
    import torch

    grid = np.geomspace(low, high, values)
    models = [family.at(float(value)) for value in grid]
    names = ("signs", "rate", "decay", "threshold", "cooperativity", "leak")
    many = family.model[torch.zeros(values, dtype=torch.long)]
    many = type(many)(*(torch.cat([getattr(m, name) for m in models]) for name in names), logic=many.logic)
    points = fixed_points(many, stream, starts=30)
    states = points.log_x.exp().double().numpy()
    starts = [(float(grid[b]), states[b, s]) for b, s in points.found.nonzero().tolist()]
    if not starts:
        raise ConvergenceError(
            f"got no steady state for the {family.parameter} from {low:g} to {high:g}; expected one to begin at. "
            "Try: another range."
        )
    return all_branches(family, starts, low, high)
