"""Roughness of known maps."""

import json
import math

import pytest
import torch

from advsci_friction.contact.halfspace import HalfSpace
from advsci_friction.surfaces.roughness import bearing_area, power_spectrum, roughness

F64 = torch.float64


@pytest.fixture(scope="module")
def reference(data_folder):
    return json.loads((data_folder / "friction" / "reference.json").read_text())


def sine(n=256, amplitude=2e-9, period=1e-6):
    x = torch.arange(n, dtype=F64) / n
    return amplitude * torch.cos(2.0 * math.pi * x), (period,)


def test_roughness_of_known_maps(reference, data_folder):
    import numpy as np

    heights = np.load(data_folder / "friction" / "rough_surfaces.npz")
    for row in reference["rough"]["sets"]:
        found = roughness(torch.as_tensor(heights[row["id"]]), (1.0, 1.0))
        assert float(found.slope) == pytest.approx(row["rms_slope_spectral"], rel=1e-6)
        assert float(found.height) == pytest.approx(row["rms_height"], rel=1e-6)
        assert float(found.nayak) == pytest.approx(row["nayak_alpha"], rel=0.1)
    q, spectrum = power_spectrum(torch.as_tensor(heights[reference["rough"]["sets"][0]["id"]]), 1.0, bins=60)
    keep = torch.isfinite(spectrum)
    edges = torch.logspace(
        math.log10(2 * math.pi), math.log10(float(HalfSpace((256, 256), (1.0, 1.0)).wavenumber.max())), 61
    )
    ring = torch.pi * (edges[1:] ** 2 - edges[:-1] ** 2)
    variance = float((spectrum[keep] * ring[keep]).sum())
    assert variance == pytest.approx(reference["rough"]["sets"][0]["m0"], rel=1e-3)
    h, size = sine(128)
    found = roughness(h, size)
    assert float(found.slope) == pytest.approx(2.0 * math.pi * 2e-9 / 1e-6 / math.sqrt(2.0), rel=1e-9)
    assert float(bearing_area(h, torch.tensor([0.0], dtype=F64), axes=1)) == pytest.approx(0.5, abs=0.01)
