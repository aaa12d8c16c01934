"""The README's example runs as it stands, with fewer steps."""

import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_example_trains_and_samples():
    block = re.search(r"<!-- example -->\n```python\n(.*?)```", README, re.DOTALL)
    assert block is not None
    code, replaced = re.subn(r"steps=\d+", "steps=20", block.group(1))
    assert replaced == 1
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d of 8 modes, \d+% of the samples", done.stdout)
    assert len([line for line in code.splitlines() if line.strip()]) <= 20


def test_every_script_in_the_table_exists():
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert set(re.findall(r"^\| `(advsci[\w-]*)` \|", README, re.MULTILINE)) == set(project["scripts"])
