"""Intrinsic dimensions of manifolds whose dimension is known."""

import numpy as np
import pytest
import torch

from advsci.errors import ConfigError, DataError
from advsci.metrics import likelihood_dimension, two_neighbour_dimension
from advsci.streams import Stream

N = 3000


def manifold(name: str) -> torch.Tensor:
    """Samples of a manifold, bent or turned into 20 coordinates."""
    s = Stream(3).at(name)
    turn = torch.linalg.qr(s.at("turn").normal((20, 20), dtype=torch.float64))[0]
    if name.startswith("cube"):
        flat = s.uniform((N, int(name[4:])), dtype=torch.float64)
    elif name.startswith("normal"):
        flat = s.normal((N, int(name[6:])), dtype=torch.float64)
    elif name == "circle":
        angle = 2 * torch.pi * s.uniform((N, 1), dtype=torch.float64)
        flat = torch.cat([angle.cos(), angle.sin()], 1)
    elif name == "sphere":
        flat = torch.nn.functional.normalize(s.normal((N, 3), dtype=torch.float64), dim=1)
    else:  # a Swiss roll
        u = s.uniform((N, 2), dtype=torch.float64)
        angle = 1.5 * torch.pi * (1 + 2 * u[:, 0])
        flat = torch.stack([angle * angle.cos(), 20 * u[:, 1], angle * angle.sin()], 1)
    return flat @ turn[: flat.shape[1]]


@pytest.mark.parametrize(
    ("name", "d"), [("cube1", 1), ("cube2", 2), ("cube5", 5), ("normal3", 3), ("circle", 1), ("sphere", 2), ("roll", 2)]
)
@pytest.mark.parametrize("estimate", [two_neighbour_dimension, likelihood_dimension])
def test_known_dimensions_are_found(estimate, name, d):
    value, error = estimate(manifold(name))
    assert float(value) == pytest.approx(d, rel=0.12)
    assert 0 < float(error) < 0.05 * d


def test_ratios_follow_the_law_from_which_the_estimate_comes():
    """On a line the exponent is 1 exactly: the estimate lies within three of its standard errors."""
    value, error = two_neighbour_dimension(manifold("circle"))
    assert abs(float(value) - 1) < 3 * float(error)


def test_estimates_and_errors_are_those_of_the_formulas_on_few_points():
    x = Stream(5).normal((10, 3), dtype=torch.float64)
    distance = np.sort(np.linalg.norm(x.numpy()[:, None] - x.numpy(), axis=2), axis=1)[:, 1:]
    value, error = two_neighbour_dimension(x)
    assert float(value) == pytest.approx(9 / np.log(distance[:, 1] / distance[:, 0]).sum())
    assert float(error) == pytest.approx(float(value) / 10**0.5)
    inverse = np.log(distance[:, 2:3] / distance[:, :2]).mean(1)
    value, error = likelihood_dimension(x, 3)
    assert float(value) == pytest.approx(1 / inverse.mean())
    assert float(error) == pytest.approx(float(value) ** 2 * inverse.std(ddof=1) / 10**0.5)
    for estimate, points in ((two_neighbour_dimension, x[:9]), (likelihood_dimension, x)):
        with pytest.raises(DataError, match=f"at least {len(points) + 1}"):
            estimate(points)
    assert likelihood_dimension(torch.cat([x, 1 - x[:1]]), 10).value > 0


def test_noise_is_seen_by_two_neighbours_and_not_by_many():
    x = manifold("circle")
    noisy = x + 1e-3 * Stream(4).normal(tuple(x.shape), dtype=torch.float64)
    assert float(two_neighbour_dimension(noisy).value) > 1.5 > float(likelihood_dimension(noisy, 100).value)


def test_scale_shift_and_copies_change_nothing():
    x = manifold("cube2")[:500]
    value = float(two_neighbour_dimension(x).value)
    assert float(two_neighbour_dimension(torch.cat([1e3 * x + 5, 1e3 * x + 5])).value) == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize("estimate", [two_neighbour_dimension, likelihood_dimension])
def test_what_cannot_be_estimated_is_named(estimate):
    with pytest.raises(DataError, match="distinct samples"):
        estimate(torch.zeros(100, 2))
    with pytest.raises(ConfigError, match="at least 3"):
        likelihood_dimension(torch.rand(100, 2), 2)
