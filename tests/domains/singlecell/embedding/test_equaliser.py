"""Noise is made equal, and nothing else: means and types stay, single cells and new batches too."""

import numpy as np
import pytest

from advsci_singlecell.embedding.equaliser import Equaliser, agreement, lonely, neighbour_means, residual_variance
from advsci_singlecell.embedding.own import OwnNeighbours
from advsci_singlecell.evaluation.scores import mixing_where_due, own_neighbours


@pytest.fixture(scope="module")
def unlike():
    """Two far types in two batches, of which the second is 1.6 times as noisy; (x, batch, type)."""
    rng = np.random.default_rng(0)
    batch, kind = np.arange(800) % 2, (np.arange(800) // 2) % 2
    x = 40.0 * np.eye(40)[kind] + rng.normal(size=(800, 40)) * np.where(batch == 1, 1.6, 1.0)[:, None]
    return x.astype(np.float32), batch, kind


def fitted(x, batch):
    own = OwnNeighbours.fit(x, batch, 30)
    return Equaliser.fit(own, int(batch.max()) + 1), own


def spread(x, batch, kind):
    centred = x - np.stack([x[kind == k].mean(axis=0) for k in (0, 1)])[kind]
    return np.array([centred[batch == b].std() for b in (0, 1)])


def test_spreads_become_equal_and_type_means_stay(unlike):
    x, batch, kind = unlike
    even = fitted(x, batch)[0](x, batch)
    before, after = spread(x, batch, kind), spread(even, batch, kind)
    assert before[1] / before[0] > 1.5 and abs(after[1] / after[0] - 1.0) < 0.2
    for k in (0, 1):
        for b in (0, 1):
            rows = (kind == k) & (batch == b)
            np.testing.assert_allclose(even[rows].mean(axis=0), x[rows].mean(axis=0), atol=0.35)
    np.testing.assert_allclose(even[batch == 0], x[batch == 0], atol=1e-4)  # the quiet batch is left as it is


def test_the_quiet_batch_no_longer_has_all_the_neighbours(unlike):
    x, batch, kind = unlike
    y, b = kind.astype(str), batch.astype(str)
    even = fitted(x, batch)[0](x, batch)
    before, after = (mixing_where_due(own_neighbours(z, 15), y, b) for z in (x, even))
    assert before < 0.6 and 1.0 - after < 0.5 * (1.0 - before)


def test_equal_batches_are_left_alone():
    x = np.random.default_rng(1).normal(size=(600, 10)).astype(np.float32)
    batch = np.arange(600) % 2
    assert np.linalg.norm(fitted(x, batch)[0](x, batch) - x) < 0.1 * np.linalg.norm(x)


def test_cleared_cells_are_neighbours_means_and_lonely_ones_are_not(unlike):
    x, batch, _ = unlike
    far = x[:1] + 60.0
    x, batch = np.concatenate([x, far]), np.append(batch, 0)
    equaliser, own = fitted(x, batch)
    even = equaliser.even(own)
    np.testing.assert_allclose(even, equaliser(x, batch), rtol=1e-6)
    around = OwnNeighbours.fit(even, batch, 30)
    cleared, alone = equaliser.cleared(own, around, 1.0, np.full(801, -1)), lonely(around)
    assert alone[-1] and alone.mean() < 0.1
    np.testing.assert_allclose(cleared[~alone], neighbour_means(x, batch, x, batch, 30)[~alone], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(cleared[alone], even[alone], rtol=1e-5, atol=1e-5)


def test_cells_among_others_labels_keep_their_place(unlike):
    x, batch, kind = unlike
    labels = kind.copy()
    labels[0] = 2  # the only one of its type
    equaliser, own = fitted(x, batch)
    share = agreement(own, labels)
    assert share[0] < 0.1 and share[1:].min() > 0.9
    even = OwnNeighbours.fit(equaliser.even(own), batch, 30)
    moved = np.linalg.norm(equaliser.cleared(own, even, 1.0, labels) - even.cells, axis=1)
    assert moved[0] < 0.1 * np.median(moved)
    assert (agreement(own, np.full(800, -1)) == 1.0).all()


def test_a_new_batch_becomes_as_quiet_as_the_reference(unlike):
    x, batch, kind = unlike
    equaliser, _ = fitted(x, batch)
    noise = np.random.default_rng(2).normal(size=(400, 40)).astype(np.float32)
    quiet, loud = (equaliser.unseen(s * noise, np.zeros(400, int)).std() for s in (1.0, 2.0))
    assert quiet > 0.95 and loud < 1.3 * quiet
    single = equaliser.unseen(noise[:1], np.zeros(1, int))
    np.testing.assert_allclose(single, noise[:1], rtol=1e-5)


def test_variances_of_residuals_and_small_batches_are_drawn_to_all():
    rng = np.random.default_rng(3)
    batch = np.repeat([0, 1], [4000, 4])
    residual = rng.normal(size=(4004, 2)) * np.where(batch == 1, 0.1, 2.0)[:, None]  # as of independent neighbours
    v = residual_variance(residual * np.sqrt(1.0 - 1.0 / 30), batch, 2, 30)
    np.testing.assert_allclose(v[0], 4.0, rtol=0.1)
    assert (v[1] > 0.8 * v.mean(axis=0)).all()
