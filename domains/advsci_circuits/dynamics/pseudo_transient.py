"""A steady state of any rate equations, from far away: steps that begin as the flow and end as Newton's method.

``(1/h - f_x) dx = f``: a small h follows the flow, so attracting states are found; h grows as the relative speed
``|f / x|`` falls (Kelley & Keyes 1998, https://doi.org/10.1137/S0036142996304796).
"""

import numpy as np

from advsci_circuits.dynamics.curve import Family, Vector

__all__ = ["pseudo_transient"]

LARGEST = 1e12
"""Step in units of the first one beyond which a step is Newton's."""


def pseudo_transient(family: Family, x: Vector, value: float, steps: int = 400) -> Vector | None:
    """A steady state at one value of the parameter, no level below zero.

    Parameters
    ----------
    family
        Rate equations with exact derivatives.
    x : array, shape [n]
        Where to start.
    value
        The parameter.
    steps
        Most steps.

    Returns
    -------
    array, shape [n], or None
        None where no steady state was reached.

    Examples
    --------
    >>> import numpy as np
    >>> def decay(x, p):  # x' = p - x
    ...     return p - x, -np.eye(1), np.ones(1)
    >>> pseudo_transient(decay, np.array([50.0]), 2.0).round(6)
    array([2.])
    """
    x = np.array(x, float)
    floor = 1e-6 * max(float(np.abs(x).max(initial=0.0)), 1e-6)
    found = _rates(family, x, value)
    if found is None:
        return None
    f, jacobian = found
    speed = float(np.linalg.norm(f / (np.abs(x) + floor)))
    pace = first = 0.1 / max(speed, 1e-300)
    for _ in range(steps):
        try:
            step = np.linalg.solve(np.eye(len(x)) / pace - jacobian, f)
        except np.linalg.LinAlgError:
            return None
        new = np.where(np.abs(x + step) < 1e-14 * floor, 0.0, x + step)
        found = _rates(family, new, value) if new.min(initial=0.0) >= 0 else None
        if found is None:
            pace *= 0.2
            if pace < 1e-9 * first:
                return None
            continue
        f, jacobian = found
        length, last = float(np.linalg.norm(step / (np.abs(new) + floor))), speed
        x, speed = new, float(np.linalg.norm(f / (np.abs(new) + floor)))
        if length < 1e-3 and (state := _polished(family, x, value, floor)) is not None:
            return state
        pace = min(pace * min(max(last / max(speed, 1e-300), 0.3), 5.0), LARGEST * first)
    return None


def _polished(family: Family, x: Vector, value: float, floor: float) -> Vector | None:
    """Newton's method from beside a steady state; None where it leads away."""
    start = x
    for _ in range(8):
        found = _rates(family, x, value)
        if found is None:
            return None
        try:
            step = np.linalg.solve(found[1], -found[0])
        except np.linalg.LinAlgError:
            return None
        x = x + step
        size = np.abs(x) + floor
        if np.abs((x - start) / size).max(initial=0.0) > 0.1 or x.min(initial=0.0) < -1e-9 * floor:
            return None
        if np.linalg.norm(step / size) < 1e-11:
            return np.maximum(x, 0.0)
    return None


def _rates(family: Family, x: Vector, value: float) -> tuple[Vector, np.ndarray] | None:
    """``f`` and ``f_x`` where both are finite."""
    with np.errstate(all="ignore"):
        f, jacobian, _ = family(x, value)
    return (f, jacobian) if np.isfinite(f).all() and np.isfinite(jacobian).all() else None
