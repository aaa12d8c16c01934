"""MMD and KID: brute force, torchmetrics, the closed form of two Gaussians, and the error bar's coverage."""

import math

import numpy as np
import pytest
import torch

from advsci.errors import ConfigError, DataError
from advsci.metrics import distances, gaussian, kid, kid_subsets, median_distance, mmd, polynomial, rational_quadratic
from advsci.streams import Stream


def sets(n: int, m: int, d: int, shift: float = 0.5) -> tuple[torch.Tensor, torch.Tensor]:
    s = Stream(11).at("mmd", n, m, d)
    return s.at("x").normal((n, d), dtype=torch.float64), s.at("y").normal((m, d), dtype=torch.float64) + shift


@pytest.mark.parametrize("kernel", [polynomial(), gaussian(1.3), gaussian([0.5, 2.0]), rational_quadratic()])
def test_blocks_equal_the_double_sum(kernel, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK_ELEMENTS", 300)
    x, y = sets(40, 55, 3)
    xx, yy, xy = kernel(x, x), kernel(y, y), kernel(x, y)
    exact = (xx.sum() - xx.trace()) / (40 * 39) + (yy.sum() - yy.trace()) / (55 * 54) - 2 * xy.mean()
    assert float(mmd(x, y, kernel).value) == pytest.approx(float(exact), rel=1e-10)


def test_kid_equals_torchmetrics():
    reference = pytest.importorskip("torchmetrics.image.kid").poly_mmd
    x, y = sets(100, 100, 16)
    assert float(kid(x, y).value) == pytest.approx(float(reference(x, y)), rel=1e-9)
    whole = kid_subsets(x, y, subsets=2, size=100, stream=Stream(0))
    assert float(whole.value) == pytest.approx(float(reference(x, y)), rel=1e-9)  # a subset of all is all
    assert float(whole.error) < 1e-12


def exact_squared_mmd(shift: float, sigma: float) -> float:
    """Of N(0, 1) and N(shift, 1) under a Gaussian kernel, from E exp(-(x-y)^2 / 2 s^2) with x - y ~ N(shift, 2)."""
    width = sigma**2 + 2.0
    return 2.0 * sigma / math.sqrt(width) * (1.0 - math.exp(-(shift**2) / (2.0 * width)))


def test_unbiased_and_its_error_bar_covers_the_closed_form():
    exact, inside, values = exact_squared_mmd(0.8, 1.0), 0, []
    for i in range(60):
        s = Stream(100 + i)
        x = s.at("x").normal((300, 1), dtype=torch.float64)
        y = s.at("y").normal((200, 1), dtype=torch.float64) + 0.8
        value, error = mmd(x, y, gaussian(1.0))
        values.append(float(value))
        inside += abs(float(value) - exact) < 1.96 * float(error)
    spread = torch.tensor(values).std().item()
    assert abs(sum(values) / 60 - exact) < 4 * spread / math.sqrt(60)
    assert inside >= 50  # 57 expected; below 50 with probability 0.2 % were the bar right


def test_median_distance_is_the_median():
    x, y = sets(30, 31, 2)
    pooled = torch.cat([x, y])
    assert float(median_distance(x, y)) == pytest.approx(float(torch.pdist(pooled).median()), rel=1e-9)


def test_default_kernel_does_not_see_where_the_origin_is():
    x, y = sets(50, 60, 4)
    assert float(mmd(x, y).value) == pytest.approx(float(mmd(x + 1e4, y + 1e4).value), rel=1e-6)


def test_subset_size_is_checked():
    x, y = sets(30, 30, 2)
    with pytest.raises(ConfigError, match="subsets of 31"):
        kid_subsets(x, y, size=31, stream=Stream(0))


def test_kernels_are_their_formulas():
    x, y = (s.numpy() for s in sets(5, 7, 3))
    dot, square = x @ y.T, np.square(x[:, None] - y[None]).sum(2)
    exact = {
        polynomial(2, 0.3, 0.5): (0.3 * dot + 0.5) ** 2,
        polynomial(): (dot / 3 + 1) ** 3,
        gaussian(1.3): np.exp(-square / (2 * 1.3**2)),
        gaussian([0.5, 2.0]): (np.exp(-square / 0.5) + np.exp(-square / 8)) / 2,
        rational_quadratic((0.5, 3.0), 1.7): ((1 + square / 1.7**2) ** -0.5 + (1 + square / 6 / 1.7**2) ** -3) / 2,
    }
    for kernel, values in exact.items():
        assert np.allclose(kernel(torch.tensor(x), torch.tensor(y)), values, rtol=1e-12)


def test_two_points_far_from_the_origin_are_told_apart_and_two_sets_there_refused():
    """KID of two point masses: k(a, a) - 2 k(a, b) + k(b, b); of one distribution far away only rounding is left."""
    a, b = (torch.full((n, 1), at, dtype=torch.float64) for n, at in ((4, 1e3), (6, 2e3)))
    exact = (1e6 + 1) ** 3 - 2 * (2e6 + 1) ** 3 + (4e6 + 1) ** 3
    assert float(kid(a, b).value) == pytest.approx(exact, rel=1e-10)
    with pytest.raises(DataError, match="cancel"):
        kid(a, a + torch.linspace(0.0, 1e-8, 4)[:, None])
