"""Compiled gradients equal the eager ones, double backward included: in a process without the tests' shape checks,
which cannot be traced.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("rule", ["Alternating", "Simultaneous"])
def test_compiled_equals_eager(rule):
    """The captured graph as it is (aot_eager); the benchmarks compare what inductor makes of it."""
    assert float(run("compiled_process.py", rule, "aot_eager")) < 1e-10


def test_a_process_may_compile_many_games():
    assert int(run("many_games_process.py")) == 6


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, str(ROOT / "tests" / "toys" / script), *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
