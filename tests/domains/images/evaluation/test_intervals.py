"""Means over seeds: a seed that failed makes the mean undefined, and is said."""

import math

import pytest

from advsci_images.commands.augment import verdict
from advsci_images.evaluation.intervals import gain, mean_of


def test_the_interval_is_students():
    found = mean_of([0.5, 0.6, 0.7])
    assert found.value == pytest.approx(0.6) and found.half == pytest.approx(4.302653 * 0.1 / math.sqrt(3), rel=1e-5)


@pytest.mark.parametrize("values", [[math.nan], [0.5, math.nan], [math.inf, 0.2, 0.3]])
def test_values_that_are_not_finite_have_no_mean(values):
    assert math.isnan(mean_of(values).value) and str(mean_of(values)) == "undefined"
    assert str(gain(values, [0.1] * len(values))) == "undefined"


def test_a_remedy_that_failed_is_not_recommended_and_a_generator_that_failed_is_not_judged():
    others = {"nothing": [math.nan, 0.2], "SMOTE": [0.5, 0.52]}
    assert "against SMOTE" in verdict(others | {"GAN": [0.9, 0.91]})
    assert "not known" in verdict(others | {"GAN": [0.9, math.nan]})
    assert "not known" in verdict({"nothing": [math.nan], "GAN": [0.9]})
