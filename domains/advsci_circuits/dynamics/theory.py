"""Closed forms that the simulator must reproduce, and that tell what cannot work before anything is simulated."""

import math

__all__ = ["goodwin_threshold", "ring_hopf_rate", "toggle_threshold"]


def toggle_threshold(n: float) -> float:
    """``n (n-1)^-(1 + 1/n)``: the rate beyond which ``x' = a/(1+y^n) - x`` and its mirror are bistable (n > 1)."""
    return n * (n - 1) ** -(1 + 1 / n) if n > 1 else math.inf


def ring_hopf_rate(n: float, genes: int = 3) -> float:
    """The rate beyond which an odd ring ``x_i' = a/(1 + x_{i-1}^n) - x_i`` oscillates.

    The steady state x = a/(1+x^n) loses stability where its loop gain ``n x^n / (1+x^n)`` reaches ``sec(pi/genes)``;
    infinite where it never does.
    """
    gain = 1 / math.cos(math.pi / genes)
    if n <= gain * (1 + 1e-9):
        return math.inf
    power = gain / (n - gain)
    return power ** (1 / n) * (1 + power)


def goodwin_threshold(stages: int = 3) -> float:
    """``sec(pi/stages)^stages``: the Hill exponent that repression through equal linear stages must exceed."""
    return (1 / math.cos(math.pi / stages)) ** stages
