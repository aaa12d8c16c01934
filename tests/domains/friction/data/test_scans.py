"""Scans as they come from instruments."""

import numpy as np
import pytest
import torch

from advsci.errors import DataError, UnitError
from advsci_friction.data.scans import fill_undefined, read_scan, remove_plane

F64 = torch.float64


def test_scans(tmp_path):
    rng = np.random.default_rng(0)
    h = rng.normal(size=(24, 32)) * 1e-9
    np.savez(tmp_path / "a.npz", heights=h, size=np.array([1e-6, 2e-6]))
    scan = read_scan(tmp_path / "a.npz")
    assert scan.size == (1e-6, 2e-6) and np.array_equal(scan.heights, h)
    tilted = h + np.add.outer(np.arange(24), 2.0 * np.arange(32)) * 1e-9
    assert np.allclose(remove_plane(tilted), remove_plane(h))
    broken = h.copy()
    broken[3:6, 4:8] = np.nan
    np.savez(tmp_path / "b.npz", heights=broken, size=np.array([1e-6, 2e-6]))
    with pytest.raises(DataError, match="12 undefined pixels"):
        read_scan(tmp_path / "b.npz")
    filled = read_scan(tmp_path / "b.npz", fill=True).heights
    assert np.isfinite(filled).all() and np.array_equal(filled[~np.isnan(broken)], h[~np.isnan(broken)])
    assert np.array_equal(fill_undefined(np.where(np.isnan(broken), np.nan, 7.0)), np.full((24, 32), 7.0))
    np.savez(tmp_path / "c.npz", heights=h)
    with pytest.raises(UnitError, match="size"):
        read_scan(tmp_path / "c.npz")
    with pytest.raises(DataError, match="does not exist"):
        read_scan(tmp_path / "d.npz")
