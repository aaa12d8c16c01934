"""The harmonic fill and the fits."""

import numpy as np
import pytest

from advsci_friction.data.levelling import fill_undefined, flatten


def test_the_fill_is_harmonic_and_keeps_what_was_measured():
    rng = np.random.default_rng(0)
    h = rng.normal(size=(20, 30))
    broken = h.copy()
    broken[4:12, 8:20] = np.nan
    broken[0, :5] = np.nan
    filled = fill_undefined(broken)
    known = np.isfinite(broken)
    assert np.array_equal(filled[known], h[known])
    laplacian = (
        filled[3:11, 8:20] + filled[5:13, 8:20] + filled[4:12, 7:19] + filled[4:12, 9:21] - 4 * filled[4:12, 8:20]
    )
    assert np.abs(laplacian).max() < 1e-12
    rim = np.concatenate([filled[3, 8:20], filled[12, 8:20], filled[4:12, 7], filled[4:12, 20]])
    assert rim.min() <= filled[4:12, 8:20].min() and filled[4:12, 8:20].max() <= rim.max(), "no new extremum"


@pytest.mark.parametrize("how, powers", [("plane", [(0, 1), (1, 0)]), ("parabola", [(0, 1), (1, 1), (2, 0), (0, 2)])])
def test_polynomials_are_removed_whole_and_undefined_pixels_do_not_matter(how, powers):
    y, x = np.mgrid[-1:1:15j, -1:1:21j]
    h = 3.0 + sum((i + 1.0) * x**a * y**b for i, (a, b) in enumerate(powers))
    assert np.abs(flatten(h, how)).max() < 1e-12
    h[3:5, 6:9] = np.nan
    left = flatten(h, how)
    assert np.nanmax(np.abs(left)) < 1e-12 and np.isnan(left).sum() == 6


def test_lines_take_each_lines_median():
    rng = np.random.default_rng(1)
    h = np.tile(rng.normal(size=(1, 40)), (30, 1))
    left = flatten(h + 10.0 * rng.normal(size=(30, 1)), "lines")
    assert np.abs(left - flatten(left, "plane")).max() < 1e-12 and np.ptp(left, axis=0).max() < 1e-12
