"""The verdict in a page, and ``advsci diagnose RUN`` on every kind of run folder."""

import pytest
import torch

from advsci.cli import run_app
from advsci.commands import app
from advsci.diagnostics import Probe
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.report import Report, verdict_section
from advsci.solvers import Simultaneous
from advsci.training import Run, Trainer


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A run folder with a probed training in it and another in a stage."""
    folder = tmp_path_factory.mktemp("run")
    x = torch.randn(600, 2, generator=torch.Generator().manual_seed(0))
    for run in (Run(folder), Run(folder / "warmup")):
        game = GAN(MLP(3, 2, 8), MLP(2, 1, 8), Gaussian(3))
        probe = Probe(x, samples=50, spectrum_every=2)
        Trainer(8, 16, run=run, log_every=2, callbacks=[probe], quiet=True, device="cpu").fit(game, x, Simultaneous())
    return folder


def test_a_run_gets_a_page_with_verdict_and_advice_for_every_training(played, capsys):
    assert run_app(app, ["diagnose", str(played)]) == 0
    said = capsys.readouterr().out
    page = (played / "diagnosis.html").read_text()
    assert str(played / "diagnosis.html") in said.replace("\n", "")
    assert "coverage" in page and "stable" in page and "warmup" in page
    assert said.split(":")[0] in page and "warmup: " in said


def test_a_section_is_drawn_from_records_too(played):
    records = Run(played).records()
    assert "Readings of the probe" in verdict_section(Report("a"), records).html()
    assert "No adversarial training" in verdict_section(Report("a"), []).html()


def test_a_run_without_an_adversary_is_said_to_hold_none(tmp_path, capsys):
    Run(tmp_path).append("metrics.jsonl", {"step": 1, "model/reconstruction": 1.0, "model/gradient_norm": 1.0})
    assert run_app(app, ["diagnose", str(tmp_path)]) == 0
    assert "no adversarial training" in capsys.readouterr().out
    assert not (tmp_path / "diagnosis.html").exists()


def test_a_folder_without_a_run_is_refused(tmp_path, capsys):
    assert run_app(app, ["diagnose", str(tmp_path)]) == 2
    assert "metrics.jsonl" in capsys.readouterr().err
