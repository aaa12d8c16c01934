"""One rule for run folders, and what a stopped, failed, repeated or changed run leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import toy_command
from toy_command import Train, app

from advsci.cli import execute, run_app
from advsci.config import RunConfig
from advsci.errors import CheckpointError, ConfigError, Stopped
from advsci.training import Run
from advsci.training.environment import git_state
from advsci.training.lock import locked
from advsci.training.opening import inputs_of

ROOT = Path(__file__).parents[3]


@pytest.fixture
def data(tmp_path) -> Path:
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).normal(size=(64, 2)).astype("float32"))
    return tmp_path / "d.npz"


def state(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text())


def files(folder: Path) -> dict[str, bytes]:
    """Content of every file; the lock is no content."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}


def start(*words: str, cwd: Path) -> subprocess.Popen:
    paths = [str(ROOT), str(ROOT / "tests" / "toys")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, str(ROOT / "tests" / "toys" / "toy_command.py"), *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=environment
    )


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline, f"no {path}"
        time.sleep(0.005)


def test_opening_writes_what_a_later_reader_needs(data, tmp_path):
    folder = tmp_path / "run"
    assert execute(toy_command.run, Train(data=data, out=folder, seed=3)) == folder / "result.txt"
    about = state(folder)
    assert about["command"] == "toy_command" and about["state"] == "finished"
    assert about["result"] == {"path": "result.txt"} and list(about["inputs"]) == ["data"]
    assert json.loads((folder / "config.json").read_text())["seed"] == 3
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["seed"] == 3 and {"torch", "numpy", "advsci"} <= set(environment["packages"])
    assert {"git", "command", "python"} <= set(environment)
    assert git_state(tmp_path) is None
    assert not (folder / ".owner.json").exists()


def test_a_finished_run_is_reported_and_left_alone(data, tmp_path, capsys):
    words = ["train", "--data", str(data), "--out", str(tmp_path / "run")]
    assert run_app(app, words) == 0
    before = files(tmp_path / "run")
    first = capsys.readouterr().out.splitlines()[-1]
    assert run_app(app, words) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [first] and "finished; nothing was done" in captured.err
    assert files(tmp_path / "run") == before


@pytest.mark.parametrize(
    "change, said",
    [
        ({"rate": 0.5}, "rate: got 0.5, expected 0.001"),
        ({"seed": 1}, "seed: got 1, expected 0"),
        ({}, "content of data"),
    ],
)
def test_another_run_in_the_same_folder_is_refused_before_anything_is_touched(data, tmp_path, change, said):
    folder = tmp_path / "run"
    execute(toy_command.run, Train(data=data, out=folder))
    before = files(folder)
    if not change:
        np.savez(data, x=np.ones((64, 2), "float32"))
    with pytest.raises(ConfigError, match=said):
        execute(toy_command.run, Train(data=data, out=folder, **change))
    assert files(folder) == before
    result = execute(toy_command.run, Train(data=data, out=folder, overwrite=True, **change))
    assert result.read_bytes() != before["result.txt"] and state(folder)["state"] == "finished"


def test_overwrite_empties_no_folder_that_is_no_run(tmp_path, data):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="no run of advsci wrote it"):
        execute(toy_command.run, Train(data=data, out=tmp_path, overwrite=True))
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("how, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_looks_stopped_and_the_same_command_resumes_it(data, tmp_path, how, status):
    whole = execute(toy_command.run, Train(data=data, out=tmp_path / "whole", steps=400)).read_text()
    words = ["train", "--data", str(data), "--steps", "400"]
    process = start(*words, cwd=tmp_path)
    wait_for(tmp_path / "runs")
    (folder,) = _until(lambda: list((tmp_path / "runs").iterdir()))
    wait_for(folder / "warmup" / "checkpoints" / "step-000000020")
    process.send_signal(how)
    out, err = process.communicate(timeout=120)
    assert process.returncode == status, err
    assert f"stopped by {how.name} at step " in err and " of 400; " in err and "Traceback" not in err
    assert f"the same command with --out {folder.relative_to(tmp_path)} resumes" in err
    assert not (folder / "result.txt").exists() and state(folder)["state"] == "stopped"
    assert not out.splitlines()
    process = start(*words, "--out", str(folder), cwd=tmp_path)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and (folder / "result.txt").read_text() == whole
    assert out.splitlines() == ["done warmup", "done game", str(folder / "result.txt")]


def _until(look):
    deadline = time.monotonic() + 120
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return found


def test_a_folder_in_use_is_refused_with_its_owner(data, tmp_path):
    folder = tmp_path / "run"
    process = start("train", "--data", str(data), "--steps", "100000", "--out", str(folder), cwd=tmp_path)
    wait_for(folder / "run.json")
    with pytest.raises(CheckpointError, match=f"in use by process {process.pid} on "):
        execute(toy_command.run, Train(data=data, out=folder, steps=100000))
    process.kill()  # the lock dies with its process
    process.communicate(timeout=60)
    with locked(folder):
        assert state(folder)["state"] == "running"


def test_a_failure_is_noted_and_a_repaired_run_goes_on(data, tmp_path):
    def broken(config, folder):
        raise ZeroDivisionError("a bug")

    config = Train(data=data, out=tmp_path / "run")
    with pytest.raises(ZeroDivisionError):
        execute(broken, config, name="toy")
    assert (state(tmp_path / "run")["state"], state(tmp_path / "run")["ended"]) == (
        "failed",
        "ZeroDivisionError: a bug",
    )
    assert execute(toy_command.run, config, name="toy").exists()


def test_ctrl_c_outside_a_training_is_a_stop_too(data, tmp_path, capsys):
    def interrupted(config, folder):
        raise KeyboardInterrupt

    with pytest.raises(Stopped, match="^stopped by SIGINT$"):
        execute(interrupted, Train(data=data, out=tmp_path / "run"), name="toy")
    assert state(tmp_path / "run")["state"] == "stopped"


def test_new_folders_never_meet(tmp_path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    results = [execute(toy_command.run, Train(data=data, steps=1), name="toy-train") for _ in range(3)]
    assert len({r.parent for r in results}) == 3 and all(r.parts[0] == "runs" for r in results)
    assert all(r.parent.name.startswith("toy-train-") for r in results)


def test_a_folder_that_cannot_be_made_is_named_before_the_work(tmp_path, data, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        execute(toy_command.run, Train(data=data, out=tmp_path / "file" / "run"))
    (tmp_path / "runs").write_text("")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="cannot be made"):
        execute(toy_command.run, Train(data=data))


@pytest.mark.parametrize("device", ["banana", "gpu", "cuda:99", "meta"])
def test_a_device_that_is_not_there_is_named_before_a_folder_is_made(device, tmp_path, data):
    with pytest.raises(ConfigError, match=r"device: got .*expected .*Try: --device"):
        execute(toy_command.run, Train(data=data, out=tmp_path / "run", device=device))
    assert not (tmp_path / "run").exists()


def test_a_stage_is_a_run_in_a_subfolder(tmp_path):
    assert Run(tmp_path).stage("warmup").path == tmp_path / "warmup"


def test_a_folder_is_an_input_where_it_is_meant(tmp_path, monkeypatch):
    class Settings(RunConfig):
        data: str = ""
        method: str = ""
        images: str = ""

    monkeypatch.chdir(tmp_path)
    for name in ("photos", "game"):
        (tmp_path / name / "cat").mkdir(parents=True)
        (tmp_path / name / "cat" / "1.png").write_bytes(b"one")
    for data in ("photos", "./photos", str(tmp_path / "photos")):
        before = inputs_of(Settings(data=data, method="game"))
        assert list(before) == ["data"], "a method is no folder, though one has its name"
        (tmp_path / "photos" / "cat" / "1.png").write_bytes(data.encode())
        assert inputs_of(Settings(data=data, method="game")) != before
