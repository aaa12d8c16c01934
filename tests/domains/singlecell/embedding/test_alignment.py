"""The closed-form alignment: its ridge solution, what it aligns, what it leaves."""

import numpy as np
import pytest

from advsci.streams import Stream
from advsci_singlecell.embedding.alignment import Alignment, _shifts
from advsci_singlecell.embedding.neighbours import mutual_pairs


def test_shifts_solve_the_ridge_regression():
    rng = np.random.default_rng(0)
    x, r = rng.normal(size=(40, 3)), rng.random((40, 2))
    batch = np.arange(40) % 3
    onehot, share = np.eye(3)[batch], np.full(3, 1 / 3)
    shifts, means = _shifts(x, r, onehot, share, 0.2)
    for k in range(2):
        w = r[:, k]
        penalty = np.diag([0.0, *(0.2 * w.sum() * share + 1e-6)])
        design = np.concatenate([np.ones((40, 1)), onehot], axis=1)
        solution = np.linalg.solve(design.T @ (w[:, None] * design) + penalty, design.T @ (w[:, None] * x))
        np.testing.assert_allclose(means[k], solution[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(shifts[k], solution[1:], rtol=1e-4, atol=1e-6)


@pytest.fixture
def shifted():
    """Three separated types in two batches; the second is shifted, and lacks the third type."""
    rng = np.random.default_rng(1)
    centres = 12.0 * np.eye(6)[:3]
    kind = np.concatenate([rng.integers(0, 3, 300), rng.integers(0, 2, 300)])
    batch = np.repeat([0, 1], 300)
    x = centres[kind] + rng.normal(size=(600, 6)) + np.where(batch == 1, 3.0, 0.0)[:, None] * np.eye(6)[5]
    return x.astype(np.float32), batch, kind


def test_batches_meet_type_by_type_and_a_missing_type_stays(shifted):
    x, batch, kind = shifted
    aligned = Alignment.fit(x, batch, stream=Stream(0), diversity=1.0)(x, batch)
    for k in (0, 1):
        gap = aligned[(kind == k) & (batch == 0)].mean(axis=0) - aligned[(kind == k) & (batch == 1)].mean(axis=0)
        assert np.linalg.norm(gap) < 0.8  # was 3
    alone = kind == 2
    assert np.linalg.norm((aligned - x)[alone].mean(axis=0)) < 0.5


def test_without_a_batch_effect_nothing_moves_much():
    x = np.random.default_rng(2).normal(size=(500, 5)).astype(np.float32)
    aligned = Alignment.fit(x, np.arange(500) % 2, stream=Stream(0), diversity=1.0)(x, np.arange(500) % 2)
    assert np.linalg.norm(aligned - x) < 0.2 * np.linalg.norm(x)


def test_a_new_batch_joins_the_reference_which_stays(shifted):
    x, batch, kind = shifted
    reference = Alignment.fit(x, batch, stream=Stream(0))
    new = x[batch == 0] + 5.0 * np.eye(6, dtype=np.float32)[4]
    joined = reference.extend(new, np.zeros(300, int))(new, np.zeros(300, int))
    before = reference(x, batch)
    for k in range(3):
        gap = joined[kind[:300] == k].mean(axis=0) - before[kind == k].mean(axis=0)
        assert np.linalg.norm(gap) < 1.0  # was 5


def test_equal_seeds_give_equal_alignments(shifted):
    x, batch, _ = shifted
    a, b = (Alignment.fit(x, batch, stream=Stream(3)) for _ in range(2))
    assert (a.shifts == b.shifts).all()


def test_a_round_of_refinement_is_the_least_squares_solution_over_mutual_pairs():
    rng = np.random.default_rng(3)
    batch = np.arange(90) % 3
    x = rng.normal(size=(90, 2)).astype(np.float32)
    before = Alignment.fit(x, batch, stream=Stream(0), clusters=2, rounds=1)
    after = before.refined(x, batch, stream=Stream(0), pairs=4, ridge=2.0, rounds=1)
    aligned = before(x, batch)
    r = before.membership(aligned)
    for k in range(2):
        rows, gaps, weights = [], [], []
        for _, _, first, second in mutual_pairs(aligned, batch, 4):
            for i, j in zip(first, second, strict=True):
                rows.append(np.eye(3)[batch[i]] - np.eye(3)[batch[j]])
                gaps.append(aligned[i] - aligned[j])
                weights.append(np.sqrt(r[i, k] * r[j, k]) / 4)
        design, weight = np.stack(rows), np.array(weights)[:, None]
        solution = np.linalg.solve(design.T @ (weight * design) + 2.0 * np.eye(3), design.T @ (weight * np.stack(gaps)))
        np.testing.assert_allclose(after.shifts[k] - before.shifts[k], solution, rtol=1e-3, atol=1e-5)


def test_mutual_neighbours_undo_the_pull_of_a_similar_type_that_a_batch_lacks():
    rng = np.random.default_rng(4)
    kind = np.repeat([0, 1, 0], [300, 100, 200])  # batch 1 has the first type alone
    batch = np.repeat([0, 1], [400, 200])
    x = rng.normal(size=(600, 5)).astype(np.float32)
    x[:, 0] += 20.0 + 5.0 * kind
    x[:, 1] += 1.5 * batch
    one = np.ones((600, 1), np.float32)
    pulled = Alignment.fit(x, batch, stream=Stream(0), membership=one)

    def off(alignment):
        aligned = alignment(x, batch)
        return np.abs(aligned[batch == 1].mean(axis=0) - aligned[(batch == 0) & (kind == 0)].mean(axis=0))

    refined = pulled.refined(x, batch, stream=Stream(0), rounds=10)
    assert off(pulled)[0] > 1.1 and off(refined)[0] < 0.5 and off(refined)[1] < 0.5


def test_cells_of_two_known_types_are_no_pair():
    rng = np.random.default_rng(5)
    batch = np.repeat([0, 1], 100)
    x = rng.normal(size=(200, 3)).astype(np.float32) + batch[:, None].astype(np.float32)
    before = Alignment.fit(x, batch, stream=Stream(0), clusters=2, rounds=1)
    apart = before.refined(x, batch, stream=Stream(0), labels=batch)
    np.testing.assert_array_equal(apart.shifts, before.shifts)
    unknown = before.refined(x, batch, stream=Stream(0), labels=np.full(200, -1))
    np.testing.assert_array_equal(unknown.shifts, before.refined(x, batch, stream=Stream(0)).shifts)
    assert np.abs(unknown.shifts - before.shifts).max() > 0.01


def test_a_batch_effect_larger_than_the_differences_of_types_is_undone_from_the_common_shift():
    rng = np.random.default_rng(6)
    kind, batch = rng.integers(0, 3, 600), np.arange(600) % 2
    x = (5.0 * np.eye(6)[kind] + 0.5 * rng.normal(size=(600, 6))).astype(np.float32)
    x[batch == 1, 5] += 20.0
    start = Alignment.common(x, batch, stream=Stream(0))
    np.testing.assert_allclose(start[1] - start[0], 20.0 * np.eye(6)[5], atol=1.0)
    aligned = Alignment.fit(x, batch, stream=Stream(0), start=start)(x, batch)
    without = Alignment.fit(x, batch, stream=Stream(0))(x, batch)

    def gap(z, k):
        return np.linalg.norm(z[(kind == k) & (batch == 0)].mean(axis=0) - z[(kind == k) & (batch == 1)].mean(axis=0))

    assert max(gap(aligned, k) for k in range(3)) < 0.5 < 0.9 < max(gap(without, k) for k in range(3))


def test_types_of_which_each_batch_lacks_the_other_are_not_placed_upon_each_other():
    rng = np.random.default_rng(7)
    batch = np.repeat([0, 1], 400)
    kind = np.concatenate([rng.integers(0, 3, 400), np.array([0, 1, 3])[rng.integers(0, 3, 400)]])
    x = (8.0 * np.eye(8)[kind] + rng.normal(size=(800, 8))).astype(np.float32)
    before = Alignment.fit(x, batch, stream=Stream(0), diversity=0.0)
    aligned = before.refined(x, batch, stream=Stream(0))(x, batch)
    far = np.linalg.norm(aligned[kind == 2].mean(axis=0) - aligned[kind == 3].mean(axis=0))
    assert far > 0.8 * 8.0 * np.sqrt(2.0)
