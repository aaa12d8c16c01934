"""Shifts that pairs ask for: conjugate gradients on a sparse graph of batches give what dense matrices give."""

import numpy as np

from advsci_singlecell.embedding.shifts import spread_out


def test_sparse_and_dense_solutions_agree():
    rng = np.random.default_rng(0)
    edges = np.array([(i, j) for i in range(12) for j in (i + 1, i + 4) if j < 12])
    mass = rng.gamma(0.3, 10.0, (len(edges), 3))
    pull = rng.normal(size=(3, 12, 2))
    dense, found = (spread_out(edges, mass, pull, 0.5, dense=most) for most in (64, 1))
    np.testing.assert_allclose(found, dense, atol=1e-4 * np.abs(dense).max())
    assert np.abs(dense - pull / 0.5).max() > 0.1  # neighbours matter


def test_without_pairs_nothing_is_asked():
    assert not spread_out(np.empty((0, 2), int), np.empty((0, 1)), np.zeros((1, 3, 2)), 0.5).any()
