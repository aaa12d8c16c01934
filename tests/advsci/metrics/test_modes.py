"""Mode counts on mixtures whose answer is known."""

import math

import pytest
import torch

from advsci.errors import DataError, ShapeError
from advsci.metrics import histogram_modes, mode_counts
from advsci.streams import Stream

GRID = torch.cartesian_prod(torch.arange(-4.0, 5, 2), torch.arange(-4.0, 5, 2)).double()


def mixture(n: int, weights: torch.Tensor, sigma: float = 0.05) -> torch.Tensor:
    s = Stream(21)
    which = torch.searchsorted(weights.cumsum(0) / weights.sum(), s.at("mode").uniform((n,), dtype=torch.float64))
    return GRID[which.clamp(max=24)] + sigma * s.at("x").normal((n, 2), dtype=torch.float64)


def test_real_data_reach_the_ceiling():
    result = mode_counts(mixture(50_000, torch.ones(25).double()), GRID, 0.05)
    assert result.ceiling == pytest.approx(1 - math.exp(-4.5), rel=1e-12)
    assert float(result.high_quality) == pytest.approx(result.ceiling, abs=4 * math.sqrt(0.011 / 50_000))
    assert int(result.found) == result.total == 25 and float(result.reverse_kl) < 25 / 50_000


def test_half_of_the_modes_cost_log_two():
    kept = torch.zeros(25, dtype=torch.float64)
    kept[:5] = 1.0
    result = mode_counts(mixture(20_000, kept), GRID, 0.05)
    assert int(result.found) == 5 and float(result.reverse_kl) == pytest.approx(math.log(5), abs=2e-3)
    assert float(mode_counts(mixture(20_000, kept), GRID, 0.05, weights=kept + 1e-9).reverse_kl) < 1e-3


def test_samples_between_modes_are_not_of_quality():
    result = mode_counts(GRID + 1.0, GRID, 0.05)
    assert int(result.found) == 0 and float(result.high_quality) == 0.0 and float(result.reverse_kl) == math.inf


def test_each_mode_has_its_own_width():
    means = torch.tensor([[0.0], [10.0]]).double()
    sigma = torch.tensor([0.1, 2.0]).double()
    result = mode_counts(torch.tensor([[0.2], [0.5], [6.0], [14.0]]).double(), means, sigma)
    assert result.counts.tolist() == [1, 2]  # 0.5 is 5 sigma from the first and 4.75 from the second


def test_classified_modes():
    found, kl = histogram_modes(torch.tensor([0, 0, 3, 3]), 1000)
    assert int(found) == 2 and float(kl) == pytest.approx(math.log(500), rel=1e-12)
    found, kl = histogram_modes(torch.tensor([0, 0, 0, 1]), 3, weights=torch.tensor([1.0, 3.0, 4.0]))
    assert int(found) == 2
    assert float(kl) == pytest.approx(0.75 * math.log(0.75 / 0.125) + 0.25 * math.log(0.25 / 0.375), rel=1e-12)
    for wrong in (torch.tensor([0.0]), torch.tensor([0, 3]), torch.tensor([-1, 0])):
        with pytest.raises(DataError, match="whole numbers of 0 to 2"):
            histogram_modes(wrong, 3)
    with pytest.raises(ShapeError, match="one per mode"):
        histogram_modes(torch.tensor([0]), 3, weights=torch.ones(2))
