"""A script as two processes of one group of torch.distributed, on the CPU."""

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def free_port() -> str:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return str(s.getsockname()[1])


def two_processes(script: Path, *arguments: str) -> None:
    """Run a script as two processes of one group, to their end."""
    roots = os.pathsep.join(str(path) for path in (ROOT, ROOT / "domains", ROOT / "datasets", ROOT / "tests" / "toys"))
    environment = os.environ | {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": free_port(),
        "PYTHONPATH": roots,
        "GLOO_SOCKET_IFNAME": "lo",
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, str(script), *arguments]
    processes = [subprocess.Popen(command, env=environment | {"RANK": str(rank)}, cwd=ROOT) for rank in range(2)]
    assert [process.wait(300) for process in processes] == [0, 0]
