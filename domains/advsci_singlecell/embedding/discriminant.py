r"""Types from a linear discriminant: what tells them apart, however little of the variance it is.

.. math:: \log p(c | x) = \log \pi_c - \tfrac12 (x - \mu_c)^\top \Sigma^{-1} (x - \mu_c) + \mathrm{const}, \qquad
          \Sigma = (1 - \gamma) S + \gamma \frac{\mathrm{tr} S}{d} I

with the pooled covariance within types :math:`S`, shrunk by the amount :math:`\gamma` that minimises the expected
squared error (Ledoit & Wolf 2004, doi 10.1016/S0047-259X(03)00096-4). Neighbours weigh every direction by its
variance, and take similar types for one where the little that differs lies in directions of little variance; the
discriminant weighs directions by what they tell.

The shrinkage is scikit-learn's. The discriminant is not: `sklearn.discriminant_analysis.LinearDiscriminantAnalysis`
shrinks the covariance of every type by itself, before they are averaged, and knows no type without cells.
"""

from dataclasses import dataclass

import numpy as np

from advsci.errors import needs

__all__ = ["Discriminant"]


@dataclass(frozen=True)
class Discriminant:
    """Linear scores of the types.

    Attributes
    ----------
    weight, bias
        (d c) and (c); types without cells have a bias of minus infinity.
    """

    weight: np.ndarray
    bias: np.ndarray

    @classmethod
    def fit(cls, x: np.ndarray, labels: np.ndarray, types: int) -> "Discriminant":
        """From rows ``x`` (n d) and type numbers (n).

        Parameters
        ----------
        x
            Features (n d).
        labels
            Type numbers (n).
        types
            How many types there are.

        Returns
        -------
        Discriminant
            The scores of all types.

        Raises
        ------
        MissingDependencyError
            scikit-learn is not installed.
        """
        with needs("scikit-learn", "singlecell"):
            from sklearn.covariance import ledoit_wolf
        x = np.asarray(x, np.float64)
        counts = np.bincount(labels, minlength=types)
        means = np.zeros((types, x.shape[1]))
        np.add.at(means, labels, x)
        means /= np.maximum(counts, 1)[:, None]
        within = x - means[labels]
        scale = np.maximum(within.std(axis=0), 1e-6 * max(float(x.std()), 1e-30))
        sigma, _ = ledoit_wolf(within / scale, assume_centered=True)
        weight = np.linalg.solve(sigma, (means / scale).T) / scale[:, None]
        with np.errstate(divide="ignore"):
            prior = np.log(counts / counts.sum())
        return cls(weight, prior - 0.5 * np.einsum("cd,dc->c", means, weight))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Probabilities of the types (n c)."""
        logits = np.asarray(x, np.float64) @ self.weight + self.bias
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)
