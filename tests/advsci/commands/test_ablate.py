"""The command finds what the adversary of a run is worth, resumes, and names what is not there."""

import json
from dataclasses import replace

import pulled_game
import pytest

from advsci.cli import execute, found_command, run_app
from advsci.commands import app
from advsci.commands.ablate import external_metrics
from advsci.errors import ConfigError
from advsci.training import Run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("advsci.cli.found_command", lambda name: (pulled_game.Train, pulled_game.run))
    execute(pulled_game.run, pulled_game.Train(out=tmp_path / "run", seed=3), name="pulled-train")
    return tmp_path / "run"


def test_an_adversary_of_slope_04_is_worth_04(folder, capsys):
    words = ["ablate", str(folder), "--off", "adversary", "--seeds", "3"]
    assert run_app(app, words) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == str(folder / "ablation" / "ablation.html")
    said = next(line for line in out if line.startswith("In rest the adversary is worth "))
    worth, error = float(said.split()[6]), float(said.split()[8])
    assert abs(worth - 0.4) < 0.05 and error < 0.1
    scores = json.loads((folder / "ablation" / "ablation.json").read_text())["scores"]
    assert set(scores) == {"nothing", "adversary"} and len(scores["adversary"]) == 3
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("metrics.jsonl")}
    assert run_app(app, words) == 0  # all trainings are there: none is repeated
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("metrics.jsonl")} == before
    assert said in capsys.readouterr().out
    assert run_app(app, ["diagnose", str(folder)]) == 0  # judges the run alone, and shows the table
    assert "with-everything" not in capsys.readouterr().out
    page = (folder / "diagnosis.html").read_text()
    assert "What its parts are worth" in page and said in page


def test_what_is_not_there_is_named(folder, tmp_path, capsys):
    assert run_app(app, ["ablate", str(folder), "--off", "r7", "--seeds", "2"]) == 2
    said = capsys.readouterr()
    assert "got part 'r7', which pulled-train does not have" in said.err
    assert "expected one of adversary, discriminator, generator, objective, own, still" in said.err
    assert said.out == "" and not (folder / "ablation").exists()  # before anything is trained
    assert run_app(app, ["ablate", str(tmp_path)]) == 2
    assert "expected the run folder of a command" in capsys.readouterr().err


def test_the_cpu_time_of_a_training_counts_all_its_starts(tmp_path):
    stop = 20

    def interrupt(training):
        if training.step == stop:
            raise KeyboardInterrupt

    def play():
        trainer, game, data, solver = pulled_game.make(0, callbacks=[interrupt], run=tmp_path, checkpoint_every=10)
        return replace(trainer, log_every=10).fit(game, data, solver)

    with pytest.raises(KeyboardInterrupt):
        play()
    (first,) = Run(tmp_path).records("timing.jsonl")
    assert 0.0 < first["cpu_seconds"] < 1e5
    Run(tmp_path).write("timing.jsonl", json.dumps(first | {"cpu_seconds": 1e6}) + "\n")  # as if it had taken long
    stop = 0
    play()
    times = [record["cpu_seconds"] for record in Run(tmp_path).records("timing.jsonl")]
    assert times[0] == 1e6 and times == sorted(times) and 1e6 < times[2] < 1.1e6


def test_commands_are_found_by_the_name_in_their_run():
    schema, run = found_command("inverse-train")
    assert schema.__name__ == "Train" and run.__module__ == "advsci_inverse.commands.train"
    for wrong in ("inverse-nothing", "nothing-train"):
        with pytest.raises(ConfigError, match=f"got the command '{wrong}'"):
            found_command(wrong)


def test_the_players_own_terms_are_no_metrics():
    assert external_metrics([]) == {}
    record = {"step": 1, "generator/objective": 0.1, "probe/slope_real": 2.0, "probe/frechet": 0.3, "kid": 1.0}
    assert external_metrics([{"kid": 5.0}, record]) == {"frechet": 0.3, "kid": 1.0}
