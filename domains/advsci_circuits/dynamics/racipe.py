"""Random kinetics for a topology: what a circuit does whatever its parameters happen to be.

The ranges and the half-functional rule of RACIPE (Huang et al. 2017, https://doi.org/10.1371/journal.pcbi.1005456):
production 1-100, degradation 0.1-1, Hill exponent 1-6, fold change 1-100, and thresholds 0.02-1.98 times the median
level of the regulator, so that every edge is about as often on as off.
"""

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Int8
from torch import Tensor

from advsci.streams import Stream
from advsci_circuits.dynamics.hill import HillModel

__all__ = ["median_level", "racipe"]

RATE, DECAY, FOLD, COOPERATIVITY, THRESHOLD = (1.0, 100.0), (0.1, 1.0), (1.0, 100.0), (1, 6), (0.02, 1.98)


@lru_cache(maxsize=256)
def median_level(activators: int, repressors: int, draws: int = 20_000) -> float:
    """Median steady level of a gene with so many regulators, over RACIPE's ranges (Monte Carlo with a fixed stream).

    Parameters
    ----------
    activators
        Number of activators.
    repressors
        Number of repressors.
    draws
        Monte Carlo draws.
    """
    rng = Stream(2017).at("median", activators, repressors).numpy()
    level = rng.uniform(*RATE, draws) / rng.uniform(*DECAY, draws)
    free = float(np.median(rng.uniform(*RATE, draws) / rng.uniform(*DECAY, draws)))
    for sign in [1] * activators + [-1] * repressors:
        x = rng.uniform(*RATE, draws) / rng.uniform(*DECAY, draws)
        ratio = (x / (rng.uniform(*THRESHOLD, draws) * free)) ** (-sign * rng.integers(1, 7, draws))
        leak = 1 / rng.uniform(*FOLD, draws)
        level = level * (leak + (1 - leak) / (1 + ratio))
    return float(np.median(level))


def racipe(
    signs: Int8[Tensor, "c n n"],
    sets: int,
    stream: Stream,
    dtype: torch.dtype = torch.float64,
    logic: str = "product",
) -> HillModel:
    """``sets`` random parameter sets for each of c topologies: a model of c * sets members, circuit by circuit.

    Parameters
    ----------
    signs : Int8[Tensor, "c n n"]
        Topologies, padded to one width; padding genes are unregulated and change nothing.
    sets : int
        Parameter sets a topology.
    stream : Stream
        The draw; another stream is a held-out draw.
    dtype
        Floating-point type of the parameters.
    logic
        How regulators of a promoter combine.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci_circuits import Circuit, CircuitBatch
    >>> ring = Circuit.from_edges([("LacI", "TetR", -1), ("TetR", "cI", -1), ("cI", "LacI", -1)])
    >>> from advsci_circuits import racipe
    >>> model = racipe(CircuitBatch.of([ring]).signs, 10, Stream(0))
    >>> type(model).__name__
    'HillModel'
    """
    c, n, _ = signs.shape
    device = signs.device

    def uniform(name: str, low: float, high: float, *shape: int) -> Tensor:
        """Uniform numbers from ``low`` to ``high`` of this ``shape`` per parameter set, keyed by ``name``."""
        drawn = stream.at(name).uniform((c * sets, *shape), device=device, dtype=dtype)
        return low + (high - low) * drawn

    activators, repressors = (signs > 0).sum(2).cpu().numpy(), (signs < 0).sum(2).cpu().numpy()
    table = {
        pair: median_level(*pair)
        for pair in {*zip(activators.ravel().tolist(), repressors.ravel().tolist(), strict=True)}
    }
    median = np.vectorize(lambda a, r: table[a, r])(activators, repressors)
    level = torch.as_tensor(median, dtype=dtype, device=device).repeat_interleave(sets, 0)
    return HillModel(
        signs=signs.repeat_interleave(sets, 0),
        rate=uniform("rate", *RATE, n),
        decay=uniform("decay", *DECAY, n),
        threshold=uniform("threshold", *THRESHOLD, n, n) * level[:, None, :],
        cooperativity=1.0 + stream.at("cooperativity").integers(6, (c * sets, n, n), device=device).to(dtype),
        leak=1 / uniform("fold", *FOLD, n, n),
        logic=logic,
    )
