r"""The remainder: what an embedding forgets of the components, appended without what a batch adds to a group.

An embedding that is sharp tells types apart and keeps little of the order of cells within a type. What it forgets of
the components :math:`x` is what they are beyond their mean among cells of the same batch that the embedding holds
alike. With soft groups :math:`p` of the embedding :math:`s`,

.. math:: p_{ik} \propto e^{-4 \|s_i - c_k\|^2 / \bar d^2}, \qquad
          r_i = x_i - p_i^T (G + S_{b(i)}) - m_{b(i)}

where :math:`G` solves the regression of all components on the groups, :math:`m_b` is the mean of what a batch has
beyond it and :math:`S_b` a ridge regression of the rest; :math:`\bar d^2` is the mean squared distance to the nearest
centre. In every group of every batch the remainder has mean zero, the ridge's share aside: by construction it carries
no mean effect of the batch, and no difference between types either. Cells of few counts scatter more. Half of that, on
a logarithmic scale, is taken off, and the remainder becomes :math:`w` times as long as the embedding:

.. math:: z_i = [\, s_i, \; w \, \frac{\rho(s)}{\rho(q)} \, q_i \,], \qquad
          q_i = r_i \sqrt{\operatorname{med}_j |r_j| / |r_i|}

with the root mean square distance :math:`\rho` to the mean. The regression on groups and batches is that of Harmony
(Korsunsky et al. 2019, doi 10.1038/s41592-019-0619-0); here the groups are those of an embedding that is blind to the
batch.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from advsci.errors import needs
from advsci.streams import Stream
from advsci_singlecell.embedding.neighbours import members_of

__all__ = ["Remainder"]

SHARPNESS = 4.0
CELLS_PER_GROUP, FEWEST, MOST = 100, 8, 40
RIDGE = 1.0  # cells at the batch's mean that every group of a batch has beside its own


@dataclass(frozen=True)
class Remainder:
    """Groups of an embedding, and the mean of the components in every group of every batch.

    Attributes
    ----------
    centres
        Of the groups, in the embedding (k d).
    width
        Mean squared distance of cells to the nearest centre.
    common
        Regression of the components on the groups, over all cells (k e).
    shifts
        What a batch adds to it (b k e), its mean over the batch's cells included.
    length
        Median length of a remainder.
    scale
        What a remainder is multiplied by.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> batch, types = np.arange(400) % 2, np.arange(400) // 2 % 2
    >>> state, effect = rng.normal(size=400), 5.0 * batch
    >>> x = np.stack([9.0 * types, state, effect + state], axis=1)
    >>> s = 9.0 * types[:, None] + 0.1 * rng.normal(size=(400, 1))  # blind to the batch, and to the state
    >>> z = Remainder.fit(s, x, batch, weight=0.5)(s, x, batch)
    >>> z.shape, bool(abs(z[batch == 0, 3].mean() - z[batch == 1, 3].mean()) < 0.05)
    ((400, 4), True)
    >>> bool(np.corrcoef(z[:, 2], state)[0, 1] > 0.9)
    True
    """

    centres: np.ndarray
    width: float
    common: np.ndarray
    shifts: np.ndarray
    length: float
    scale: float

    @classmethod
    def fit(
        cls,
        s: Float[np.ndarray, "n d"],
        x: Float[np.ndarray, "n e"],
        batch: Int[np.ndarray, " n"],
        *,
        weight: float,
        batches: int | None = None,
        stream: Stream | None = None,
    ) -> "Remainder":
        """Find groups, and the components' means in them.

        Parameters
        ----------
        s, x
            Embedding and components of the cells.
        batch
            Batch numbers.
        weight
            :math:`w`: the appended part's length, as a share of the embedding's.
        batches
            How many batches there are; None: as many as have cells.
        stream
            Source of the first centres; None: that of seed 0.

        Returns
        -------
        Remainder
            The map; call it with cells of these batches.
        """
        with needs("scikit-learn", "singlecell"):
            from sklearn.cluster import KMeans
        s, x = np.asarray(s, np.float64), np.asarray(x, np.float64)
        k = min(int(np.clip(len(s) // CELLS_PER_GROUP, FEWEST, MOST)), len(np.unique(s, axis=0)))
        seed = int((stream or Stream(0)).at("groups of the remainder").numpy().integers(2**31))
        means = KMeans(k, random_state=seed).set_params(n_init=1).fit(s)
        first = cls(
            means.cluster_centers_,
            float(means.inertia_ or 0.0) / len(s),
            np.zeros((k, x.shape[1])),
            np.empty(0),
            1.0,
            1.0,
        )
        p = first.groups(s)
        common = np.linalg.solve(p.T @ p + 1e-3 * np.eye(k), p.T @ x)
        fitted = replace(first, common=common).adapted(s, x, batch, batches)
        length = np.linalg.norm(fitted.left(s, x, batch), axis=1)
        fitted = replace(fitted, length=float(np.median(length)) or 1.0)
        long = _spread(fitted.evened(s, x, batch))
        return replace(fitted, scale=weight * _spread(s) / long if long > 0 else 0.0)

    def adapted(
        self,
        s: Float[np.ndarray, "m d"],
        x: Float[np.ndarray, "m e"],
        batch: Int[np.ndarray, " m"],
        batches: int | None = None,
    ) -> "Remainder":
        """The same groups with the means of other batches, such as those of a query.

        Parameters
        ----------
        s, x, batch
            Embedding, components and batch numbers of their cells.
        batches
            How many batches there are; None: as many as have cells.

        Returns
        -------
        Remainder
            For cells of these batches. A batch of one cell leaves no remainder.
        """
        p = self.groups(s)
        beyond = np.asarray(x, np.float64) - p @ self.common
        shifts = np.zeros((batches or int(batch.max()) + 1, *self.common.shape))
        for rows in members_of(batch):
            mean, q = beyond[rows].mean(axis=0), p[rows]
            gram = q.T @ q + RIDGE * np.eye(len(self.centres))
            shifts[batch[rows[0]]] = mean + np.linalg.solve(gram, q.T @ (beyond[rows] - mean))
        return replace(self, shifts=shifts)

    def groups(self, s: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "m k"]:
        """Soft groups of cells.

        Parameters
        ----------
        s
            Their embedding.

        Returns
        -------
        numpy.ndarray
            Memberships; every row sums to one.
        """
        s = np.asarray(s, np.float64)
        distance = (s**2).sum(axis=1)[:, None] - 2.0 * s @ self.centres.T + (self.centres**2).sum(axis=1)
        logits = -SHARPNESS * distance / max(self.width, 1e-12)
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    def left(
        self, s: Float[np.ndarray, "m d"], x: Float[np.ndarray, "m e"], batch: Int[np.ndarray, " m"]
    ) -> Float[np.ndarray, "m e"]:
        """What the components are beyond their mean in the groups of the batch.

        Parameters
        ----------
        s, x, batch
            Embedding, components and batch numbers of cells.

        Returns
        -------
        numpy.ndarray
            :math:`r`, in the units of the components.
        """
        p, out = self.groups(s), np.array(x, np.float64)
        for rows in members_of(batch):
            out[rows] -= p[rows] @ (self.common + self.shifts[batch[rows[0]]])
        return out

    def evened(
        self, s: Float[np.ndarray, "m d"], x: Float[np.ndarray, "m e"], batch: Int[np.ndarray, " m"]
    ) -> Float[np.ndarray, "m e"]:
        """What is left, long cells and short ones made more alike.

        Parameters
        ----------
        s, x, batch
            Embedding, components and batch numbers of cells.

        Returns
        -------
        numpy.ndarray
            :math:`q`, in the units of the components.
        """
        r = self.left(s, x, batch)
        own = np.linalg.norm(r, axis=1, keepdims=True)
        return r * np.sqrt(self.length / np.maximum(own, 1e-9 * self.length))

    def __call__(
        self, s: Float[np.ndarray, "m d"], x: Float[np.ndarray, "m e"], batch: Int[np.ndarray, " m"]
    ) -> Float[np.ndarray, "m d+e"]:
        """The embedding with the remainder appended.

        Parameters
        ----------
        s, x, batch
            Embedding, components and batch numbers of cells.

        Returns
        -------
        numpy.ndarray
            The embedding first.
        """
        appended = (self.scale * self.evened(s, x, batch)).astype(np.float32)
        return np.concatenate([np.asarray(s, np.float32), appended], axis=1)


def _spread(z: np.ndarray) -> float:
    """Root mean square distance to the mean."""
    return float(np.sqrt(((z - z.mean(axis=0)) ** 2).sum(axis=1).mean()))
