"""Metrics against hand counts, nulls that keep what they claim."""

import numpy as np
import pytest
import torch

from advsci_circuits.evaluation import (
    NULLS,
    describe,
    discrepancy,
    mmd_squared,
    null_sample,
    random_features,
    ratios,
    vun,
)
from advsci_circuits.evaluation.descriptors import clustering, magnetic_spectrum, self_loops, signed_triads
from advsci_circuits.graphs import CircuitBatch, canonical_keys


def graphs(count: int, seed: int, positive: float = 0.5) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    edges = rng.random((count, 5, 5)) < 0.35
    return list(np.where(edges, np.where(rng.random(edges.shape) < positive, 1, -1), 0).astype(np.int8))


def test_descriptors_ignore_gene_order():
    rng = np.random.default_rng(0)
    some = graphs(20, 0)
    shuffled = [g[np.ix_(p, p)] for g, p in ((g, rng.permutation(5)) for g in some)]
    for name, value in describe(some).items():
        assert np.allclose(value, describe(shuffled)[name]), name


def test_hand_counts():
    triangle = np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]])
    assert clustering(triangle)[-1] == 3
    assert self_loops(np.diag([1, -1, 0])).tolist() == [1, 1, 1]
    assert signed_triads(triangle).sum() == 1
    assert (signed_triads(triangle) == signed_triads(triangle[::-1, ::-1])).all()
    assert (signed_triads(triangle) != signed_triads(np.abs(triangle))).any()
    # a directed cycle of four, a quarter turn an edge: flux one full turn, so the spectrum of the undirected cycle
    cycle = np.roll(np.eye(4), 1, 0)
    assert magnetic_spectrum(cycle).sum() == 4


def test_nulls_keep_what_they_claim():
    some = graphs(30, 1)
    for name in NULLS:
        for real, null in zip(some, null_sample(name, some), strict=True):
            assert (real > 0).sum() == (null > 0).sum() and (real < 0).sum() == (null < 0).sum()
            if name != "Erdos-Renyi":
                assert ((real != 0).sum(1) == (null != 0).sum(1)).all()
                assert ((real != 0).sum(0) == (null != 0).sum(0)).all()
            if name == "shuffled signs":
                assert ((real != 0) == (null != 0)).all()


def test_discrepancy_sees_signs_and_not_noise():
    same = discrepancy(describe(graphs(200, 0)), describe(graphs(200, 1)))
    other = discrepancy(describe(graphs(200, 0)), describe(graphs(200, 1, positive=0.8)))
    assert same.low <= 0.1 and same.value < 0.25 < other.low < other.high <= 1
    sample = describe(graphs(50, 0))
    assert mmd_squared(sample["in-degree"], sample["in-degree"]) == pytest.approx(0, abs=1e-12)
    assert ratios(sample, sample, describe(graphs(50, 3)))["signed triads"] == pytest.approx(1)


def test_the_kernel_is_positive_definite_where_the_gaussian_is_not():
    x = np.random.default_rng(0).dirichlet(np.full(4, 0.3), 12)
    distance = np.abs(x[:, None] - x[None]).sum(2) / 2
    assert np.linalg.eigvalsh(np.exp(-(distance**2) / 2)).min() < -0.01 < np.linalg.eigvalsh(np.exp(-distance)).min()
    kernel = np.exp(-distance)
    blocks = kernel[:5, :5].mean() + kernel[5:, 5:].mean() - 2 * kernel[:5, 5:].mean()
    assert mmd_squared(x[:5], x[5:]) == pytest.approx(blocks) and blocks > 0


def test_vun_counts_classes():
    ring = np.roll(np.eye(3), 1, 0)
    sample = CircuitBatch.of([ring, ring.T, -ring, np.zeros((3, 3))])  # the transposed ring is isomorphic
    score = vun(sample, set(canonical_keys([-ring])))
    assert score.valid == 0.75 and score.unique == 0.75 and score.together == 0.25


def test_random_features_are_invariant_and_fixed():
    some = graphs(10, 0)
    a = random_features(CircuitBatch.of(some))
    assert torch.allclose(a, random_features(CircuitBatch.of([g[::-1, ::-1] for g in some])), atol=1e-4)
    assert torch.allclose(a, random_features(CircuitBatch.of(some)))
