"""Two processes with half a batch each play the game of one process with the whole batch."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from toy_game import sgd, toy_data, toy_game, toy_solver, toy_trainer

from advsci.errors import ConfigError
from advsci.processes import process_shard
from advsci.training import checkpoint

ROOT = Path(__file__).parents[3]


def free_port() -> str:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return str(s.getsockname()[1])


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this torch has no gloo")
def test_two_processes_equal_one(tmp_path):
    toy_trainer(tmp_path / "one", steps=40).fit(toy_game(), toy_data(), toy_solver(sgd))
    roots = os.pathsep.join(str(path) for path in (ROOT, ROOT / "tests" / "toys"))
    environment = os.environ | {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": free_port(),
        "PYTHONPATH": roots,
        "GLOO_SOCKET_IFNAME": "lo",
    }
    command = [sys.executable, str(ROOT / "tests" / "toys" / "toy_process.py"), str(tmp_path / "two")]
    processes = [subprocess.Popen(command, env=environment | {"RANK": str(rank)}, cwd=ROOT) for rank in range(2)]
    assert [process.wait(120) for process in processes] == [0, 0]
    states = []
    for name in ("one", "two"):
        newest = checkpoint.latest(tmp_path / name / "checkpoints")
        assert newest is not None
        states.append(checkpoint.load(newest)[1])
    # equal up to the order of summation
    torch.testing.assert_close(states[1]["game"], states[0]["game"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(states[1]["averages"], states[0]["averages"], rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this torch has no gloo")
def test_torchrun_needs_nothing_in_the_script(tmp_path):
    """No init_process_group: the trainer joins the group, and the first process alone writes the folder."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, torch\n"
        "from toy_game import *\n"
        "torch.set_num_threads(1)\n"
        "training = toy_trainer(sys.argv[1], steps=40).fit(toy_game(), toy_data(), toy_solver(sgd))\n"
        "print(training.step, len(training.log))\n"
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
        assert done.stdout.split() == ["40", "4"] * 2
    logs = [(tmp_path / name / "metrics.jsonl").read_text().splitlines() for name in ("one", "two")]
    assert len(logs[1]) == len(logs[0]) == 4
    states = [checkpoint.load(checkpoint.latest(tmp_path / name / "checkpoints"))[1] for name in ("one", "two")]
    torch.testing.assert_close(states[1]["game"], states[0]["game"], rtol=1e-4, atol=1e-5)


def test_batch_that_does_not_divide_is_refused(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 3)
    with pytest.raises(ConfigError, match="expected a multiple of 3. Try: 255"):
        process_shard(256)
