"""The script finds what packages bring, ours and anybody's, and the ground floor imports none of them."""

import subprocess
import sys
from pathlib import Path

import pytest

from advsci.cli import run_app
from advsci.commands import app
from advsci.commands.demo import demos
from advsci.parts import parts

THIRD_PARTY = Path(__file__).parents[1] / "toys" / "third_party"


@pytest.fixture
def tidal(monkeypatch):
    monkeypatch.syspath_prepend(str(THIRD_PARTY))


def test_our_domains_bring_demos_and_the_data_sets_their_registry():
    assert set(demos()) >= {"circuits", "friction", "inverse", "singlecell"}
    assert set(parts("registry")) == {"datasets"} and parts("no such kind") == {}


def test_a_third_partys_package_joins_by_declaring_its_parts(tidal, tmp_path, capsys):
    assert "tidal" in demos()
    assert run_app(app, ["datasets", "list", "--kind", "tides"]) == 0
    assert "gauge  tides     embedded  CC0-1.0" in capsys.readouterr().out
    assert run_app(app, ["datasets", "verify", "gauge"]) == 0
    assert run_app(app, ["demo", "--only", "tidal", "--out", str(tmp_path / "demo")]) == 0
    assert "High water twice a day." in (tmp_path / "demo" / "report.html").read_text()


def test_a_package_that_cannot_be_imported_is_told_and_left_out(tmp_path, monkeypatch, capsys):
    before = set(demos())
    (tmp_path / "broken-1.0.dist-info").mkdir()
    (tmp_path / "broken-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (tmp_path / "broken-1.0.dist-info" / "entry_points.txt").write_text("[advsci.parts]\nbroken = broken.parts\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert set(parts("demo")) == before
    assert "the parts of 'broken' cannot be imported" in capsys.readouterr().err


def test_finding_the_parts_imports_no_torch():
    code = "import sys; from advsci.parts import parts; parts('demo'); print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, timeout=300).strip() == "False"
