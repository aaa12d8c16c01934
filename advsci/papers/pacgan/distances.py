r"""Why packs help: the total variation of m samples tells a generator that drops modes from one that does not.

Data are uniform on [0, 1]. One generator is uniform on [0.2, 1] and so drops a fifth of the data; the other has density
0.6 on the lower half and 1.4 on the upper. Both are at a distance of 0.2 from the data. Packs of m samples have product
laws, and their distances part: :math:`1 - 0.8^m` for the first, and
:math:`\tfrac12 \sum_k \binom mk |0.5^m - 0.3^k 0.7^{m-k}|` for the second.
"""

import torch
from torch import Tensor

from advsci.objectives.divergences import TotalVariation, f_divergence
from advsci.papers import step

DATA = torch.full((10,), 0.1, dtype=torch.float64)
DROPPING = torch.tensor([0.0] * 2 + [0.125] * 8, dtype=torch.float64)
TILTED = torch.tensor([0.06] * 5 + [0.14] * 5, dtype=torch.float64)


def packed(law: Tensor, m: int) -> Tensor:
    """Log-probabilities of packs.

    Parameters
    ----------
    law
        Probabilities of the ten tenths of [0, 1].
    m
        Samples in a pack.

    Returns
    -------
    Tensor
        (10^m).
    """
    joint = law.log()
    for _ in range(m - 1):
        joint = (joint[..., None] + law.log()).flatten()
    return joint


def measure(seed: int, effort: str) -> dict[str, float]:
    """Total variation of packs of one to four samples; nothing is random.

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
    distance = TotalVariation()
    cells = {}
    for m in (1, 2, 3, 4):
        for name, law in (("dropping", DROPPING), ("tilted", TILTED)):
            cells[f"{name}/{m}"] = float(f_divergence(distance, packed(law, m), packed(DATA, m)))
    return cells | {"gap/4": cells["dropping/4"] - cells["tilted/4"], "gap/1": cells["dropping/1"] - cells["tilted/1"]}


if __name__ == "__main__":
    step(measure)
