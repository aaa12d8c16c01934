"""Crops of scans: periodic, level, of one resolution."""

import numpy as np
import pytest

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_friction.data.crops import crops, periodic_part
from advsci_friction.data.scans import Scan


def test_crops_are_level_and_their_edges_meet():
    y, x = np.mgrid[:60, :80]
    h = 1e-9 * (0.3 * x + 0.2 * y + np.sin(x / 5.0) * np.cos(y / 7.0))
    found, cell = crops([Scan(h, (0.6e-6, 0.8e-6))], 5, Stream(0), 32)
    assert found.shape == (5, 32, 32) and cell == pytest.approx(0.32e-6)
    inner = np.abs(np.diff(found, axis=1)).mean()
    assert np.abs(found[:, 0] - found[:, -1]).mean() < 2.0 * inner
    with pytest.raises(DataError, match="at least 64 x 64"):
        crops([Scan(h, (0.6e-6, 0.8e-6))], 2, Stream(0), 64)
    with pytest.raises(DataError, match="one size"):
        crops([Scan(h, (0.6e-6, 0.8e-6)), Scan(h, (1.2e-6, 1.6e-6))], 2, Stream(0), 32)


def test_a_periodic_map_is_hardly_changed():
    x = 2.0 * np.pi * np.arange(64) / 64
    h = np.cos(x)[:, None] * np.cos(2.0 * x)[None, :]
    assert np.abs(periodic_part(h) - h).max() < 0.08
