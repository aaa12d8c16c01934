"""``advsci diagnose RUN``: the page and the command."""

import torch

from advsci.cli import run_app
from advsci.commands import app
from advsci.diagnostics import Probe
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.solvers import Simultaneous
from advsci.training import Trainer


def test_a_run_gets_a_page_with_verdict_and_advice(tmp_path, capsys):
    x = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    game = GAN(MLP(3, 2, 8), MLP(2, 1, 8), Gaussian(3))
    probe = Probe(x, samples=50, spectrum_every=2)
    Trainer(8, 16, run=tmp_path, log_every=2, callbacks=[probe], quiet=True, device="cpu").fit(game, x, Simultaneous())
    assert run_app(app, ["diagnose", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    page = (tmp_path / "diagnosis.html").read_text()
    assert str(tmp_path / "diagnosis.html") in said.replace("\n", "")
    assert "Diagnosis" in page and "coverage" in page and "stable" in page
    first_words = said.split(":")[0]
    assert first_words in page


def test_a_folder_without_records_is_refused(tmp_path, capsys):
    assert run_app(app, ["diagnose", str(tmp_path)]) == 2
    assert "metrics.jsonl" in capsys.readouterr().err
