"""What a command prints for a program, and what it leaves out when asked to be quiet; no command prints by itself."""

import ast
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import Field

from advsci.cli import command, domain_app, run_app
from advsci.config import Config
from advsci.errors import DataError
from advsci.output import note, tell
from advsci.training.progress import show_progress

ROOT = Path(__file__).parents[2]


class Measure(Config):
    """Measure something."""

    count: int = Field(default=3, gt=0, description="How many.")
    bad: bool = False
    out: Path = Path("found.json")


def measure(config: Measure) -> Path:
    """Shows progress, tells what it found, and writes a file."""
    if config.bad:
        raise DataError("got NaN; expected finite numbers. Try: other data.")
    note("measuring ...")
    with show_progress(config.count, "steps") as show:
        show(config.count)
    print("a stray line")
    tell("mean 1.5, spread unknown", {"mean": np.float32(1.5), "spread": float("nan"), "all": np.arange(config.count)})
    config.out.write_text('{"inside": 1}')
    return config.out


def plan(config: Measure) -> dict[str, object]:
    """Facts of the run."""
    return {"samples": config.count}


@pytest.fixture
def answered(capsys, tmp_path):
    """Runs the command; exit status, standard output and standard error."""
    app = domain_app("example", "An example.")
    command(app, "measure", Measure, f"{__name__}:measure", plan=f"{__name__}:plan")

    def call(*arguments):
        """The answer to what was typed."""
        status = run_app(app, ["measure", "--out", str(tmp_path / "found.json"), *arguments])
        return status, *capsys.readouterr()

    return call


def test_json_is_all_of_standard_output(answered, tmp_path):
    status, out, err = answered("--json")
    assert status == 0
    assert json.loads(out) == {
        "command": "example-measure",
        "status": 0,
        "result": str(tmp_path / "found.json"),
        "found": {"mean": 1.5, "spread": None, "all": [0, 1, 2]},
        "content": {"inside": 1},
    }
    assert "a stray line" in err and "measuring" in err and "steps: step 3/3" in err


def test_an_error_is_told_as_json_and_keeps_its_status(answered):
    status, out, err = answered("--bad", "--json")
    assert status == 1 and json.loads(out)["error"].startswith("got NaN") and "error: got NaN" in err
    status, out, _ = answered("--count", "0", "--json")
    assert status == 2 and json.loads(out)["status"] == 2 and "count" in json.loads(out)["error"]


def test_a_dry_run_tells_settings_and_plan_as_json(answered, tmp_path):
    _, out, _ = answered("--dry-run", "--json", "--count", "5")
    assert json.loads(out)["plan"] == {"samples": 5} and json.loads(out)["settings"]["count"] == 5
    assert not (tmp_path / "found.json").exists()
    assert "plan" not in json.loads(answered("--print-config", "--json")[1])


def test_quiet_leaves_out_progress_and_keeps_findings(answered):
    _, out, err = answered()
    assert "measuring" in out and "step 3/3" in err
    _, out, err = answered("--quiet")
    assert "mean 1.5" in out and "measuring" not in out and err == ""
    assert "step 3/3" in answered()[2]  # quiet for one command only


COMMANDS = sorted([*(ROOT / "advsci" / "commands").glob("*.py"), *(ROOT / "domains").glob("*/commands/*.py")])


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: f"{path.parents[1].name}-{path.stem}")
def test_no_command_prints_a_result_past_json(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            assert any(keyword.arg == "file" for keyword in node.keywords), f"line {node.lineno}: tell or note"


def test_the_printing_of_a_command_is_restored(answered):
    before = sys.stdout
    answered("--json", "--bad")
    assert sys.stdout is before
