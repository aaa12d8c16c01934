"""The remainder: what a batch adds to a group is gone, the order within is not, and new batches are told alike."""

import numpy as np
import pytest

from advsci.streams import Stream
from advsci_singlecell.embedding.remainder import Remainder
from advsci_singlecell.evaluation.biology import order_within_types


@pytest.fixture
def cells() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Embedding that knows three types only, components, batches and types; a batch shifts every type its own way."""
    rng = np.random.default_rng(0)
    batch, types = np.arange(900) % 3, np.arange(900) // 3 % 3
    s = 9.0 * np.eye(3)[types]
    x = 5.0 * np.eye(3)[types] @ rng.normal(size=(3, 4)) + rng.normal(size=(3, 3, 4))[batch, types]
    return s, x + rng.normal(size=(900, 4)), batch, types


def test_groups_that_are_exact_leave_deviations_from_the_means_of_batch_and_type(cells):
    s, x, batch, types = cells
    left = Remainder.fit(s, x, batch, weight=1.0, stream=Stream(0)).left(s, x, batch)
    for b in range(3):
        rows = batch == b
        beyond = np.stack([x[rows & (types == t)].mean(axis=0) for t in range(3)])
        for t in range(3):
            mine = rows & (types == t)  # 100 cells against one of the ridge
            np.testing.assert_allclose(left[mine].mean(axis=0), 0.0, atol=0.05)
            np.testing.assert_allclose(left[mine], x[mine] - beyond[t], atol=0.05)


def test_the_embedding_stays_and_the_rest_is_as_long_as_was_asked(cells):
    s, x, batch, _ = cells
    z = Remainder.fit(s, x, batch, weight=0.25)(s, x, batch)
    np.testing.assert_array_equal(z[:, :3], s.astype(np.float32))
    length = [np.sqrt(((part - part.mean(0)) ** 2).sum(1).mean()) for part in (z[:, 3:], z[:, :3])]
    assert length[0] / length[1] == pytest.approx(0.25, rel=1e-5)


def test_half_of_the_logarithm_of_a_length_is_left(cells):
    s, x, batch, _ = cells
    remainder = Remainder.fit(s, x, batch, weight=1.0)
    before, after = (np.linalg.norm(f(s, x, batch), axis=1) for f in (remainder.left, remainder.evened))
    np.testing.assert_allclose(after**2, before * remainder.length)


def test_order_within_types_comes_back(cells):
    s, x, batch, types = cells
    s = s + 0.1 * np.random.default_rng(1).normal(size=s.shape)
    z = Remainder.fit(s, x, batch, weight=0.5)(s, x, batch)
    before, after = (order_within_types(e, x, batch, types) for e in (s, z))
    assert before < 0.3 and after > 0.7


def test_a_new_batch_is_told_from_its_own_cells_whatever_its_shift(cells):
    s, x, batch, _ = cells
    remainder = Remainder.fit(s, x, batch, weight=0.5)
    mine = batch == 1
    new = remainder.adapted(s[mine], x[mine] + 7.0, np.zeros(mine.sum(), int))
    np.testing.assert_allclose(
        new(s[mine], x[mine] + 7.0, np.zeros(mine.sum(), int)), remainder(s, x, batch)[mine], atol=1e-4
    )


@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_cells_and_equal_cells_stay_finite(n):
    s, x = np.zeros((n, 2)), np.ones((n, 3))
    assert np.isfinite(Remainder.fit(s, x, np.zeros(n, int), weight=0.5)(s, x, np.zeros(n, int))).all()


def test_a_batch_without_cells_is_no_obstacle(cells):
    s, x, batch, _ = cells
    kept = batch != 1
    remainder = Remainder.fit(s[kept], x[kept], batch[kept], weight=0.5, batches=3)
    assert np.isfinite(remainder(s, x, batch)).all()
