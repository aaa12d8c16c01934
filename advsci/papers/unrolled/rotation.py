r"""What unrolling does to a rotation: on :math:`f = xy` the player x looks through k steps of length :math:`\eta` of y.

In turns with rate h its total gradient is :math:`y + 2 k \eta x`, so one round has the determinant
:math:`1 - 2 k h \eta` and, while its eigenvalues are complex, the spectral radius :math:`\sqrt{1 - 2 k h \eta}`.
"""

from functools import partial

from advsci.papers import step
from advsci.papers.extragradient.rules import radius
from advsci.solvers import Alternating, Unrolled


def measure(seed: int, effort: str) -> dict[str, float]:
    """Spectral radius of a round with h = 0.1 and imagined steps of 0.05; nothing is random.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        "quick" or "full".

    Returns
    -------
    dict
        Values by the cells' names; lists are curves.
    """
    rules = {k: partial(Unrolled, unroll={"x": k}, rate=0.05) if k else Alternating for k in (0, 1, 5, 10)}
    return {f"rotation/{k}": radius(rule, 0.1) for k, rule in rules.items()}  # type: ignore[arg-type]


if __name__ == "__main__":
    step(measure)
