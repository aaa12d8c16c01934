r"""A metric in which noise is equal in all directions, so that neighbours are neighbours by what is not noise.

Leading components carry more of everything, noise included, and outweigh those in which similar types differ. With
the mean :math:`m_i` of a cell's neighbours in its own batch,

.. math:: x \mapsto x \left(\Sigma / \bar\sigma^2\right)^{-1/2}, \qquad
          \Sigma = \frac{n S + d \bar\sigma^2 I}{n + d}, \quad S = \frac1n \sum_i (x_i - m_i)^T (x_i - m_i), \quad
          \bar\sigma^2 = \frac{\operatorname{tr} S}{d}

Relevant component analysis (Bar-Hillel et al. 2005, JMLR 6:937) with the neighbourhoods of a batch for its chunklets:
components are *not* scaled to equal variance, which would amplify those that are noise alone. The noise is drawn to
that of all directions as if :math:`d` cells more had shown it.
"""

from dataclasses import dataclass

import numpy as np

from advsci_singlecell.embedding.own import OwnNeighbours

__all__ = ["Whitening"]


@dataclass(frozen=True)
class Whitening:
    """The linear map to the metric.

    Attributes
    ----------
    matrix
        Symmetric (d d); the identity where noise is equal in all directions.
    """

    matrix: np.ndarray

    @classmethod
    def fit(cls, own: OwnNeighbours) -> "Whitening":
        """Measure the noise of components about neighbours of the own batch.

        Parameters
        ----------
        own
            Components and their neighbours.

        Returns
        -------
        Whitening
            The metric in which noise is alike in all directions.
        """
        residual = np.asarray(own.cells - own.means(), np.float64)
        n, d = residual.shape
        s = residual.T @ residual / n
        level = float(np.trace(s)) / d
        if level <= 0.0:  # cells that equal their neighbours have no noise to whiten
            return cls(np.eye(d, dtype=np.float32))
        values, vectors = np.linalg.eigh((n * s / level + d * np.eye(d)) / (n + d))
        matrix = (vectors / np.sqrt(values)) @ vectors.T
        return cls(matrix.astype(np.float32))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Components (n d) in the metric."""
        # double precision: a cell's result must not depend on which others it is multiplied with
        return (np.asarray(x, np.float64) @ self.matrix).astype(np.float32)
