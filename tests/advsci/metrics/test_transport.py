"""Wasserstein distances against POT, scipy and closed forms."""

import math

import numpy as np
import ot
import pytest
import torch
from scipy.stats import wasserstein_distance

from advsci.errors import ConfigError, ConvergenceError, ShapeError
from advsci.metrics import (
    directions,
    distances,
    exact_transport,
    sinkhorn_divergence,
    sliced_wasserstein,
    wasserstein_1d,
)
from advsci.streams import Stream


def sets(n: int, m: int, d: int) -> tuple[torch.Tensor, torch.Tensor]:
    s = Stream(13).at("transport", n, m, d)
    return s.at("x").normal((n, d), dtype=torch.float64), 1.5 * s.at("y").normal((m, d), dtype=torch.float64) + 0.7


@pytest.mark.parametrize("n,m", [(50, 50), (40, 63), (1, 7)])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_line_equals_pot_and_scipy(n, m, p):
    x, y = sets(n, m, 1)
    ours = float(wasserstein_1d(x[:, 0], y[:, 0], p))
    assert ours == pytest.approx(float(ot.wasserstein_1d(x.numpy(), y.numpy(), p=p)[0]) ** (1 / p), rel=1e-9)
    if p == 1.0:
        assert ours == pytest.approx(wasserstein_distance(x[:, 0].numpy(), y[:, 0].numpy()), rel=1e-9)


def test_weights_on_the_line():
    x, y = sets(20, 33, 2)
    s = Stream(14)
    a, b = s.at("a").uniform((20,), dtype=torch.float64), s.at("b").uniform((33,), dtype=torch.float64)
    ours = wasserstein_1d(x, y, 1.0, a, b)
    for i in range(2):
        reference = wasserstein_distance(x[:, i].numpy(), y[:, i].numpy(), a.numpy(), b.numpy())
        assert float(ours[i]) == pytest.approx(reference, rel=1e-9)


def test_shift_of_a_set_is_its_distance_in_every_order():
    x, _ = sets(30, 30, 1)
    for p in (1.0, 2.0, 5.0):
        assert float(wasserstein_1d(x[:, 0], x[:, 0] - 1.3, p)) == pytest.approx(1.3, rel=1e-9)


def test_line_gradient_is_that_of_the_matching():
    x, y = sets(6, 9, 1)
    x.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: wasserstein_1d(z, y, 2.0), (x,))


def test_sliced_equals_pot_on_the_same_lines(monkeypatch):
    x, y = sets(40, 55, 5)
    lines = directions(70, 5, Stream(1))
    torch.testing.assert_close(lines.norm(dim=0), torch.ones(70, dtype=torch.float64))
    reference = ot.sliced_wasserstein_distance(x.numpy(), y.numpy(), projections=lines.numpy(), p=2)
    for chunk in (1, 32, 100):
        assert float(sliced_wasserstein(x, y, lines, chunk=chunk)) == pytest.approx(float(reference), rel=1e-9)


def test_sliced_of_a_shift_is_the_shift_over_root_d():
    x, _ = sets(20, 20, 3)
    value = sliced_wasserstein(x, x + torch.tensor([2.0, 0.0, 0.0]).double(), directions(20_000, 3, Stream(2)))
    assert float(value) == pytest.approx(2.0 / math.sqrt(3.0), rel=0.02)


@pytest.mark.parametrize("p", [1.0, 2.0])
@pytest.mark.parametrize("n,m", [(40, 40), (30, 47)])
def test_exact_equals_pot(n, m, p):
    x, y = sets(n, m, 3)
    cost = ot.dist(x.numpy(), y.numpy(), metric="euclidean") ** p
    reference = float(ot.emd2(np.full(n, 1 / n), np.full(m, 1 / m), cost)) ** (1 / p)
    assert float(exact_transport(x, y, p)) == pytest.approx(reference, rel=1e-9)


def entropic(x: np.ndarray, y: np.ndarray, epsilon: float) -> float:
    cost = ot.dist(x, y)
    a, b = np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y))
    plan = np.asarray(ot.sinkhorn(a, b, cost, epsilon, method="sinkhorn_log", stopThr=1e-9, numItermax=3000))
    relative = np.where(plan > 0, plan * np.log(np.maximum(plan, 1e-300) / np.outer(a, b)), 0.0)
    return float((plan * cost).sum() + epsilon * relative.sum())


@pytest.mark.parametrize("block", [200, 4_000_000])
def test_sinkhorn_divergence_equals_pot(block, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK_ELEMENTS", block)
    x, y = sets(25, 30, 2)
    blur = 1.0
    a, b = x.numpy(), y.numpy()
    reference = entropic(a, b, blur**2) - 0.5 * entropic(a, a, blur**2) - 0.5 * entropic(b, b, blur**2)
    assert float(sinkhorn_divergence(x, y, blur)) == pytest.approx(reference, rel=1e-6)


def test_sinkhorn_goes_from_the_means_to_exact_transport():
    x, y = sets(30, 30, 2)
    wide = float(sinkhorn_divergence(x, y, 100.0, tolerance=1e-12))
    assert wide == pytest.approx(float((x.mean(0) - y.mean(0)).square().sum()), rel=1e-3)
    narrow = float(sinkhorn_divergence(x, y, 0.1, tolerance=1e-5))
    assert narrow == pytest.approx(float(exact_transport(x, y)) ** 2, rel=0.02)
    assert abs(float(sinkhorn_divergence(x, x.clone(), 0.5))) < 1e-7


def test_errors_say_what_to_change():
    x, y = sets(10, 12, 2)
    with pytest.raises(ConvergenceError, match="larger blur"):
        sinkhorn_divergence(x, y, 0.05, iterations=3)
    with pytest.raises(ConfigError, match="blur"):
        sinkhorn_divergence(x, y, 0.0)
    with pytest.raises(ConfigError, match="p >= 1"):
        wasserstein_1d(x[:, 0], y[:, 0], 0.5)
    with pytest.raises(ShapeError, match="one per sample"):
        wasserstein_1d(x[:, 0], y[:, 0], 1.0, torch.ones(3))
