r"""Types from a linear discriminant: what tells them apart, however little of the variance it is.

.. math:: \log p(c | x) = \log \pi_c - \tfrac12 (x - \mu_c)^\top \Sigma^{-1} (x - \mu_c) + \mathrm{const}, \qquad
          \Sigma = (1 - \gamma) S + \gamma \frac{\mathrm{tr} S}{d} I

with the pooled covariance within types :math:`S`, shrunk by the amount :math:`\gamma` that minimises the expected
squared error (Ledoit & Wolf 2004, doi 10.1016/S0047-259X(03)00096-4). Neighbours weigh every direction by its
variance, and take similar types for one where the little that differs lies in directions of little variance; the
discriminant weighs directions by what they tell.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Discriminant", "shrinkage"]


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
        labels
            Type numbers (n).
        types
            How many types there are.
        """
        x = np.asarray(x, np.float64)
        counts = np.bincount(labels, minlength=types)
        means = np.zeros((types, x.shape[1]))
        np.add.at(means, labels, x)
        means /= np.maximum(counts, 1)[:, None]
        within = x - means[labels]
        scale = np.maximum(within.std(axis=0), 1e-6 * max(float(x.std()), 1e-30))
        gamma, s = shrinkage(within / scale)
        sigma = (1.0 - gamma) * s + gamma * np.trace(s) / len(s) * np.eye(len(s))
        weight = np.linalg.solve(sigma, (means / scale).T) / scale[:, None]
        with np.errstate(divide="ignore"):
            prior = np.log(counts / counts.sum())
        return cls(weight, prior - 0.5 * np.einsum("cd,dc->c", means, weight))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Probabilities of the types (n c)."""
        logits = np.asarray(x, np.float64) @ self.weight + self.bias
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)


def shrinkage(centred: np.ndarray) -> tuple[float, np.ndarray]:
    r"""(:math:`\gamma`, covariance) of centred rows (n d).

    .. math:: \gamma = \min\left(1, \frac{\frac1{n^2} \sum_i \| x_i x_i^\top - S \|^2}{\| S - (\mathrm{tr} S / d) I
              \|^2}\right)
    """
    n, d = centred.shape
    s = centred.T @ centred / n
    spread = ((centred**2).sum(axis=1) ** 2).sum() / n - (s**2).sum()  # mean of |x x' - S|^2
    away = (s**2).sum() - np.trace(s) ** 2 / d
    return float(np.clip(spread / n / away, 0.0, 1.0)) if away > 0 else 1.0, s
