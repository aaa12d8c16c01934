"""Textures for two frictions of rubber: gradients of the asked numbers, edits that meet them, and the command."""

import json

import pytest
import torch

from advsci.cli import run_app
from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci_friction.cli import app
from advsci_friction.contact.sliding import slide
from advsci_friction.data.scans import read_scan
from advsci_friction.design.sliding import Rubber, SlidingFriction, design_sliding, suiting_depth
from advsci_friction.laws.viscoelastic import standard_linear_solid
from advsci_friction.surfaces.processes import find_process

PROCESS = find_process("e-beam")
SOLID = standard_linear_solid(1e6, 1e7, 1e-6)
RUBBER = Rubber(SOLID, 1e5, 1.0)
ASKED = SlidingFriction(RUBBER, PROCESS.cell)


@pytest.fixture(scope="module")
def maps():
    return PROCESS.simulate(6, Stream(0), 32)


def test_the_asked_numbers_are_the_friction_of_the_map_in_metres(maps):
    logs = ASKED.logs(maps[:2].double() / PROCESS.cell)
    size = (PROCESS.cell, PROCESS.cell)
    along = slide(maps[:2].double(), 1e5, SOLID, (0.0, 1.0), size).friction
    across = slide(maps[:2].double(), 1e5, SOLID, (1.0, 0.0), size).friction
    assert torch.allclose(logs.exp(), torch.stack([along, across], 1), rtol=2e-3)
    deep = ASKED.logs(2.0 * maps[:2].double() / PROCESS.cell)
    assert torch.allclose(ASKED.logs(maps[:2].double() / PROCESS.cell, 2.0), deep, atol=2e-3)


def test_gradients_are_those_of_the_judge(maps):
    h = maps[:1].double() / PROCESS.cell
    _, g = ASKED.gradients(h, 32)
    way = 0.01 * h.std() * torch.randn(h.shape, dtype=h.dtype, generator=torch.Generator().manual_seed(0))
    numeric = (ASKED.logs(h + way, tolerance=1e-6) - ASKED.logs(h - way, tolerance=1e-6)) / 2.0
    assert torch.allclose((g[0] * way).sum((1, 2)), numeric[0], rtol=0.1, atol=1e-3)


def test_an_edit_meets_both_frictions_of_an_unseen_map(maps):
    held = PROCESS.simulate(1, Stream(7), 32) / PROCESS.cell
    wanted = ASKED.logs(held)[0].exp().tolist()
    unedited, found = (
        design_sliding(maps, PROCESS.cell, PROCESS.band, RUBBER, (wanted[0], wanted[1]), 1, rounds=rounds, tries=1)
        for rounds in (0, 2)
    )
    assert float(found.error.max()) < 0.01 < float(unedited.error.max())
    # wanted the other way round, the same maps are turned
    turned = design_sliding(maps, PROCESS.cell, PROCESS.band, RUBBER, (wanted[1], wanted[0]), 1, rounds=0, tries=1)
    assert torch.equal(turned.maps, unedited.maps.mT) and int(turned.source[0]) == int(unedited.source[0]) + len(maps)


def test_the_depth_suits_the_friction(maps):
    shapes = maps / PROCESS.cell
    depth = suiting_depth(shapes, ASKED, torch.tensor([0.03, 0.03]).log(), (0.5, 8.0))
    assert float(ASKED.logs(shapes[:4], depth, 1e-2).mean().exp()) == pytest.approx(0.03, rel=0.2)


def test_what_no_map_has_is_refused(maps):
    with pytest.raises(ConfigError, match="along x"):
        design_sliding(maps[:2], PROCESS.cell, PROCESS.band, RUBBER, (0.5, 1e-4), 1)
    with pytest.raises(ConfigError, match="positive"):
        design_sliding(maps, PROCESS.cell, PROCESS.band, RUBBER, (0.0, 0.1), 1)


def test_the_command_writes_maps_that_scans_reads(tmp_path):
    words = "design-sliding --process e-beam --along 0.0206 --across 0.0193 --count 1 --library 8 --grid 32 --pixels 64"
    words = [*words.split(), "--instantaneous", "10 MPa", "--out", str(tmp_path / "d")]
    assert run_app(app, [*words, "--dry-run"]) == 0
    assert run_app(app, words) == 0
    found = json.loads((tmp_path / "d" / "designs.json").read_text())
    assert found["largest error on the finer grid"][0] < 0.02
    scan = read_scan(tmp_path / "d" / "design-0000.npz")
    size = tuple(scan.size)
    mu = slide(torch.as_tensor(scan.heights), 1e5, SOLID, (0.0, 1.0), size, tolerance=1e-4).friction
    assert float(mu) == pytest.approx(found["friction along x and y"][0][0], rel=0.02)
    assert "along x" in (tmp_path / "d" / "report.html").read_text()
    for i, lossless in enumerate((["--relaxed", "1 GPa"], ["--relaxed", "10 MPa"], ["--relaxation-time", "0 s"])):
        assert run_app(app, [*words[:-1], str(tmp_path / f"wrong-{i}"), *lossless]) == 2
