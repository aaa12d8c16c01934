"""Which three-gene networks adapt: a step of the input is answered, and the output comes back.

The input scales the production of gene 1; gene 3 is the output. A network adapts if its output answers with a
sensitivity above 0.2 and returns with a precision above 10 for some of its random parameter sets.
"""

import numpy as np
import torch

from advsci.papers import step
from advsci.streams import Stream
from advsci_circuits import robustness

KNOWN = {
    "incoherent loop": [[0, 0, 0], [1, 0, 0], [1, -1, 0]],
    "feedback": [[0, 0, 0], [0, 1, 1], [1, -1, 0]],
    "cascade": [[0, 0, 0], [1, 0, 0], [0, 1, 0]],
    "coherent loop": [[0, 0, 0], [1, 0, 0], [1, 1, 0]],
}


def has_incoherent_loop(s: np.ndarray) -> bool:
    """Whether the direct path from gene 1 to gene 3 and the one through gene 2 have opposite signs.

    Parameters
    ----------
    s
        Signs (3 3).
    """
    return s[2, 0] * s[1, 0] * s[2, 1] < 0


def has_buffered_feedback(s: np.ndarray) -> bool:
    """Whether a cycle through gene 2 and another gene has a negative sign.

    Parameters
    ----------
    s
        Signs (3 3).
    """
    pairs = s[0, 1] * s[1, 0], s[1, 2] * s[2, 1]
    return min(*pairs, s[0, 1] * s[1, 2] * s[2, 0], s[0, 2] * s[2, 1] * s[1, 0]) < 0


def measure(seed: int, effort: str) -> dict[str, float]:
    """Shares of adapting parameter sets of known networks and of random ones, and exceptions from the rule.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        ``"quick"`` or ``"full"``.
    """
    count, sets, more = (200, 100, 600) if effort == "quick" else (1000, 500, 10_000)
    stream = Stream(seed)
    draw = stream.at("networks").integers(3, (4 * count, 3, 3)).numpy().astype(np.int8) - 1
    draw = draw[[bool(s[2, 0] or (s[1, 0] and s[2, 1])) for s in draw]][:count]  # the input reaches the output
    shares = [
        robustness(
            torch.from_numpy(np.array(part, dtype=np.int8)), "adaptation", stream.at(name), sets=n, source=0, output=2
        ).share.numpy()
        for name, part, n in (("known", list(KNOWN.values()), more), ("random", draw, sets))
    ]
    by_rule = np.array([has_incoherent_loop(s) or has_buffered_feedback(s) for s in draw])
    adapting = shares[1] > 0.0
    cells = {f"known/{name}": 100.0 * float(value) for name, value in zip(KNOWN, shares[0], strict=True)}
    return cells | {
        "exceptions": float((adapting & ~by_rule).sum()),
        "adapting": float(adapting.sum()),
        "without either": float((~by_rule).sum()),
    }


if __name__ == "__main__":
    step(measure)
