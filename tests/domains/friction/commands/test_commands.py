"""The commands from design to report."""

import json

import numpy as np
import pytest
import torch

from advsci.cli import run_app
from advsci_friction.cli import app
from advsci_friction.evaluation.scores import summary, verify
from advsci_friction.store import load_designer, read_designs, save_designer

F64 = torch.float64


@pytest.fixture(scope="module")
def designer():
    return load_designer()


def test_commands(designer, tmp_path, data_folder, capsys):
    model = tmp_path / "model.safetensors"
    save_designer(designer, model)
    out = str(tmp_path / "out")
    ask = ["design", "--mu", "0.05", "--pressure", "50MPa", "--count", "3", "--model", str(model), "--out", out]
    assert run_app(app, [*ask, "--pixels", "48", "--formats", "npz", "stl"]) == 0
    designs, fabrication, pixels = read_designs(tmp_path / "out" / "designs.npz")
    assert pixels == 48 and len(designs.slope) == 3 and (tmp_path / "out" / "design-0002.stl").exists()
    assert run_app(app, ["evaluate", f"{out}/designs.npz", "--out", out]) == 0
    verdicts = json.loads((tmp_path / "out" / "verdicts.json").read_text())
    assert verdicts["pixels"] == 96 and len(verdicts["designs"]) == 3
    assert run_app(app, ["report", f"{out}/designs.npz", "--out", out]) == 0
    assert "whatever" not in (tmp_path / "out" / "report.html").read_text()
    assert run_app(app, [*ask[:2], "9.0", *ask[3:]]) == 2, "out of reach is refused"
    assert "expected" in capsys.readouterr().err
    maps = np.load(data_folder / "friction" / "afm_surfacetopography" / "afm_heights.npz")
    scan = maps["di_3_di"].astype(float)[:96, :96]
    np.savez(tmp_path / "scan.npz", heights=scan, size=np.array([3.75e-6, 3.75e-6]))
    assert run_app(app, ["solve", str(tmp_path / "scan.npz"), "--pressure", "50 MPa", "--out", out]) == 0
    assert np.load(tmp_path / "out" / "contact.npz")["pressure"].mean() == pytest.approx(5e7, rel=1e-6)
    assert summary(designs, verify(designs, fabrication, 48))["families"] >= 1.0
