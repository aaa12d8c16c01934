r"""The first players: soft clusters, and per cluster the best linear critic's answer in closed form.

A critic that is linear within a soft cluster :math:`k` sees two batches apart exactly as far as their means in that
cluster differ (an integral probability metric over linear functions is a difference of means). Its best opponent
moves every batch by

.. math:: x_i \mapsto x_i - \sum_k r_{ik} \delta_{k b(i)}, \qquad
   \min_{\mu_k, \delta_k} \sum_i r_{ik} \|x_i - \mu_k - \delta_{k b(i)}\|^2 + \sum_b \lambda_{kb} \|\delta_{kb}\|^2

a ridge regression for every cluster; with :math:`\lambda_{kb} \propto` the cells expected of batch :math:`b`, a
batch of which a cluster has few cells is left where it is. Clusters are soft k-means on the sphere with a penalty on
clusters made of one batch:

.. math::
   r_{ik} \propto \exp\left(-2 (1 - \hat x_i \cdot c_k) / \sigma\right) \left(\frac{E_{kb} + 1}{O_{kb} +
   1}\right)^\theta

where :math:`O` are the cells of a batch in a cluster and :math:`E` those expected if all clusters had the same
composition. This is the algorithm of Harmony (Korsunsky et al. 2019, doi 10.1038/s41592-019-0619-0, equations 1-9).
The map is rigid within a cluster, which is why it cannot place one type upon another; the neural players start from it.

Where a cluster holds two similar types and a batch has only one of them, its mean is not to be compared with the
others': that would move it towards the middle of both. `Alignment.refined` compares only cells that are each other's
nearest across the batches, :math:`P` (Haghverdi et al. 2018, doi 10.1038/nbt.4091), and moves every batch by

.. math:: \min_{u_k} \sum_{(i, j) \in P} \frac{\sqrt{r_{ik} r_{jk}}}{m} \|(x_i - u_{k b(i)}) - (x_j - u_{k b(j)})\|^2
          + \rho \sum_b \|u_{kb}\|^2

for pairs of aligned cells of which each cell has up to :math:`m`, a few times: a type that a batch lacks finds fewer
partners there, because those it is nearest to have nearer ones, and weighs less each time. Two types of which each
batch lacks the other are each other's nearest, too; but they lie in different clusters, where their pairs weigh
nothing. Cells known to be of different types are no pair. The same with one cluster for all cells is where clusters
start from (`Alignment.common`): a batch effect larger than the differences of types would make each batch its own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from advsci.errors import needs
from advsci.streams import Stream
from advsci_singlecell.data.cells import UNKNOWN
from advsci_singlecell.embedding.neighbours import ALL_PAIRS, members_of, mutual_pairs
from advsci_singlecell.embedding.shifts import spread_out

__all__ = ["Alignment"]

PER_BATCH = 50  # cells of a batch among which pairs are sought, where batches are many


@dataclass(frozen=True)
class Alignment:
    """Soft clusters and the shift of every batch in each.

    Attributes
    ----------
    centres
        Unit vectors (k d).
    shifts
        Displacement of every batch in every cluster (k b d).
    means
        Mean of the aligned cells of every cluster (k d): what a new batch is aligned to.
    width
        :math:`\\sigma` of the soft assignment.
    """

    centres: np.ndarray
    shifts: np.ndarray
    means: np.ndarray
    width: float

    @classmethod
    def fit(
        cls,
        x: np.ndarray,
        batch: np.ndarray,
        *,
        stream: Stream,
        clusters: int | None = None,
        diversity: float = 2.0,
        ridge: float = 0.05,
        width: float = 0.1,
        rounds: int = 10,
        membership: np.ndarray | None = None,
        start: np.ndarray | None = None,
    ) -> "Alignment":
        """Alternate soft clustering and closed-form shifts.

        Parameters
        ----------
        x, batch
            Components (n d), best with little noise; batch numbers (n).
        diversity, ridge
            :math:`\\theta`; :math:`\\lambda_{kb}` in units of the cells expected of a batch.
        membership
            Known groups (n k) that replace the clusters, such as types: then one round suffices.
        start
            Displacement of every batch (b d), such as `common`, that comes first and is part of the shifts.
        stream
            Source of the random numbers.
        width
            Width of the soft assignment.
        rounds
            Most rounds of clustering and shifting.

        Returns
        -------
        Alignment
            Clusters, and the shift of every batch in each.
        """
        offset = np.zeros((int(batch.max()) + 1, x.shape[1]), np.float32) if start is None else start
        x = np.asarray(x - offset[batch], dtype=np.float32)
        onehot = _onehot(batch)
        share = (np.bincount(batch) / len(batch)).astype(np.float32)
        if membership is not None:
            shifts, means = _shifts(x, membership, onehot, share, ridge)
            return cls(_unit(membership.T @ _unit(x)), shifts + offset, means, width)
        k = clusters or int(np.clip(round(len(x) / 30), 2, 100))
        aligned, centres = x, _seed(_unit(x), k, stream)
        for round_ in range(rounds):
            unit = _unit(aligned)
            r, centres = _cluster(unit, onehot, share, centres, width, diversity, stream.at("blocks", round_))
            shifts, means = _shifts(x, r, onehot, share, ridge)
            moved = x - _displacement(r, batch, shifts)
            change = np.linalg.norm(moved - aligned) / np.linalg.norm(x)
            aligned = moved
            if change < 2e-3:
                break
        # the clusters of the aligned cells, without the diversity penalty: a map for cells that were not there
        return cls(centres, shifts + offset, means, width)

    @classmethod
    def common(
        cls,
        x: np.ndarray,
        batch: np.ndarray,
        *,
        stream: Stream,
        labels: np.ndarray | None = None,
        metric: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> np.ndarray:
        """Displacement of every batch (b d), the same for all its cells; arguments as in `refined`.

        Parameters
        ----------
        x
            Components (n d).
        stream
            Source of the random numbers.
        labels
            Type numbers, -1 unknown (n).
        metric
            What components pass before neighbours are sought; None: nothing.
        """
        zero = np.zeros((1, x.shape[1]), np.float32)
        still = cls(zero, np.zeros((1, int(batch.max()) + 1, x.shape[1]), np.float32), zero, 0.1)
        return still.refined(x, batch, stream=stream, labels=labels, metric=metric, rounds=5).shifts[0]

    def refined(
        self,
        x: np.ndarray,
        batch: np.ndarray,
        *,
        stream: Stream,
        labels: np.ndarray | None = None,
        metric: Callable[[np.ndarray], np.ndarray] | None = None,
        pairs: int = 10,
        ridge: float = 0.5,
        rounds: int = 10,
        most: int = 6000,
    ) -> "Alignment":
        """Shifts corrected by mutual neighbours, clusters as they are.

        Parameters
        ----------
        x, batch
            Components (n d) as `fit` got them; batch numbers (n).
        labels
            Type numbers, -1 unknown (n): cells of two known types are no pair.
        metric
            What components pass before neighbours are sought, such as `Whitening`.
        pairs, ridge
            :math:`m`; :math:`\\rho`, in cells with all their pairs.
        most
            Cells, drawn at random, among which pairs are sought.
        stream
            Source of the random numbers.
        rounds
            Most rounds of clustering and shifting.
        """
        most = max(most, PER_BATCH * self.shifts.shape[1])
        rows = np.sort(stream.at("pairs").permutation(len(x)).numpy()[:most])
        x, batch = x[rows], batch[rows]
        types = np.full(len(rows), UNKNOWN) if labels is None else labels[rows]
        shifts = self.shifts.astype(np.float64)
        k, batches, d = shifts.shape
        for _ in range(rounds):
            current = replace(self, shifts=shifts.astype(np.float32))
            aligned = current(x, batch)
            r = current.membership(aligned)
            edges, masses, gap = [], [], np.zeros((k, batches, d))
            for p, q, i, j in mutual_pairs(aligned if metric is None else metric(aligned), batch, pairs):
                apart = (types[i] != types[j]) & (types[i] != UNKNOWN) & (types[j] != UNKNOWN)
                i, j = i[~apart], j[~apart]
                weight = np.sqrt(r[i] * r[j]) / pairs
                pull = weight.T @ (aligned[i] - aligned[j])
                edges.append((p, q))
                masses.append(weight.sum(axis=0))
                gap[:, p] += pull
                gap[:, q] -= pull
            between = np.array(edges, dtype=np.int64).reshape(-1, 2)  # none where no two batches have mutual neighbours
            shifts += spread_out(between, np.array(masses, dtype=float).reshape(-1, k), gap, ridge)
        moved = replace(self, shifts=shifts.astype(np.float32))
        aligned = moved(x, batch)
        r = moved.membership(aligned)
        return replace(moved, means=(r.T @ aligned / np.maximum(r.sum(axis=0), 1e-9)[:, None]).astype(np.float32))

    def membership(self, x: np.ndarray) -> np.ndarray:
        """Soft clusters (n k) of aligned cells.

        Parameters
        ----------
        x
            Aligned components (n d).
        """
        return _softmax(2.0 * (_unit(x) @ self.centres.T) / self.width)

    def __call__(self, x: np.ndarray, batch: np.ndarray, passes: int = 3) -> np.ndarray:
        """Aligned components of cells of known batches: membership and shift to their fixed point."""
        x = np.asarray(x, np.float64)  # a cell's result must not depend on which others it is multiplied with
        aligned = x - self.shifts.mean(axis=0)[batch]
        for _ in range(passes):
            aligned = x - _displacement(self.membership(aligned), batch, self.shifts)
        return aligned.astype(np.float32)

    def extend(self, x: np.ndarray, batch: np.ndarray, *, ridge: float = 0.2, passes: int = 5) -> "Alignment":
        """An alignment of *new* batches (numbered from 0) to the clusters as they are; the reference does not move.

        A batch's shift in a cluster is the ridge estimate of its difference from the reference's mean there, and
        falls back to the batch's overall shift where it has few cells (Kang et al. 2021, Symphony, doi
        10.1038/s41467-021-25957-x).

        Parameters
        ----------
        passes
            How often memberships are found anew.
        """
        batches = int(batch.max()) + 1
        onehot = np.eye(batches, dtype=np.float32)[batch]
        shifts = np.zeros((len(self.centres), batches, x.shape[1]), np.float32)
        aligned = x
        for _ in range(passes):
            r = self.membership(aligned)
            mass = r.T @ onehot
            gap = np.einsum("nk,nb,nd->kbd", r, onehot, x, optimize=True) - mass[:, :, None] * self.means[:, None]
            common = gap.sum(axis=0) / np.maximum(mass.sum(axis=0), 1.0)[:, None]
            prior = ridge * mass.sum(axis=0, keepdims=True) / len(self.centres) + 1.0
            shifts = (gap + prior[..., None] * common) / (mass + prior)[..., None]
            aligned = x - _displacement(r, batch, shifts)
        return Alignment(self.centres, shifts.astype(np.float32), self.means, self.width)


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def _softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _onehot(batch: np.ndarray) -> Any:
    """Batches as columns of zeros and ones (n b): sparse where they are many."""
    batches = int(batch.max()) + 1
    if batches <= ALL_PAIRS:
        return np.eye(batches, dtype=np.float32)[batch]
    return sparse.csr_matrix((np.ones(len(batch), np.float32), batch, np.arange(len(batch) + 1)), (len(batch), batches))


def _displacement(r: np.ndarray, batch: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    out = np.empty((len(r), shifts.shape[2]), r.dtype)
    for rows in members_of(batch):
        out[rows] = r[rows] @ shifts[:, batch[rows[0]]]
    return out


def _shifts(x, r, onehot, share, ridge) -> tuple[np.ndarray, np.ndarray]:
    """Ridge solution of every cluster: (shifts (k b d), means (k d))."""
    mass, size = np.asarray((onehot.T @ r).T), r.sum(axis=0)
    batch = np.asarray(onehot.argmax(axis=1)).ravel()
    sums = np.zeros((r.shape[1], onehot.shape[1], x.shape[1]), x.dtype)
    for rows in members_of(batch):
        sums[:, batch[rows[0]]] = r[rows].T @ x[rows]
    penalty = ridge * size[:, None] * share[None] + 1e-6
    # eliminate delta_kb = (s_kb - O_kb mu_k) / (O_kb + lambda_kb) from the normal equation of mu_k
    kept = mass * penalty / (mass + penalty)
    means = np.einsum("kb,kbd->kd", penalty / (mass + penalty), sums) / np.maximum(kept.sum(axis=1), 1e-9)[:, None]
    shifts = (sums - mass[:, :, None] * means[:, None]) / (mass + penalty)[:, :, None]
    return shifts.astype(np.float32), means.astype(np.float32)


def _seed(unit: np.ndarray, k: int, stream: Stream) -> np.ndarray:
    """Centres (k d) of scikit-learn's k-means, put back on the sphere."""
    with needs("scikit-learn", "singlecell"):
        from sklearn.cluster import KMeans
    seed = int(stream.at("seed").numpy().integers(2**31))
    means = KMeans(min(k, len(unit)), random_state=seed).set_params(n_init=1)
    return _unit(means.fit(unit).cluster_centers_)


def _cluster(unit, onehot, share, centres, width, diversity, stream, sweeps: int = 8):
    """Soft k-means with the diversity penalty; memberships move in blocks of cells so that the counts stay current."""
    r = _softmax(2.0 * (unit @ centres.T) / width)
    observed = np.asarray((onehot.T @ r).T)
    for sweep in range(sweeps):
        before = centres
        centres = _unit(r.T @ unit)
        logits = 2.0 * (unit @ centres.T) / width
        for block in np.array_split(stream.at("order", sweep).permutation(len(unit)).numpy(), 20):
            here = onehot[block]
            observed -= (here.T @ r[block]).T
            expected = observed.sum(axis=1, keepdims=True) * share
            penalty = diversity * np.log((expected + 1.0) / (observed + 1.0))
            r[block] = _softmax(logits[block] + here @ penalty.T)
            observed += (here.T @ r[block]).T
        if np.linalg.norm(centres - before) < 1e-2 * np.sqrt(len(centres)):
            break
    return r, _unit(r.T @ unit)
