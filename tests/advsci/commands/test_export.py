"""The command gives back the networks that a run trained; nothing in the run's folder changes."""

from dataclasses import replace

import pulled_game
import pytest
import torch

import advsci
from advsci import Stream
from advsci.cli import execute, run_app
from advsci.commands import app
from advsci.commands.reopened import reopened
from advsci.errors import CheckpointError, ConfigError
from advsci.games import GAN
from advsci.latents import Mixture
from advsci.nn import MLP
from advsci.solvers import Alternating
from advsci.training import EMA, Best, Trainer
from advsci.training.weights import load_weights


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("advsci.cli.found_command", lambda name: (pulled_game.Train, pulled_game.run))
    execute(pulled_game.run, pulled_game.Train(out=tmp_path / "run", seed=3), name="pulled-train")
    return tmp_path / "run"


def content(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_run_is_loaded_and_exported_as_it_was_trained(folder, capsys):
    before = content(folder)
    training = reopened(folder).training
    made = advsci.load(folder)
    assert training.step == 30 and made.card == {"step": 30, "run": "run"}
    assert made.network.at.item() == pytest.approx(0.4, abs=0.3) and not made.network.at.requires_grad
    assert torch.equal(made.sample(5, Stream(1)), training.game.sample(5, Stream(1)))
    assert content(folder) == before
    assert run_app(app, ["export", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(folder / "export" / "generator.safetensors")
    again = advsci.load(folder / "export", pulled_game.Shift())
    assert torch.equal(again.sample(5, Stream(1)), made.sample(5, Stream(1))) and again.card["step"] == 30
    program = torch.export.load(folder / "export" / "generator.pt2").module()
    z = made.latent.sample(7, Stream(0))
    torch.testing.assert_close(program(z), made.network(z))


def test_a_game_without_latent_vectors_gives_the_weights_of_its_players(folder, monkeypatch, tmp_path):
    monkeypatch.setattr("advsci.games.GAN", type("Other", (), {}))
    assert run_app(app, ["export", str(folder), "--out", str(tmp_path / "out")]) == 0
    tensors, card = load_weights(tmp_path / "out" / "generator.safetensors", kind="generator")
    assert set(tensors) == {"at"} and card["network"] == "Shift"
    with pytest.raises(ConfigError, match="got a run of a Pulled; expected a GAN"):
        advsci.load(folder)


def test_what_cannot_be_exported_is_named(folder, tmp_path, capsys):
    assert run_app(app, ["export", str(folder), "--stage", "second"]) == 2
    assert f"got stage 'second' of {folder}, which holds ''; expected" in capsys.readouterr().err
    assert run_app(app, ["export", str(tmp_path / "none")]) == 2
    assert "expected the run folder of a command" in capsys.readouterr().err


def test_the_run_of_a_trainer_is_loaded_into_a_network(tmp_path):
    """The averaged generator, at its newest and at its best step, with the prior that the run remembers."""
    torch.manual_seed(0)
    game = GAN(MLP(2, 3, 8), MLP(3, 1, 8), Mixture(2, 3, 0.1))
    kept = {}

    def score(training):
        kept[training.step] = training.averaged("generator")(torch.ones(1, 2))
        return {"score": abs(training.step - 4)}

    trainer = Trainer(8, 16, ema=EMA(0.5), run=tmp_path, log_every=2, quiet=True, callbacks=[score], device="cpu")
    trainer = replace(trainer, best=Best("score"))
    training = trainer.fit(game, Stream(0).normal((64, 3)), Alternating())
    made = advsci.load(tmp_path, MLP(2, 3, 8))
    expected = game.sample(5, Stream(1), generator=training.averaged("generator"))
    assert torch.equal(made.sample(5, Stream(1)), expected)
    best = advsci.load(tmp_path, MLP(2, 3, 8), best=True)
    assert best.card["step"] == 4 and torch.equal(best.network(torch.ones(1, 2)), kept[4])
    with pytest.raises(CheckpointError, match="got weights of a MLP that do not fit this MLP"):
        advsci.load(tmp_path, MLP(2, 4, 8))
