"""``make bench-help``: what ``--help`` of each script costs, over the help of an empty script of cyclopts alone.

CPU seconds of a whole process, interleaved; ``--quick`` takes fewer rounds.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from _row import row

EMPTY = """
import sys
from cyclopts import App
app = App(name="empty", help="Nothing.", help_format="plaintext")
@app.command
def nothing(*, steps: int = 1):
    "Do nothing."
sys.argv = ["empty", "--help"]
app()
"""
OURS = "import sys; sys.argv = [{name!r}, '--help']; from {module} import {function}; {function}()"


def seconds(code: str) -> float:
    """CPU seconds of one process."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print one row per script."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    rounds = 3 if "--quick" in sys.argv else 9
    for name, target in project["scripts"].items():
        module, function = target.split(":")
        ours = OURS.format(name=name, module=module, function=function)
        pairs = [(seconds(ours), seconds(EMPTY)) for _ in range(rounds + 1)][1:]
        a, b = (statistics.median(values) for values in zip(*pairs, strict=True))
        row(f"help/{name}", a / b, 1.5, unit="ratio of CPU seconds", peer="empty cyclopts script", note=f"{a:.2f} s")


if __name__ == "__main__":
    main()
