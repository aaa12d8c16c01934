"""Two processes with half a batch each play the game of one process with the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from divided_games import COUPLED, MEANS, SECOND_ORDER, ended, play
from torch import nn
from toy_game import sgd, toy_data, toy_game, toy_solver, toy_trainer
from two_processes import free_port, two_processes

from advsci.errors import ConfigError
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.objectives import KernelMMD
from advsci.penalties import DRAGAN
from advsci.processes import process_shard
from advsci.solvers import Consensus, Simultaneous, Unrolled
from advsci.training import checkpoint

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this torch has no gloo")
def test_two_processes_equal_one(tmp_path):
    toy_trainer(tmp_path / "one", steps=40).fit(toy_game(), toy_data(), toy_solver(sgd))
    two_processes(ROOT / "tests" / "toys" / "toy_process.py", str(tmp_path / "two"))
    states = []
    for name in ("one", "two"):
        newest = checkpoint.latest(tmp_path / name / "checkpoints")
        assert newest is not None
        states.append(checkpoint.load(newest)[1])
    # equal up to the order of summation
    torch.testing.assert_close(states[1]["game"], states[0]["game"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(states[1]["averages"], states[0]["averages"], rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this torch has no gloo")
def test_every_game_penalty_and_rule_on_two_processes_equals_one(tmp_path):
    """In float64, to the order of summation."""
    two_processes(ROOT / "tests" / "toys" / "divided_games.py", str(tmp_path / "two"), "6")
    for name, case in (MEANS | COUPLED | SECOND_ORDER).items():
        play(case, tmp_path / "one" / name, 6)
        one, two = ended(tmp_path / "one" / name), ended(tmp_path / "two" / name)
        assert one.keys() == two.keys()
        gap = max(float((two[key] - value).abs().max()) for key, value in one.items())
        assert gap <= 1e-9, name


def test_what_would_see_a_part_of_the_batch_is_refused(monkeypatch):
    monkeypatch.setattr("advsci.solvers.solver.several_processes", lambda: True)
    monkeypatch.setattr("advsci.solvers.unrolled.several_processes", lambda: True)

    def bind(solver, **settings):
        layers = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
        solver.bind(GAN(MLP(2, 2), settings.pop("discriminator", layers), Gaussian(2), **settings))

    with pytest.raises(ConfigError, match="got BatchNorm1d under Simultaneous"):
        bind(Simultaneous(sgd))
    with pytest.raises(ConfigError, match="got DRAGAN under Consensus"):
        bind(Consensus(sgd), discriminator=MLP(2, 1), penalties=(DRAGAN(),))
    with pytest.raises(ConfigError, match="imagine steps of its own"):
        bind(Unrolled(sgd, unroll={"generator": 2}, rate=0.1), discriminator=MLP(2, 1))
    bind(Simultaneous(sgd), discriminator=MLP(2, 1), penalties=(DRAGAN(),), objective=KernelMMD())


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this torch has no gloo")
def test_torchrun_needs_nothing_in_the_script(tmp_path):
    """No init_process_group: the trainer joins the group, and the first process alone writes the folder."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, torch\n"
        "from pathlib import Path\n"
        "from toy_game import *\n"
        "torch.set_num_threads(1)\n"
        "training = toy_trainer(sys.argv[1], steps=40).fit(toy_game(), toy_data(), toy_solver(sgd))\n"
        "said = Path(sys.argv[1]).with_suffix(f'.rank{torch.distributed.get_rank()}')\n"
        "said.write_text(f'{training.step} {len(training.log)}')\n"
    )
    toy_trainer(tmp_path / "one", steps=40).fit(toy_game(), toy_data(), toy_solver(sgd))
    roots = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "toys"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", free_port()]
    for _ in range(2):  # the second time each process finds the training finished
        done = subprocess.run(
            [*command, str(script), str(tmp_path / "two")],
            env=os.environ | {"PYTHONPATH": roots, "GLOO_SOCKET_IFNAME": "lo", "CUDA_VISIBLE_DEVICES": ""},
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said = sorted(tmp_path.glob("two.rank*"))  # two processes writing to one pipe may share a line
        assert [file.name for file in said] == ["two.rank0", "two.rank1"]
        assert [file.read_text() for file in said] == ["40 4"] * 2
        for file in said:
            file.unlink()
    logs = [(tmp_path / name / "metrics.jsonl").read_text().splitlines() for name in ("one", "two")]
    assert len(logs[1]) == len(logs[0]) == 4
    states = [checkpoint.load(checkpoint.latest(tmp_path / name / "checkpoints"))[1] for name in ("one", "two")]
    torch.testing.assert_close(states[1]["game"], states[0]["game"], rtol=1e-4, atol=1e-5)


def test_batch_that_does_not_divide_is_refused(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 3)
    with pytest.raises(ConfigError, match="expected a multiple of 3. Try: 255"):
        process_shard(256)
