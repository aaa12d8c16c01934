"""Maps written for other programs."""

import numpy as np
import pytest
import torch

from advsci_friction.data.maps import write_map, write_stl
from advsci_friction.data.scans import read_scan

F64 = torch.float64


@pytest.mark.parametrize("suffix", ["nc", "x3p"])
def test_maps_survive_surfacetopography(tmp_path, suffix):
    pytest.importorskip("SurfaceTopography")
    h = np.random.default_rng(1).normal(size=(16, 24)) * 1e-9
    write_map(tmp_path / f"a.{suffix}", h, (1e-6, 1.5e-6))
    scan = read_scan(tmp_path / f"a.{suffix}")
    assert np.allclose(scan.heights, h, rtol=1e-6, atol=1e-18) and np.allclose(scan.size, (1e-6, 1.5e-6))


def test_stl_is_a_closed_solid_of_the_right_volume(tmp_path):
    h = 1e-9 * np.add.outer(np.cos(np.arange(8) * np.pi / 4), np.cos(np.arange(8) * np.pi / 4))
    write_stl(tmp_path / "a.stl", h, (1e-6, 1e-6), base=1e-7)
    raw = (tmp_path / "a.stl").read_bytes()
    count = int.from_bytes(raw[80:84], "little")
    assert len(raw) == 84 + 50 * count
    faces = np.frombuffer(raw[84:], dtype=[("d", "<f4", 12), ("a", "<u2")])["d"][:, 3:].reshape(-1, 3, 3).astype(float)
    edges = {}
    for face in np.round(faces, 6):
        for i in range(3):
            edge = (tuple(face[i]), tuple(face[(i + 1) % 3]))
            edges[edge] = edges.get(edge, 0) + 1
    assert all(edges.get(edge[::-1], 0) == count for edge, count in edges.items()), (
        "every edge is shared, once each way"
    )
    volume = np.einsum("ij,ij->i", faces[:, 0], np.cross(faces[:, 1], faces[:, 2])).sum() / 6.0
    mean = np.pad(h, ((0, 1), (0, 1)), mode="wrap")
    exact = (1e-7 - h.min()) * 1e6 + (
        0.25 * (mean[1:, 1:] + mean[:-1, 1:] + mean[1:, :-1] + mean[:-1, :-1])
    ).mean() * 1e6
    assert volume == pytest.approx(exact, rel=1e-3)
