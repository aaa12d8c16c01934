"""A sweep finds the best of known settings, goes on where it was killed, gives up what is behind, names errors."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tilted_game

from advsci.cli import run_app
from advsci.commands import app
from advsci.commands.vary import Vary
from advsci.config import DeviceConfig, load_config, read_toml
from advsci.errors import ConfigError

pytest.importorskip("optuna")
TOYS = Path(tilted_game.__file__).parent
SWEEP = ["sweep", "tilted-train", "--metric", "miss", "--direction", "minimize"]
MAIN = (
    "import sys, tilted_game, advsci.cli as cli\n"
    "cli.found_command = lambda name: (tilted_game.Train, tilted_game.run)\n"
    "from advsci.commands import app\n"
    "sys.exit(cli.run_app(app, sys.argv[1:]))\n"
)


@pytest.fixture(autouse=True)
def toy_command(monkeypatch):
    monkeypatch.setattr("advsci.cli.found_command", lambda name: (tilted_game.Train, tilted_game.run))


def started(words, out):
    """A sweep in a process of its own."""
    roots = os.pathsep.join([str(TOYS), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, *words, "--out", str(out)], env=os.environ | {"PYTHONPATH": roots},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def values(out):
    """Folder of each trial -> its settings."""
    return {path.parent.name: read_toml(path) for path in out.glob("trial-*/settings.toml")}


def test_the_best_of_known_settings(tmp_path, capsys):
    out = tmp_path / "sweep"
    words = [
        *SWEEP,
        "--vary",
        "slope=-1.0:1.0",
        "kind=plain,also,broken",
        "--trials",
        "18",
        "--out",
        str(out),
        "--no-prune",
    ]
    assert run_app(app, words) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == str(out / "sweep.html") and "got a broken training" in said.err
    best = load_config(tilted_game.Train, out / "best.toml")
    assert abs(best.slope - 0.3) < 0.25 and best.kind != "broken"
    misses = {f: (v["slope"] - 0.3) ** 2 for f, v in values(out).items() if v["kind"] != "broken"}
    winner = min(misses, key=lambda f: misses[f])
    assert best.slope == values(out)[winner]["slope"]
    last = json.loads((out / winner / "seed-0" / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["miss"] == pytest.approx(misses[winner], abs=1e-4)
    page = (out / "sweep.html").read_text()
    assert "What matters" in page and "got a broken training" in page
    assert run_app(app, words) == 0  # nothing is left to do
    assert len(values(out)) == 18


def test_a_killed_sweep_goes_on_in_its_trial(tmp_path):
    out, words = tmp_path / "sweep", [*SWEEP, "--vary", "slope=-1.0:1.0", "--trials", "3"]
    (tmp_path / "slow.toml").write_text("wait = 0.1\n")
    words += ["--settings", str(tmp_path / "slow.toml")]
    process = started(words, out)
    log, begin = out / "trial-1" / "seed-0" / "metrics.jsonl", time.monotonic()
    while not (log.exists() and len(log.read_text().splitlines()) >= 3):
        assert process.poll() is None and time.monotonic() - begin < 300
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = values(out)
    assert run_app(app, [*words, "--out", str(out)]) == 0
    assert set(values(out)) == {"trial-0", "trial-1", "trial-3"} and values(out)["trial-1"] == before["trial-1"]
    steps = [json.loads(line)["step"] for line in log.read_text().splitlines()]
    assert steps == [5, 10, 15, 20, 25, 30, 35, 40]


def test_two_processes_share_a_sweep(tmp_path):
    words = [*SWEEP, "--vary", "slope=-1.0:1.0", "--trials", "6"]
    (tmp_path / "slow.toml").write_text("wait = 0.05\n")
    words += ["--settings", str(tmp_path / "slow.toml")]
    both = [started(words, tmp_path / "sweep") for _ in range(2)]
    said = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    done = [line.split(":")[0] for text in said for line in text.splitlines() if line.startswith("trial-")]
    assert len(done) == len(set(done)) and 6 <= len(done) <= 7
    assert len({v["slope"] for v in values(tmp_path / "sweep").values()}) == len(done)


def test_what_is_behind_is_given_up(tmp_path, capsys):
    words = [*SWEEP, "--vary", "slope=-4.0:4.0", "--trials", "12", "--out", str(tmp_path)]
    assert run_app(app, words) == 0
    given_up = [line.split(":")[0] for line in capsys.readouterr().out.splitlines() if line.endswith("given up")]
    assert given_up
    far = [abs(values(tmp_path)[name]["slope"] - 0.3) for name in given_up]
    best = read_toml(tmp_path / "best.toml")["slope"]
    assert min(far) > abs(best - 0.3)


def test_what_is_wrong_is_named_before_a_training(tmp_path, capsys):
    def refused(*words):
        assert run_app(app, [*SWEEP, "--out", str(tmp_path / "sweep"), *words]) == 2
        assert not list(tmp_path.glob("sweep/trial-*/seed-0/metrics.jsonl"))
        return capsys.readouterr().err

    assert "vary: got nothing" in refused()
    assert "got 'slop', no setting of the command" in refused("--vary", "slop=1:2")
    assert "slope: got 9" in refused("--vary", "slope=1.0:9.0")
    assert "got 'slope' twice" in refused("--vary", "slope=1.0:2.0", "slope=1.0:3.0")
    assert run_app(app, [*SWEEP, "--vary", "slope=0.0:1.0", "--trials", "1", "--out", str(tmp_path / "one")]) == 0
    assert run_app(app, [*SWEEP, "--vary", "slope=0.0:2.0", "--trials", "1", "--out", str(tmp_path / "one")]) == 2
    assert "which holds another sweep" in capsys.readouterr().err
    words = ["sweep", "tilted-train", "--metric", "hit", "--vary", "slope=0.0:1.0", "--out", str(tmp_path / "two")]
    assert run_app(app, words) == 2
    assert "got the metric 'hit'" in (err := capsys.readouterr().err) and "expected one of miss" in err


def test_values_are_read_as_toml():
    vary = Vary.parse("seed=1:1000:log", DeviceConfig)
    assert (vary.low, vary.high, vary.log) == (1, 1000, True)
    assert Vary.parse('device="a,b",cpu', DeviceConfig).choices == ("a,b", "cpu")
    assert Vary.parse("seed=[1, 2],[3]", DeviceConfig).choices == ([1, 2], [3])
    for wrong in ("seed=2:1", "seed=0:1:log", "seed", "seed="):
        with pytest.raises(ConfigError, match="expected"):
            Vary.parse(wrong, DeviceConfig)


def test_workers_are_handed_to_a_cluster(tmp_path, capsys):
    submitit = pytest.importorskip("submitit")
    words = [
        *SWEEP,
        "--vary",
        "slope=0.0:1.0",
        "--trials",
        "2",
        "--out",
        str(tmp_path),
        "--submit",
        "local",
        "--workers",
        "2",
    ]
    jobs = []
    submit = submitit.AutoExecutor.submit

    def noted(self, function, *args):
        jobs.append((function, args))
        return submit(self, max, 1, 2)

    submitit.AutoExecutor.submit = noted
    try:
        assert run_app(app, words) == 0
    finally:
        submitit.AutoExecutor.submit = submit
    assert "submitted" in capsys.readouterr().out and len(jobs) == 2
    function, (config,) = jobs[0]
    assert config.submit is None and function(config) == tmp_path / "sweep.html"
