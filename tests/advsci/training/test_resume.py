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
from torch import nn
from toy_game import toy_data, toy_game, toy_solver, toy_trainer

from advsci.errors import CheckpointError, ConfigError, DivergenceError
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.solvers import Alternating, adam
from advsci.training import Best, ItemSource, checkpoint

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
    steps = 200
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    toy_trainer(whole, steps).fit(toy_game(), toy_data(), toy_solver())
    process = start(cut, steps)
    wait_for_checkpoint(cut, beyond=20 * random.Random(os.urandom(8)).randint(1, 3))
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


class Crash(Exception):
    pass


def crash_at(step: int):
    def crash(training):
        if training.step == step:
            raise Crash

    return crash


def interrupted_equals_whole(tmp_path, game, data, solver, steps: int = 24, at: int = 17, **settings) -> None:
    """Train without and with an interruption between checkpoints, on fresh objects each time."""
    settings = {"checkpoint_every": 5, "log_every": 1} | settings
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    toy_trainer(whole, steps, **settings).fit(game(), data(), solver())
    with pytest.raises(Crash):
        toy_trainer(cut, steps, callbacks=[crash_at(at)], **settings).fit(game(), data(), solver())
    toy_trainer(cut, steps, **settings).fit(game(), data(), solver())
    assert_same_run(whole, cut)


def random_game() -> GAN:
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(3, 16), nn.Dropout(0.3), nn.RReLU(), nn.BatchNorm1d(16), nn.Linear(16, 2))
    discriminator = nn.Sequential(nn.Linear(2, 16), nn.AlphaDropout(0.2), nn.Linear(16, 1))
    return GAN(generator, discriminator, Gaussian(3))


def image_game() -> GAN:
    torch.manual_seed(0)
    generator = nn.Sequential(
        nn.Linear(3, 64), nn.Unflatten(1, (16, 2, 2)), nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.Tanh(),
        nn.Conv2d(8, 3, 3, 1, 1),
    )  # fmt: skip
    discriminator = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(32, 1))
    return GAN(generator, discriminator, Gaussian(3)).to(memory_format=torch.channels_last)


def images() -> torch.Tensor:
    return toy_data(40)[:, :1, None, None].expand(40, 3, 4, 4).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_random_modules_precisions_and_workers_resume_bit_identical(tmp_path, precision, workers):
    data = toy_data if workers == 0 else lambda: ItemSource(list(toy_data(50)), workers=workers)
    interrupted_equals_whole(tmp_path, random_game, data, toy_solver, precision=precision)


@pytest.mark.parametrize("optimizer", [adam(1e-2), torch.optim.AdamW, torch.optim.RMSprop])
def test_networks_in_channels_last_resume_bit_identical(tmp_path, optimizer):
    interrupted_equals_whole(tmp_path, image_game, images, lambda: Alternating(optimizer), batch_size=8)


def test_a_damaged_newest_checkpoint_is_set_aside_and_the_one_before_it_taken(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    toy_trainer(whole, 60).fit(toy_game(), toy_data(), toy_solver())
    with pytest.raises(Crash):
        toy_trainer(cut, 60, callbacks=[crash_at(50)]).fit(toy_game(), toy_data(), toy_solver())
    newest = checkpoint.latest(cut / "checkpoints")
    assert newest is not None
    content = (newest / "state.safetensors").read_bytes()
    (newest / "state.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.warns(UserWarning, match="kept as damaged-step-000000040; the one before it is taken"):
        toy_trainer(cut, 60).fit(toy_game(), toy_data(), toy_solver())
    assert_same_run(whole, cut)
    assert (cut / "checkpoints" / "damaged-step-000000040" / "manifest.json").exists()


def test_if_all_checkpoints_are_damaged_nothing_is_trained_over_them(tmp_path):
    toy_trainer(tmp_path, 40).fit(toy_game(), toy_data(), toy_solver())
    for step in checkpoint.steps(tmp_path / "checkpoints"):
        (tmp_path / "checkpoints" / f"step-{step:09d}" / "state.json").unlink()
    with pytest.raises(CheckpointError), pytest.warns(UserWarning):
        toy_trainer(tmp_path, 40).fit(toy_game(), toy_data(), toy_solver())


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no SIGUSR1")
def test_sigusr1_writes_a_checkpoint_and_the_training_goes_on(tmp_path):
    def ask(training):
        if training.step == 10:
            os.kill(os.getpid(), signal.SIGUSR1)

    training = toy_trainer(tmp_path, 30, callbacks=[ask], checkpoint_every=0, log_every=5).fit(
        toy_game(), toy_data(), toy_solver()
    )
    assert training.step == 30
    assert {10, 30} <= set(checkpoint.steps(tmp_path / "checkpoints")) <= {10, 11, 30}


def test_optimizer_state_that_is_not_finite_is_not_kept(tmp_path):
    def poison(training):
        if training.step == 25:
            optimizer = training.solver.optimizers["generator"]
            next(iter(optimizer.state.values()))["exp_avg_sq"].fill_(float("inf"))

    with pytest.raises(DivergenceError, match="state of an optimizer that is not finite"):
        toy_trainer(tmp_path, 40, callbacks=[poison], log_every=5).fit(toy_game(), toy_data(), toy_solver())
    assert checkpoint.steps(tmp_path / "checkpoints") == [20]


def test_the_best_step_is_kept_and_patience_ends_the_training(tmp_path):
    def distance(training):
        return {"distance": abs(training.step - 30.0)}

    settings = {"callbacks": [distance], "best": Best("distance", patience=2)}
    training = toy_trainer(tmp_path, 200, **settings).fit(toy_game(), toy_data(), toy_solver())
    assert training.step == 50 and checkpoint.steps(tmp_path / "best") == [30]
    again = toy_trainer(tmp_path, 200, **settings).fit(toy_game(), toy_data(), toy_solver())
    assert again.step == 50 and again.log == training.log
    with pytest.raises(ConfigError, match="a loss of a player"):
        toy_trainer(best=Best("generator/objective")).fit(toy_game(), toy_data(), toy_solver())
