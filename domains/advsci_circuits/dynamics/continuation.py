"""Steady states followed along one parameter, round folds, by pseudo-arclength continuation.

A branch of ``f(x, p) = 0`` is a curve y(s) = (x, p)(s). Its unit tangent ``t`` solves ``[f_x f_p] t = 0``; the next
point solves

``f(y) = 0,   <t, y - y_0> = s``

by Newton's method (Keller 1977, in Applications of Bifurcation Theory, 359-384), which stays regular where f_x is
singular. Lengths are relative, ``<a, b> = sum_i a_i b_i w_i^2`` with ``w_i = 1 / (|y_i| + floor_i)`` and the n states
together as heavy as the parameter. Between two points a sign tells what was passed, and a root finder along s where:

- *fold* (limit point): ``t_p = 0``;
- *Hopf point*: ``lambda_i + lambda_j = 0`` for a complex pair of eigenvalues of f_x, which crosses the imaginary axis;
- *branch point*: ``det [f_x f_p; t] = 0``, where another branch crosses.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from advsci.errors import ConfigError, ConvergenceError
from advsci_circuits.dynamics.curve import Curve, CurvePoint, Family, Vector, pair_measure

__all__ = ["Branch", "SpecialPoint", "follow"]

LONGEST, SHORTEST = 0.1, 1e-9
"""Longest and shortest step along a branch, as relative arclength."""
MOST_POINTS = 3000
"""Points of a branch in each direction."""
STRAIGHT = 0.95
"""Least cosine between the tangents of neighbours: a sharper turn is taken in smaller steps."""


@dataclass(frozen=True)
class SpecialPoint:
    """A fold, Hopf point or branch point.

    Parameters
    ----------
    kind : {"fold", "hopf", "branch point"}
        What it is.
    value
        The parameter there.
    state : array, shape [n]
        The steady state there.
    index
        Its place among the branch's points.
    period
        Of the cycle that is born at a Hopf point, ``2 pi / |Im lambda|``; NaN elsewhere.
    """

    kind: str
    value: float
    state: Vector
    index: int
    period: float = float("nan")


@dataclass(frozen=True)
class Branch:
    """Steady states along a curve, in its order.

    Parameters
    ----------
    values : array, shape [p]
        The parameter.
    states : array, shape [p, n]
        Steady states.
    eigenvalues : array, shape [p, n]
        Of the Jacobian, in the inverse unit of time, by falling real part.
    special
        Folds, Hopf points and branch points, in order; each is also one of the points.
    stops
        Why the curve ends, at its first and at its last point: "left the range", "a level fell below zero",
        "step too small", "closed curve" or "too many points".
    """

    values: np.ndarray
    states: np.ndarray
    eigenvalues: np.ndarray
    special: tuple[SpecialPoint, ...]
    stops: tuple[str, str]

    @property
    def stable(self) -> np.ndarray:
        """Whether each state attracts: all real parts below zero."""
        return np.real(self.eigenvalues[:, 0]) < 0


def follow(family: Family, state: Vector, value: float, low: float, high: float, nonnegative: bool = True) -> Branch:
    """The branch through a steady state, both ways, until it leaves the range.

    Parameters
    ----------
    family
        Rate equations with exact derivatives.
    state : array, shape [n]
        A steady state, or near one.
    value
        The parameter there, from ``low`` to ``high``.
    low, high
        Range of the parameter.
    nonnegative
        End the branch where a level falls below zero.

    Returns
    -------
    Branch
        In the order of the curve; its last point is the start again where the curve is closed.

    Raises
    ------
    ConfigError
        The range is empty, or the value lies outside.
    ConvergenceError
        There is no steady state near the start.

    Examples
    --------
    >>> import numpy as np
    >>> def normal_form(x, p):  # x' = p - x^2: a fold at 0
    ...     return p - x**2, np.diag(-2 * x), np.ones(1)
    >>> branch = follow(normal_form, np.array([1.0]), 1.0, -1.0, 2.0, nonnegative=False)
    >>> [(point.kind, round(abs(point.value), 9)) for point in branch.special], branch.stops
    ([('fold', 0.0)], ('left the range', 'left the range'))
    """
    if not low < high or not low <= value <= high:
        raise ConfigError(f"got the range {low} to {high} and the start {value}; expected a start inside. Try: 0.1:10.")
    start = np.append(np.asarray(state, float), value)
    floor = np.full(len(start), 1e-4 * max(float(np.abs(state).max(initial=0.0)), 1e-6))
    floor[-1] = 1e-3 * max(abs(low), abs(high))
    curve = Curve(family, floor)
    fixed = np.append(np.zeros(len(state)), 1.0)
    y = curve.correct(start, fixed)
    if y is None:
        raise ConvergenceError(
            f"got no steady state near the start at {value:g}; expected one. Try: another value of the parameter."
        )
    y[-1] = value
    # a tangent without a parameter part is one, too: at a fold
    _, matrix, _ = curve.border(y, fixed)
    weight = curve.weight(y)
    first = np.linalg.svd(matrix[:-1] / weight)[2][-1]
    first *= np.sign(first[-1]) or 1.0
    up, special_up, end = _walk(curve, curve.point(y, weight * first), low, high, nonnegative)
    if end == "closed curve":
        return _branch(up, special_up, (end, end))
    down, special_down, begin = _walk(curve, curve.point(y, -weight * first), low, high, nonnegative)
    special = [(len(down) - 1 - k, kind) for k, kind in reversed(special_down)]
    special += [(len(down) - 1 + k, kind) for k, kind in special_up]
    return _branch(down[::-1] + up[1:], special, (begin, end))


def _branch(points: list[CurvePoint], special: list[tuple[int, str]], stops: tuple[str, str]) -> Branch:
    found = []
    for k, kind in special:
        turning = abs(pair_measure(points[k].eigenvalues)[1].imag)
        period = 2 * np.pi / turning if kind == "hopf" else float("nan")
        found.append(SpecialPoint(kind, float(points[k].y[-1]), points[k].y[:-1], k, period))
    y = np.array([point.y for point in points])
    return Branch(y[:, -1], y[:, :-1], np.array([p.eigenvalues for p in points]), tuple(found), stops)


def _walk(
    curve: Curve, start: CurvePoint, low: float, high: float, nonnegative: bool
) -> tuple[list[CurvePoint], list[tuple[int, str]], str]:
    """Points from the start on, (place, kind) of the special ones, and why it ended."""
    points, special, length = [start], [], 0.1 * LONGEST
    while len(points) < MOST_POINTS:
        here = points[-1]
        if here.y[-1] >= high and here.tangent[-1] > 0 or here.y[-1] <= low and here.tangent[-1] < 0:
            return points, special, "left the range"
        new = curve.ahead(here, length)
        if new is None or not _near(here, new):
            length /= 2
            if length < SHORTEST:
                return points, special, "step too small"
            continue
        outside = None
        if not low <= new.y[-1] <= high:
            edge = high if new.y[-1] > high else low
            at = _root(curve, here, length, lambda p, edge=edge: float(p.y[-1] - edge))
            outside, length, new = "left the range", *at
            new.y[-1] = edge
        elif nonnegative and new.y[:-1].min(initial=0.0) < -1e-9 * np.abs(new.y[:-1]).max(initial=1e-300):
            outside = "a level fell below zero"
        passed = [kind for kind, size in here.measures.items() if size * new.measures[kind] < 0]
        if len(passed) > 1 and length > 1e-4 and not outside:
            length /= 2
            continue
        for kind, point in _located(curve, here, length, passed):
            special.append((len(points), kind))
            points.append(point)
        if outside == "a level fell below zero":
            return points, special, outside
        if _closes(start, here, new, len(points)):
            return [*points, start], special, "closed curve"
        points.append(new)
        if outside:
            return points, special, outside
        length = min(LONGEST, 1.5 * length)
    return points, special, "too many points"


def _near(here: CurvePoint, new: CurvePoint) -> bool:
    """Whether the step is small enough to trust: little turn, and at most a pair of eigenvalues crosses."""
    cosine = float(np.sum(new.weight**2 * here.tangent * new.tangent)) / float(
        np.linalg.norm(new.weight * here.tangent)
    )
    crossed = abs(int((np.real(here.eigenvalues) > 0).sum()) - int((np.real(new.eigenvalues) > 0).sum()))
    return cosine > STRAIGHT and crossed <= 2


def _root(
    curve: Curve, here: CurvePoint, length: float, measure: Callable[[CurvePoint], float]
) -> tuple[float, CurvePoint]:
    """Arclength and point where a measure is zero, between a point and that at ``length``."""
    seen: dict[float, CurvePoint] = {0.0: here}

    def value(s: float) -> float:
        """The measure at arclength ``s``; where Newton's method fails, at the nearest point known."""
        point = here if s == 0 else curve.ahead(here, s)
        if point is None:
            point = seen[min(seen, key=lambda known: abs(known - s))]
        else:
            seen[s] = point
        return measure(point)

    value(length)
    brentq(value, 0.0, length, xtol=1e-15, maxiter=100)
    best = min((s for s in seen if s > 0), key=lambda s: abs(measure(seen[s])))
    return best, seen[best]


def _located(curve: Curve, here: CurvePoint, length: float, passed: list[str]) -> list[tuple[str, CurvePoint]]:
    """The special points between a point and that at ``length``, in order."""
    found = []
    for kind in passed:
        s, point = _root(curve, here, length, lambda p, kind=kind: p.measures[kind])
        if kind == "hopf" and not pair_measure(point.eigenvalues)[1].imag:
            continue  # two real eigenvalues of opposite sign: nothing crosses
        if kind == "fold" and any(other == "branch point" and abs(s - t) < 1e-4 for t, other, _ in found):
            continue  # a branch that turns back where another crosses it: a pitchfork's arm
        found.append((s, kind, point))
    return [(kind, point) for _, kind, point in sorted(found, key=lambda one: one[0])]


def _closes(start: CurvePoint, here: CurvePoint, new: CurvePoint, count: int) -> bool:
    """Whether the step passes the start in the start's direction."""
    row = start.weight**2 * start.tangent
    before, after = float(row @ (here.y - start.y)), float(row @ (new.y - start.y))
    close = float(np.linalg.norm(start.weight * (new.y - start.y))) < 2 * LONGEST
    return count > 4 and before < 0 <= after and close and bool(row @ new.tangent > 0)
