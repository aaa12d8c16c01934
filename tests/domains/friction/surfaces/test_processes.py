"""Processes of manufacture: pure functions of the stream, of the stated depth and rule; and maps on other grids."""

import numpy as np
import pytest
import torch

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci_friction.surfaces.process import fourier_resample, rule_broken
from advsci_friction.surfaces.processes import PROCESSES, find_process


@pytest.mark.parametrize("name", list(PROCESSES))
def test_maps_of_a_process(name):
    process = find_process(name)
    maps = process.simulate(3, Stream(0), 48)
    assert maps.shape == (3, 48, 48) and bool(torch.isfinite(maps).all())
    assert torch.equal(maps, process.simulate(3, Stream(0), 48)) and process.source
    assert float(maps.mean((1, 2)).abs().max()) < 1e-3 * process.depth
    span = maps.amax((1, 2)) - maps.amin((1, 2))
    assert bool(((span > 0.3 * process.depth) & (span < 3.0 * process.depth)).all())
    assert float(process.broken(maps).max()) < 0.03, "a process keeps its own rule"


def test_a_ridge_thinner_than_the_rule_breaks_it():
    h = np.zeros((40, 40))
    h[:, 5:17] = 1.0
    assert rule_broken(h, 6.0) == 0.0
    h[:, 25:27] = 1.0
    assert rule_broken(h, 6.0) == pytest.approx(2 / 40)
    with pytest.raises(ConfigError, match="expected one of"):
        find_process("magic")


@pytest.mark.parametrize("n, m", [(16, 32), (32, 16), (15, 31), (16, 16)])
def test_resampling_is_exact_for_band_limited_maps(n, m):
    def wave(p):
        axis = torch.arange(p, dtype=torch.float64) / p
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        return (torch.cos(2 * torch.pi * (3 * x + 2 * y)) + torch.sin(2 * torch.pi * (5 * y - x)))[None]

    assert torch.allclose(fourier_resample(wave(n), m), wave(m), atol=1e-6)
