"""MMD and KID: brute force, torchmetrics, the closed form of two Gaussians, and the error bar's coverage."""

import math

import pytest
import torch

from advsci.errors import ConfigError
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
