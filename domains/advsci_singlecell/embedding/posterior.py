r"""Types of all cells from the labels of some, with the labels themselves open to doubt.

Votes of the nearest labelled cells and a linear discriminant (`Discriminant`), pooled, give :math:`q_i(c)`; a cell's
own label :math:`y_i`, wrong at a rate :math:`\epsilon`, is one more piece of evidence:

.. math:: p_i(c) \propto \frac{q_i(c) - \eta}{1 - \epsilon - \eta}
          \left((1 - \epsilon) [c = y_i] + \eta [c \ne y_i]\right), \qquad \eta = \frac{\epsilon}{C - 1}

:math:`\epsilon` is the rate at which labels contradict a clear :math:`q`. A label that its surroundings support at
all stands; one that nothing supports, in data whose labels are often wrong, does not.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np

from advsci_singlecell.data.cells import UNKNOWN
from advsci_singlecell.embedding.neighbours import nearest_distances

__all__ = ["neighbour_votes", "pool_weights", "pooled", "type_posterior"]

LEAST_RATE = 0.01
CLEAR = 0.6
POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def neighbour_votes(
    reference: np.ndarray, reference_labels: np.ndarray, query: np.ndarray, types: int, *, k: int = 15
) -> np.ndarray:
    """Share of every type (m c) among the ``k`` nearest labelled cells, a prior's one vote included.

    Parameters
    ----------
    reference, reference_labels
        Aligned components (n d) and type numbers, -1 where unknown (n), of the cells that vote.
    query
        Aligned components (m d). A cell has no vote on itself.
    types
        How many types there are.
    """
    known = np.flatnonzero(reference_labels != UNKNOWN)
    names = reference_labels[known]
    distance, found = nearest_distances(reference[known], query, k + 1)
    weight = np.ones(found.shape)
    weight[:, 0] = np.where(distance[:, 0] <= 1e-6 * (1.0 + distance[:, -1]), 0.0, 1.0)  # the cell itself
    votes = np.zeros((len(query), types))
    np.add.at(votes, (np.repeat(np.arange(len(query)), found.shape[1]), names[found].ravel()), weight.ravel())
    prior = (np.bincount(names, minlength=types) + 1.0) / (len(names) + types)
    return (votes + prior) / (votes.sum(axis=1, keepdims=True) + 1.0)


def pooled(opinions: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    r"""Logarithmic opinion pool :math:`p \propto \prod_j q_j^{w_j}` of probabilities (m c).

    Parameters
    ----------
    opinions
        Probabilities (m c), one array per opinion.
    weights
        Weight of every opinion.
    """
    logits = sum(w * np.log(np.maximum(q, 1e-6)) for q, w in zip(opinions, weights, strict=True))
    e = np.exp(logits - np.max(logits, axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def pool_weights(opinions: Sequence[np.ndarray], labels: np.ndarray) -> tuple[float, ...]:
    """Weights of a pool of two opinions (n c) under which labels (n) that neither saw are likeliest, a tenth of them
    taken for wrong: who is overconfident gets less say (stacking). Types count alike, however few their cells are."""
    types = opinions[0].shape[1]
    share = 1.0 / np.bincount(labels, minlength=types)[labels]

    def score(weights: tuple[float, ...]) -> float:
        """Mean log-probability of the labels by opinions pooled with ``weights``, every type alike."""
        p = pooled(opinions, weights)[np.arange(len(labels)), labels]
        return float((share * np.log(0.9 * p + 0.1 / types)).sum() / share.sum())

    return max(product(POWERS, repeat=len(opinions)), key=score)


def type_posterior(q: np.ndarray, labels: np.ndarray | None, *, rate: float | None = None) -> tuple[np.ndarray, float]:
    r"""Posterior over types (m c) and the error rate of labels.

    Parameters
    ----------
    q
        Probabilities of the types (m c) without the cell's own label.
    labels
        Type numbers, -1 where unknown (m); None: none is known.
    rate
        :math:`\epsilon`; None: estimated from the labels.
    """
    types = q.shape[1]
    given = np.flatnonzero(labels != UNKNOWN) if labels is not None else np.array([], int)
    if rate is None:
        rate = _error_rate(q[given], labels[given]) if labels is not None and len(given) else LEAST_RATE
    wrong = rate / max(types - 1, 1)
    q = np.maximum((q - wrong) / (1.0 - rate - wrong), 1e-3)  # the opinions come from labels, wrong at the same rate
    if labels is not None and len(given):
        evidence = np.full((len(given), types), wrong)
        evidence[np.arange(len(given)), labels[given]] = 1.0 - rate
        q[given] *= evidence
    return (q / q.sum(axis=1, keepdims=True)).astype(np.float32), rate


def _error_rate(q: np.ndarray, labels: np.ndarray) -> float:
    """How often labels contradict votes that are clear: types that merely overlap do not count as errors."""
    clear = q.max(axis=1) >= CLEAR
    rate = (q[clear].argmax(axis=1) != labels[clear]).mean() if clear.any() else 0.0
    return float(np.clip(rate, LEAST_RATE, 0.4))
