"""``advsci reproduce``: steps are cached, a stopped run continues, a lost cell fails the check."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from advsci.cli import run_app
from advsci.commands import app
from advsci.papers import paper as module
from advsci.papers import read_paper
from advsci.papers.gather import gather
from advsci.papers.group import run_group
from advsci.papers.step import step

SNAKEFILE = """
rule measurements:
    input: expand("measured/{seed}.json", seed=config["seeds"])
    output: "measurements.json"
    shell: "{config[python]} -m advsci.papers.gather {input} --out {output}"

rule measure:
    output: "measured/{seed}.json"
    params: code=config["fingerprint"]
    shell: "{config[python]} FOLDER/toy.py --seed {wildcards.seed} --out {output}"
"""
STEP = """
import os, time
from advsci.papers.step import step

def measure(seed: int):
    second = os.path.exists("ran")  # snakemake starts the steps in whatever order
    open("steps", "a").write(f"{os.getpid()} ")
    open("ran", "a").write(f"{seed} ")
    while second and os.path.exists("wait"):
        time.sleep(0.05)
    return {"value": VALUE + seed, "works": True, "fails": False, "curve": [1, 2]}

step(measure)
"""
PAPER = """
title = "<A> toy"
citation = "Nobody 2026"
identifier = "arXiv:0000.00000"
shows = "table 1"
read = "nowhere"
protocol = "Counting."
seeds = { quick = [0, 1] }
cells = [
  { name = "value", row = "toy", column = "value", published = 1.5, error = 0.1, tolerance = 0.2 },
  { name = "works", row = "toy", column = "works", published = true, control = "positive" },
  { name = "fails", row = "toy", column = "fails", published = false, control = "negative" },
]
"""


@pytest.fixture
def toy(tmp_path, monkeypatch) -> Path:
    """The folder of a paper that is measured in no time."""
    folder = tmp_path / "some" / "papers" / "toy"
    folder.mkdir(parents=True)
    (folder / "paper.toml").write_text(PAPER)
    (folder / "Snakefile").write_text(SNAKEFILE.replace("FOLDER", str(folder)))
    (folder / "toy.py").write_text(STEP.replace("VALUE", "1.0"))
    monkeypatch.setattr(module, "papers", lambda: {"toy": folder})
    monkeypatch.setattr("advsci.papers.papers", lambda: {"toy": folder}, raising=False)
    return folder


def reproduce(out: Path, *options: str) -> int:
    return run_app(app, ["reproduce", "toy", "--out", str(out), *options])


def test_steps_are_cached_and_a_lost_cell_fails_the_check(toy, tmp_path, capsys):
    out = tmp_path / "out"
    work = out / "toy-quick"
    assert reproduce(out, "--check") == 0  # nothing was reproduced before, so nothing is lost
    assert sorted((work / "ran").read_text().split()) == ["0", "1"]
    cells = {c["cell"]: c for c in json.loads((work / "cells.json").read_text())["cells"]}
    assert cells["value"]["ours"] == 1.5 and cells["value"]["seeds"] == 2 and cells["value"]["interval"] > 0
    assert {c["status"] for c in cells.values()} == {"reproduced"}
    assert (work / "cells.csv").read_text().count("reproduced") == 3
    page = (work / "report.html").read_text()
    assert "&lt;A&gt; toy" in page and "3 of 3 cells reproduced" in page and len(page) < 1e6
    crate = json.loads((work / "ro-crate-metadata.json").read_text())
    hashes = {entry["@id"]: entry["sha256"] for entry in crate["@graph"] if entry["@type"] == "File"}
    assert hashes["cells.csv"] == hashlib.sha256((work / "cells.csv").read_bytes()).hexdigest()
    assert reproduce(out, "--record") == 0
    assert sorted((work / "ran").read_text().split()) == ["0", "1"]  # no step ran again

    (toy / "toy.py").write_text(STEP.replace("VALUE", "2.0"))  # the code changes, and with it the value
    capsys.readouterr()
    assert reproduce(out, "--check", "--record") == 1  # the reference is that of before
    assert "lost: value, reproduced before" in capsys.readouterr().out
    assert sorted((work / "ran").read_text().split()) == ["0", "0", "1", "1"]


def test_a_killed_run_continues_where_it_stopped(toy, tmp_path):
    """Of two papers the first is done and the second half done when a signal comes: first one, then the other."""
    other = toy.with_name("zebra")
    shutil.copytree(toy, other)
    (other / "Snakefile").write_text(SNAKEFILE.replace("FOLDER", str(other)))
    out = tmp_path / "out"
    work = out / "zebra-quick"
    work.mkdir(parents=True)
    (work / "wait").touch()
    code = (
        "import sys; from pathlib import Path; from advsci.papers import paper\n"
        f"paper.papers = lambda: {{p.name: p for p in map(Path, {[str(toy), str(other)]!r})}}\n"
        "from advsci.cli import run_app; from advsci.commands import app\n"
        f"sys.exit(run_app(app, ['reproduce', 'all', '--out', {str(out)!r}]))"
    )
    for number, (sent, codes) in enumerate([(signal.SIGKILL, (-9,)), (signal.SIGTERM, (130, 143)), (None, (0,))]):
        if not sent:
            (work / "wait").unlink()
        run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
        try:
            if sent:
                wait_until(lambda: len(words(work / "ran")) == 2 + number, run)  # noqa: B023
                run.send_signal(sent)
            assert run.wait(PATIENCE) in codes
        finally:
            run.kill()
        if sent:  # no step outlives the run
            wait_until(lambda: not any(map(alive, words(work / "steps"))))
            first, second = words(work / "ran")[:2]
            assert (work / "measured" / f"{first}.json").exists()
            assert not (work / "measured" / f"{second}.json").exists()
    assert words(work / "ran") == [first, second, second, second] and len(words(out / "toy-quick" / "ran")) == 2
    for name in ("toy", "zebra"):
        cells = json.loads((out / f"{name}-quick" / "cells.json").read_text())["cells"]
        assert [c["status"] for c in cells] == ["reproduced"] * 3


PATIENCE = 240.0
"""Seconds after which a test gives up on another process."""


def words(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


def alive(process: str) -> bool:
    state = Path("/proc") / process / "stat"
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until(true, process: subprocess.Popen | None = None) -> None:
    for _ in range(int(PATIENCE / 0.05)):
        if true():
            return
        assert process is None or process.poll() is None, "the process has ended"
        time.sleep(0.05)
    raise AssertionError("nothing happened")


def test_steps_that_do_not_heed_a_signal_are_killed():
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM)).start()
    deaf = ["sh", "-c", 'trap "" TERM; read -r line || sleep 600']  # nothing can be read: the steps have no input
    assert run_group(deaf, os.environ, patience=0.2) == (-signal.SIGKILL, "SIGTERM")


def test_a_failing_step_is_an_error_that_names_the_paper(toy, tmp_path, capfd):
    (toy / "toy.py").write_text("raise ValueError('no such thing')")
    assert reproduce(tmp_path / "out") == 1
    told = capfd.readouterr().err
    assert "no such thing" in told and "error: paper toy: got exit status 1" in told


def test_wrong_usage_is_told_before_anything_runs(toy, tmp_path, capsys):
    assert run_app(app, ["reproduce", "--list"]) == 0
    assert capsys.readouterr().out.startswith("toy    3 cells  Nobody 2026; table 1")
    for arguments, said in (
        (["reproduce", "toi"], "Try: toy"),
        (["reproduce"], "Try: advsci reproduce --list"),
        (["reproduce", "toy", "--quick", "--full"], "expected one form"),
    ):
        assert run_app(app, arguments) == 2
        assert said in capsys.readouterr().err
    assert run_app(app, ["reproduce", "all", "--dry-run", "--out", str(tmp_path / "new")]) == 0
    assert "3 cells, seeds [0, 1]" in capsys.readouterr().out and not (tmp_path / "new").exists()


def test_measurements_survive_json(tmp_path):
    import torch

    def measure(seed: int, effort: str):
        return {"a": torch.tensor(0.1, dtype=torch.float64), "b": effort == "quick", "c": torch.arange(3)}

    for seed in (1, 0):
        step(measure, ["--seed", str(seed), "--effort", "quick", "--out", str(tmp_path / "new" / f"{seed}.json")])
    found = gather([tmp_path / "new" / f"{seed}.json" for seed in (0, 1)])
    assert found["cells"] == {"a": [0.1, 0.1], "b": [1.0, 1.0]} and found["curves"] == {"c": [0.0, 1.0, 2.0]}
    assert [s["seed"] for s in found["steps"]] == [0, 1]
    with pytest.raises(SystemExit):
        step(measure, ["--seed", "x"])


@pytest.mark.parametrize("name", ["dirac", "on-demand", "switches", "wavy"])
def test_cheap_papers_are_still_reproduced(name, tmp_path):
    assert read_paper(name).cells
    assert run_app(app, ["reproduce", name, "--check", "--out", str(tmp_path)]) == 0
