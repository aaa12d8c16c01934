r"""Precision, recall, density and coverage of Gaussians, where their values are known.

For equal laws and equal numbers :math:`n` of real and generated samples the expected density is 1, and the expected
coverage :math:`1 - \prod_{i=1}^{k} \frac{n - i}{2n - i}`, whatever the law and the dimension (Naeem et al. 2020,
section 3.3).
"""

import torch

from advsci.metrics import prdc
from advsci.papers import step
from advsci.streams import Stream


def gaussians(n: int, d: int, stream: Stream) -> tuple[torch.Tensor, torch.Tensor]:
    """Two sets of standard normal samples.

    Parameters
    ----------
    n
        Samples in a set.
    d
        Dimension.
    stream
        Source of the random numbers.

    Returns
    -------
    tuple
        Two tensors (n d).
    """
    return stream.at("real").normal((n, d)).double(), stream.at("fake").normal((n, d)).double()


def measure(seed: int, effort: str) -> dict[str, float]:
    """The README's example, the closed forms, and two failures.

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
    stream = Stream(seed)
    cells = {
        f"example/{k}": float(v) for k, v in prdc(*gaussians(10_000, 1000, stream.at("example")))._asdict().items()
    }
    same = prdc(*gaussians(4000, 4, stream.at("equal")))
    cells |= {"equal/density": float(same.density), "equal/coverage": float(same.coverage)}
    real, fake = gaussians(4000, 16, stream.at("modes"))
    # four modes; the generator knows two of them
    corner = 20.0 * torch.eye(16, dtype=torch.float64)[:4]
    which = torch.arange(4000) % 4
    dropped = prdc(real + corner[which], fake + corner[which % 2])
    cells |= {"dropped/coverage": float(dropped.coverage), "dropped/density": float(dropped.density)}
    # one real sample far away makes a ball that swallows everything near it
    real[0] = 30.0
    outlier = prdc(real, fake[:1000] + 28.0)
    return cells | {"outlier/precision": float(outlier.precision), "outlier/density": float(outlier.density)}


if __name__ == "__main__":
    step(measure)
