"""Designs solved again and recognised."""

import pytest
import torch

from advsci.streams import Stream
from advsci_friction.data.materials import MATERIALS
from advsci_friction.evaluation.recognition import recognise_family
from advsci_friction.evaluation.scores import verify
from advsci_friction.store import load_designer
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.fabrication import Fabrication
from advsci_friction.surfaces.textures import draw_shapes

F64 = torch.float64


@pytest.fixture(scope="module")
def designer():
    return load_designer()


def test_families_are_recognised_wherever_they_lie():
    band = Band()
    shapes, labels, _ = draw_shapes(100, Stream(21), band)
    moved = band.shift(shapes, Stream(22).uniform((100, 2), dtype=F64))
    found = recognise_family(band, moved)
    assert float((found == labels).double().mean()) > 0.75


def test_verdicts_agree_with_tamaas(designer):
    pytest.importorskip("tamaas")
    designs = designer.design(MATERIALS["dlc"], 0.08, "50 MPa", 3, Stream(0))
    ours, theirs = verify(designs, Fabrication(), 64), verify(designs, Fabrication(), 64, solver="tamaas")
    assert torch.allclose(ours.friction, theirs.friction, rtol=2e-3)
    assert torch.allclose(ours.pressure, theirs.pressure, atol=1e-4 * float(ours.peak.max()))
