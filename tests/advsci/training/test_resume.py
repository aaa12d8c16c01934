"""Killed and resumed equals uninterrupted, bit for bit."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from toy_game import toy_data, toy_game, toy_solver, toy_trainer

from advsci.errors import ConfigError
from advsci.training import checkpoint

SCRIPT = Path(__file__).parents[2] / "toys" / "toy_game.py"


def start(folder: Path, steps: int) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), str(steps)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def wait_for_checkpoint(folder: Path, beyond: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        newest = checkpoint.latest(folder / "checkpoints")
        if newest is not None and int(newest.name[5:]) >= beyond:
            return
        time.sleep(0.005)
    raise AssertionError("the training wrote no checkpoint")


def final(folder: Path):
    newest = checkpoint.latest(folder / "checkpoints")
    assert newest is not None
    return checkpoint.load(newest)


def assert_same_run(a: Path, b: Path) -> None:
    (step_a, state_a), (step_b, state_b) = final(a), final(b)
    assert step_a == step_b
    for part in ("game", "averages", "solver"):
        torch.testing.assert_close(state_a[part], state_b[part], rtol=0, atol=0)
    assert (a / "metrics.jsonl").read_bytes() == (b / "metrics.jsonl").read_bytes()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_killed_then_resumed_equals_uninterrupted(tmp_path, how):
    steps = 600
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    toy_trainer(whole, steps).fit(toy_game(), toy_data(), toy_solver())
    process = start(cut, steps)
    wait_for_checkpoint(cut, beyond=20 * random.Random(os.urandom(8)).randint(1, 5))
    process.send_signal(how)
    code = process.wait(60)
    assert code == (-9 if how == signal.SIGKILL else 1)  # a script that catches no `Stopped` fails
    assert final(cut)[0] < steps, "the training was over before it was killed"
    toy_trainer(cut, steps).fit(toy_game(), toy_data(), toy_solver())
    assert_same_run(whole, cut)


def test_half_written_log_line_and_checkpoint_are_forgotten(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    toy_trainer(whole, 100).fit(toy_game(), toy_data(), toy_solver())

    class Crash(Exception):
        pass

    def crash(training):
        if training.step == 70:
            raise Crash

    with pytest.raises(Crash):
        toy_trainer(cut, 100, callbacks=[crash]).fit(toy_game(), toy_data(), toy_solver())
    with open(cut / "metrics.jsonl", "a") as log:
        log.write('{"step": 80, "gen')
    half = cut / "checkpoints" / ".partial-000000080-1"
    half.mkdir()
    (half / "state.safetensors").write_bytes(b"half")
    toy_trainer(cut, 100).fit(toy_game(), toy_data(), toy_solver())
    assert_same_run(whole, cut)


def test_resume_with_other_settings_is_refused(tmp_path):
    toy_trainer(tmp_path, 40).fit(toy_game(), toy_data(), toy_solver())
    with pytest.raises(ConfigError, match="seed: got 1, expected 0"):
        toy_trainer(tmp_path, 40, seed=1).fit(toy_game(), toy_data(), toy_solver())
    with pytest.raises(ConfigError, match="resume is off"):
        toy_trainer(tmp_path, 40, resume=False).fit(toy_game(), toy_data(), toy_solver())


def test_finished_run_is_loaded_not_trained_again(tmp_path):
    first = toy_trainer(tmp_path, 40).fit(toy_game(), toy_data(), toy_solver())
    again = toy_trainer(tmp_path, 40).fit(toy_game(), toy_data(), toy_solver())
    assert again.step == 40 and again.log == first.log
    torch.testing.assert_close(again.game.state_dict(), first.game.state_dict(), rtol=0, atol=0)


def test_seed_changes_the_training_and_same_seed_repeats_it():
    a, b, c = (
        toy_trainer(steps=20, seed=seed).fit(toy_game(), toy_data(), toy_solver()).game.state_dict()
        for seed in (0, 0, 1)
    )
    torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert any(not torch.equal(a[k], c[k]) for k in a)
