r"""Averaging over neighbours: a step of its own, which any embedding may take.

.. math:: s \leftarrow (1 - \alpha) z + \alpha A s

with the weights :math:`A` of `Neighbourhoods`, a few times. It takes off what neighbours do not share: noise, and the
order of cells within a type. Methods are compared with and without it.
"""

import numpy as np

from advsci_singlecell.embedding.neighbours import Neighbourhoods

__all__ = ["averaged"]


def averaged(
    z: np.ndarray, batch: np.ndarray, *, neighbours: int = 30, rate: float = 0.8, steps: int = 5
) -> np.ndarray:
    """Embeddings averaged over neighbours.

    Parameters
    ----------
    z, batch
        Embedding (n d) and batch numbers (n).
    neighbours
        Largest size of a neighbourhood in a batch.
    rate
        :math:`\\alpha`; 0 changes nothing.
    steps
        How many times.

    Returns
    -------
    numpy.ndarray
        The averaged embedding (n d).

    Examples
    --------
    >>> z, batch = np.random.default_rng(0).normal(size=(60, 3)), np.repeat([0, 1], 30)
    >>> bool(averaged(z, batch).std() < z.std()), bool((averaged(z, batch, rate=0.0) == z.astype(np.float32)).all())
    (True, True)
    """
    z = np.asarray(z, np.float32)
    reference, seen = Neighbourhoods.fit(z, batch, int(batch.max()) + 1, neighbours)
    graph = reference.weights(seen, batch)
    smooth = z
    for _ in range(steps):
        smooth = (1.0 - rate) * z + rate * (graph @ smooth)
    return np.asarray(smooth, np.float32)
