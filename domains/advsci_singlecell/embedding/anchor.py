r"""The anchor of the embedding: aligned components without what is only noise.

.. math:: \tilde s = (1 - \alpha) c + \alpha A \tilde s, \qquad
          s_i = (1 - \beta) \tilde s_i + \beta \sum_c p_{ic} \, m_c

with the weights :math:`A` of `Neighbourhoods`. With types, known or voted (:math:`p`), edges count as far as their
ends agree, and a cell is drawn towards the mean :math:`m_c` of its type, which is what supervision knows and
distance does not.
"""

from dataclasses import dataclass

import numpy as np

from advsci_singlecell.data.cells import UNKNOWN
from advsci_singlecell.embedding.discriminant import Discriminant
from advsci_singlecell.embedding.neighbours import Neighbourhoods, Seen
from advsci_singlecell.embedding.posterior import neighbour_votes, pool_weights, pooled, type_posterior

__all__ = ["Anchor"]

STEPS = 5
FOLDS = 5
CHUNK = 2048


@dataclass(frozen=True)
class Anchor:
    """The reference cells, diffused, and how any cell joins them.

    Attributes
    ----------
    neighbourhoods, diffused
        The reference, and its diffused components (n d).
    rate, pull
        :math:`\\alpha`; :math:`\\beta`, used with types only.
    labels, types
        Type numbers of the reference, -1 unknown (n); how many types there are.
    posterior, means
        Probabilities (n c) and means (c d) of the types, where there are any.
    discriminant
        Of the types, on aligned and plain components side by side.
    weights
        Of the votes and of the discriminant in their pool.
    label_error
        Estimated error rate of the labels.
    """

    neighbourhoods: Neighbourhoods
    diffused: np.ndarray
    rate: float
    pull: float
    labels: np.ndarray
    types: int
    posterior: np.ndarray | None
    means: np.ndarray | None
    discriminant: Discriminant | None
    weights: tuple[float, ...]
    label_error: float | None

    @classmethod
    def fit(
        cls,
        aligned: np.ndarray,
        components: np.ndarray,
        batch: np.ndarray,
        batches: int,
        labels: np.ndarray,
        types: int,
        *,
        neighbours: int = 30,
        rate: float = 0.8,
        pull: float = 0.75,
    ) -> "tuple[Anchor, Reference]":
        """Diffuse the reference; labels are used where there are two types or more.

        Parameters
        ----------
        aligned
            Components after the alignment (n d).
        components
            Components before it, in the same metric (n d).
        batch
            Batch numbers (n).
        batches
            How many batches there are.
        neighbours
            Largest size of a neighbourhood in a batch.
        rate
            Rate of the diffusion, :math:`\\alpha`.
        pull
            How far a cell is drawn to the mean of its type, :math:`\\beta`.

        Returns
        -------
        anchor, reference
            The diffused reference; what was found of it on the way, by which `placed` places it without a search.
        """
        neighbourhoods, seen = Neighbourhoods.fit(aligned, batch, batches, neighbours)
        discriminant, posterior, error, weights, q = None, None, None, (1.0, 0.0), None
        if types > 1:
            known = labels != UNKNOWN
            discriminant = Discriminant.fit(_features(aligned, components)[known], labels[known], types)
            weights = _weights(aligned, components, labels, types)
            q = _evidence(aligned, labels, aligned, components, discriminant, types, weights)
            posterior, error = type_posterior(q, labels)
        graph = neighbourhoods.weights(seen, batch, posterior, posterior)
        diffused = aligned
        for _ in range(STEPS):
            diffused = (1.0 - rate) * aligned + rate * (graph @ diffused)
        means = None
        if posterior is not None:
            means = posterior.T @ diffused / np.maximum(posterior.sum(axis=0), 1e-9)[:, None]
        diffused = np.asarray(diffused, np.float32)
        found = cls(neighbourhoods, diffused, rate, pull, labels, types, posterior, means, discriminant, weights, error)
        return found, Reference(aligned, batch, seen, q)

    def __call__(
        self,
        aligned: np.ndarray,
        components: np.ndarray,
        batch: np.ndarray | None,
        labels: np.ndarray | None = None,
    ) -> np.ndarray:
        """Where cells belong (m d): one step of diffusion into the reference.

        Parameters
        ----------
        aligned, components
            Components (m d) after and before the alignment.
        batch
            Batch numbers; None: batches that the reference has not.
        labels
            Type numbers where known, -1 else: what is known of a cell is part of its input.
        """
        parts = []
        for start in range(0, len(aligned), CHUNK):
            part = slice(start, start + CHUNK)
            x, plain, here = aligned[part], components[part], None if batch is None else batch[part]
            found = Reference(x, here, self.neighbourhoods.look(x), self._opinion(x, plain))
            parts.append(self.placed(found, None if labels is None else labels[part]))
        return np.concatenate(parts).astype(np.float32)

    def placed(self, found: "Reference", labels: np.ndarray | None = None) -> np.ndarray:
        """Where cells belong (m d) of which neighbours and evidence of types are known.

        Parameters
        ----------
        found
            The cells, such as the reference itself.
        labels
            Type numbers where known, -1 else.

        Returns
        -------
        numpy.ndarray
            One step of diffusion into the reference (m d).
        """
        p = None if found.evidence is None else type_posterior(found.evidence, labels, rate=self.label_error)[0]
        graph = self.neighbourhoods.weights(found.seen, found.batch, p, self.posterior)
        s = (1.0 - self.rate) * found.aligned + self.rate * (graph @ self.diffused)
        if p is not None and self.means is not None:
            s = (1.0 - self.pull) * s + self.pull * (p @ self.means)
        return np.asarray(s, np.float32)

    def types_of(
        self, aligned: np.ndarray, components: np.ndarray, labels: np.ndarray | None = None
    ) -> np.ndarray | None:
        """Probabilities of the types (m c), or None without types.

        Parameters
        ----------
        aligned
            Components after the alignment (n d).
        components
            Components before it, in the same metric (n d).
        labels
            Type numbers, -1 unknown (n).
        """
        q = self._opinion(aligned, components)
        return None if q is None else type_posterior(q, labels, rate=self.label_error)[0]

    def _opinion(self, aligned: np.ndarray, components: np.ndarray) -> np.ndarray | None:
        """Probabilities of the types (m c) without the cells' own labels, or None without types."""
        if self.discriminant is None:
            return None
        return _evidence(
            self.neighbourhoods.cells, self.labels, aligned, components, self.discriminant, self.types, self.weights
        )


@dataclass(frozen=True)
class Reference:
    """Cells whose neighbours have been sought.

    Attributes
    ----------
    aligned, batch
        Aligned components (m d) and batch numbers (m); no batch: unseen ones.
    seen
        Their nearest reference cells of every group of batches.
    evidence
        Probabilities of the types (m c) without the cells' own labels, where there are types.
    """

    aligned: np.ndarray
    batch: np.ndarray | None
    seen: list[Seen]
    evidence: np.ndarray | None


def _features(aligned: np.ndarray, components: np.ndarray) -> np.ndarray:
    """What the discriminant sees: the batch is within its types' covariance, so that it does not look along it."""
    return np.concatenate([aligned, components], axis=1)


def _weights(aligned: np.ndarray, components: np.ndarray, labels: np.ndarray, types: int) -> tuple[float, ...]:
    """Weights of votes and discriminant, judged on labelled cells that the discriminant did not see, of every type in
    as many parts as there are folds."""
    known = np.flatnonzero(labels != UNKNOWN)
    x, y = _features(aligned[known], components[known]), labels[known]
    fold, q = np.empty(len(known), int), np.zeros((len(known), types))
    fold[np.argsort(y, kind="stable")] = np.arange(len(known)) % FOLDS
    for part in range(FOLDS):
        seen, held = fold != part, fold == part
        if seen.any() and held.any():
            q[held] = Discriminant.fit(x[seen], y[seen], types)(x[held])
    return pool_weights([neighbour_votes(aligned, labels, aligned[known], types), q], y)


def _evidence(reference, labels, aligned, components, discriminant, types, weights) -> np.ndarray:
    """Probabilities of the types (m c) without the cells' own labels."""
    votes = neighbour_votes(reference, labels, aligned, types)
    return pooled([votes, discriminant(_features(aligned, components))], weights)
