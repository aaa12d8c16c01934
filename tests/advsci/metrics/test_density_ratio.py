"""The calibrated discriminator against Gaussians, where ratio, sample size and corrected samples are known."""

import math

import numpy as np
import pytest
import torch

from advsci.errors import DataError
from advsci.metrics import (
    DensityRatio,
    best_of,
    calibrate,
    effective_sample_size,
    metropolis_hastings,
    rejection,
    resample,
)
from advsci.streams import Stream

WIDTH = 1.5  # the sampler's standard deviation; the data are standard normal


def sampler(n, stream):
    return WIDTH * stream.normal((n, 1), dtype=torch.float64)


def log_ratio(x):
    """log p/q of N(0, 1) over N(0, WIDTH^2)."""
    return (math.log(WIDTH) - 0.5 * x.square() * (1.0 - WIDTH**-2))[:, 0]


def test_calibration_finds_the_scale_and_the_constant_that_a_training_left_open():
    real, fake = Stream(0).at("r").normal((50_000, 1), dtype=torch.float64), sampler(25_000, Stream(1))
    found = calibrate((log_ratio(real) - 0.7) / 2.5, (log_ratio(fake) - 0.7) / 2.5)
    assert found.slope == pytest.approx(2.5, abs=3.0 * found.slope_error) and found.slope_error < 0.1
    assert found.offset == pytest.approx(0.7, abs=0.1) and found.informative


def test_logits_without_information_are_said_to_have_none():
    a, b = Stream(0).at("a").normal((2000,)), Stream(0).at("b").normal((2000,))
    with pytest.warns(UserWarning, match="0 within its error"):
        assert not calibrate(a, b).informative
    with pytest.raises(DataError, match="finite"):
        calibrate(torch.full((20,), math.nan), b)


@pytest.mark.parametrize("gap", [0.0, 2.0])
def test_calibration_is_the_maximum_of_the_likelihood_with_a_small_ridge(gap):
    """Logits that overlap, and logits that separate the sets: there the ridge of 1e-3 on the standardised slope keeps
    the fit finite.
    """
    real, fake = torch.linspace(0.1, 1.0, 50).double() + gap, torch.linspace(-0.5, 0.5, 20).double()
    found = calibrate(real, fake)
    a, target = np.r_[real.numpy(), fake.numpy()], np.repeat([1.0, 0.0], [50, 20])
    centre, scale = a.mean(), a.std(ddof=1)
    p = 1.0 / (1.0 + np.exp(-(found.slope * a + found.offset + np.log(50 / 20))))
    assert (p - target).sum() == pytest.approx(0.0, abs=1e-7)
    gradient = (p - target) @ (a - centre) / scale + 1e-3 * found.slope * scale
    assert gradient == pytest.approx(0.0, abs=1e-7)
    # the slope's error is that of Fisher's information, with the ridge
    points, ridge = np.stack([a - centre, np.ones_like(a)]), np.diag([1e-3 * scale**2, 0.0])
    covariance = np.linalg.inv((points * p * (1.0 - p)) @ points.T + ridge)
    assert found.slope_error == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-5)


@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_calibration_does_not_see_the_units_or_the_origin_of_logits(unit):
    real, fake = torch.linspace(-1.0, 2.0, 40).double(), torch.linspace(-2.0, 1.0, 30).double()
    one, other = calibrate(real, fake), calibrate(unit * (real + 3.0), unit * (fake + 3.0))
    assert other.slope * unit == pytest.approx(one.slope, rel=1e-9)
    assert other.offset + 3.0 * one.slope == pytest.approx(one.offset, abs=1e-9)


def test_a_ratio_is_linear_in_the_logits_and_informative_beyond_two_errors():
    assert torch.equal(DensityRatio(2.0, 0.5, 0.1)(torch.tensor([-1.0, 0.0, 3.0])), torch.tensor([-1.5, 0.5, 6.5]))
    assert DensityRatio(2.0, 0.0, 0.9).informative and not DensityRatio(2.0, 0.0, 1.1).informative


def test_ten_logits_of_each_are_enough():
    some = torch.linspace(-1.0, 1.0, 10)
    assert calibrate(some + 1.0, some).slope > 0.0
    for real, fake in ((some[:9], some), (some, some[:9])):
        with pytest.raises(DataError, match="at least 10"):
            calibrate(real, fake)


def test_effective_sample_size_of_gaussian_weights():
    x = sampler(200_000, Stream(3))
    exact = math.sqrt(2.0 * WIDTH**2 - 1.0) / WIDTH**2
    assert float(effective_sample_size(log_ratio(x))) / len(x) == pytest.approx(exact, rel=0.01)


def corrected():
    many = sampler(200_000, Stream(4))
    return {
        "rejection": rejection(sampler, log_ratio, 20_000, Stream(5)),
        "metropolis": metropolis_hastings(sampler, log_ratio, 20_000, Stream(6), steps=30),
        "resample": resample(many, log_ratio(many), 20_000, Stream(7)),
    }


def test_corrected_samples_have_the_datas_moments():
    for name, x in corrected().items():
        assert x.shape == (20_000, 1), name
        assert float(x.mean()) == pytest.approx(0.0, abs=0.03), name
        assert float(x.var()) == pytest.approx(1.0, abs=0.04), name
        assert float(x.pow(4).mean()) == pytest.approx(3.0, abs=0.25), name


def test_the_best_of_k_is_the_most_realistic():
    x = sampler(12, Stream(8)).reshape(4, 3, 1)
    best = best_of(x, log_ratio(x.reshape(-1, 1)).reshape(4, 3))
    assert torch.equal(best[:, 0].abs(), x[:, :, 0].abs().amin(1))


def test_a_sampler_too_far_from_the_data_is_said_to_be():
    with pytest.raises(DataError, match="expected enough"):
        rejection(sampler, lambda x: torch.where(x[:, 0] > 3.5, 50.0, -50.0), 1000, Stream(0), rounds=2)
