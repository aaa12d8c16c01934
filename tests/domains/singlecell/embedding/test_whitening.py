"""The whitening: noise equal in all directions, exactly; and neighbours that are of one type more often."""

import numpy as np
import pytest

from advsci_singlecell.embedding.equaliser import neighbour_means
from advsci_singlecell.embedding.neighbours import nearest
from advsci_singlecell.embedding.own import OwnNeighbours
from advsci_singlecell.embedding.whitening import Whitening


@pytest.fixture
def noisy():
    """Two types that differ in the component with the least noise, in two batches."""
    rng = np.random.default_rng(0)
    kind, batch = np.arange(600) % 2, np.arange(600) // 300
    x = rng.normal(size=(600, 60)) * np.linspace(1.5, 0.5, 60)
    x[:, -1] += 4.0 * kind
    return x.astype(np.float32), batch, kind


def test_the_shrunk_covariance_of_the_noise_becomes_a_multiple_of_the_identity(noisy):
    x, batch, _ = noisy
    matrix = np.asarray(Whitening.fit(OwnNeighbours.fit(x, batch)).matrix, np.float64)
    residual = np.asarray(x - neighbour_means(x, batch, x, batch, 30), np.float64)
    s = residual.T @ residual / 600
    level = np.trace(s) / 60
    shrunk = (600 * s + 60 * level * np.eye(60)) / 660
    np.testing.assert_allclose(matrix @ shrunk @ matrix, level * np.eye(60), atol=1e-5 * level)


def test_neighbours_are_of_one_type_more_often(noisy):
    x, batch, kind = noisy

    def purity(z):
        return (kind[nearest(z, z, 16)[:, 1:]] == kind[:, None]).mean()

    assert purity(Whitening.fit(OwnNeighbours.fit(x, batch))(x)) > purity(x) + 0.03


def test_a_shift_of_a_batch_is_no_noise(noisy):
    x, batch, _ = noisy
    moved = x + 50.0 * batch[:, None].astype(np.float32)
    np.testing.assert_allclose(
        Whitening.fit(OwnNeighbours.fit(moved, batch)).matrix,
        Whitening.fit(OwnNeighbours.fit(x, batch)).matrix,
        atol=1e-3,
    )


def test_turning_the_components_turns_the_map(noisy):
    x, batch, _ = noisy
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(60, 60)))[0]
    there = Whitening.fit(OwnNeighbours.fit((x @ turn).astype(np.float32), batch)).matrix
    np.testing.assert_allclose(there, turn.T @ Whitening.fit(OwnNeighbours.fit(x, batch)).matrix @ turn, atol=1e-3)


def test_cells_without_noise_stay():
    x = np.repeat(np.eye(4, dtype=np.float32), 100, axis=0)
    np.testing.assert_array_equal(Whitening.fit(OwnNeighbours.fit(x, np.zeros(400, int))).matrix, np.eye(4))
