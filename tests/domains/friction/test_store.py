"""Models and their altered files."""

import json

import pytest
import torch

from advsci.errors import CheckpointError
from advsci.streams import Stream
from advsci_friction import store
from advsci_friction.data.materials import MATERIALS
from advsci_friction.evaluation.recognition import recognise_family
from advsci_friction.evaluation.scores import verify
from advsci_friction.store import load_designer, save_designer

F64 = torch.float64


@pytest.fixture(scope="module")
def designer():
    return load_designer()


def test_model_file_round_trip(designer, tmp_path):
    save_designer(designer, tmp_path / "m.safetensors", {"seed": 0})
    again = load_designer(tmp_path / "m.safetensors")
    one, two = (d.design(MATERIALS["dlc"], 0.05, 5e7, 3, Stream(1)) for d in (designer, again))
    assert torch.equal(one.coefficients, two.coefficients) and torch.equal(one.slope, two.slope)
    (tmp_path / "bad.safetensors").write_bytes(b"nonsense")
    for name in ("bad.safetensors", "none.safetensors"):
        with pytest.raises(CheckpointError, match="expected a texture designer"):
            load_designer(tmp_path / name)


def test_the_model_of_the_package(designer, tmp_path, monkeypatch):
    shipped = designer
    designs = shipped.design(MATERIALS["dlc"], 0.06, "50 MPa", 20, Stream(0))
    verdicts = verify(designs, shipped.fabrication, 96)
    assert float((verdicts.friction / 0.06 - 1.0).abs().median()) < 0.06
    assert float(verdicts.feasible.double().mean()) >= 0.9
    assert len(recognise_family(shipped.band, designs.coefficients).unique()) >= 5
    assert float(designs.slope.max() / designs.slope.min()) > 10.0
    altered = tmp_path / "textures.safetensors"
    altered.write_bytes(b"altered")
    (tmp_path / "sha256.json").write_text(json.dumps({"textures": "0"}))
    monkeypatch.setattr(store, "SHIPPED", altered)
    with pytest.raises(CheckpointError, match="truncated"):
        load_designer()
