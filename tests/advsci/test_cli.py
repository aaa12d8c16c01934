"""Commands made from schemas, and the promise that help is quick and torch-free."""

import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from advsci.cli import command, domain_app, run_app
from advsci.config import Config
from advsci.errors import ConfigError, DataError


class Solver(Config):
    """How players move."""

    rate: float = Field(default=1e-3, gt=0, description="Learning rate.")
    kind: Literal["alternating", "simultaneous"] = "alternating"
    decay: Annotated[float, Field(gt=0)] | Literal["auto"] | None = None


class Train(Config):
    """Train something."""

    seed: int = 0

    data: Path = Field(description="Images.")
    steps: int = Field(default=2000, gt=0, description="Training steps.")
    views: list[int] = [10, 20]
    shift: tuple[float, float] = (0.0, 0.0)
    ema: bool = True
    weights: dict[str, float] = {}
    solver: Solver = Solver()


seen: list[Train] = []


def run(config: Train) -> Path:
    """Keeps the config; one data set is bad."""
    if config.data == Path("bad.npz"):
        raise DataError("bad.npz: got NaN; expected finite numbers")
    seen.append(config)
    return Path("report.html")


def plan(config: Train) -> dict[str, object]:
    """A fact of the run."""
    return {"samples": 7}


@pytest.fixture
def cli(monkeypatch, capsys):
    """Calls the app; returns (exit code, stdout, stderr, configs that ran)."""
    monkeypatch.setitem(sys.modules, "the_domain", sys.modules[__name__])
    app = domain_app("x", "A domain.")
    command(app, "train", Train, "the_domain:run", plan="the_domain:plan", positional=("data",))
    command(app, "absent", Solver, "no_such_module:run")

    def call(*arguments: str):
        seen.clear()
        code = run_app(app, list(arguments))
        return code, *capsys.readouterr(), list(seen)

    return call


def test_options_reach_the_function_as_the_config_that_python_would_make(cli):
    arguments = "train d.npz --steps 3 --views -1 2 --shift 0.5 -1 --solver.rate 1e-2 --no-ema --seed 4"
    code, out, _, configs = cli(*arguments.split(), "--weights", "{a = 1}")
    expected = Train(
        data=Path("d.npz"),
        steps=3,
        views=[-1, 2],
        shift=(0.5, -1),
        ema=False,
        seed=4,
        weights={"a": 1},
        solver=Solver(rate=1e-2),
    )
    assert (code, configs) == (0, [expected])
    assert out.splitlines()[-1] == "report.html"


@pytest.mark.parametrize(("text", "value"), [("0.5", 0.5), ("auto", "auto")])
def test_a_union_may_have_a_constrained_member(cli, text, value):
    code, _, _, configs = cli("train", "d.npz", "--solver.decay", text)
    assert (code, configs) == (0, [Train(data=Path("d.npz"), solver=Solver(decay=value))])
    code, _, err, configs = cli("train", "d.npz", "--solver.decay", "-1")
    assert code != 0 and not configs
    assert "solver.decay" in err and "greater than 0" in err and "pydantic" not in err


def test_the_command_line_overrides_the_file(cli, tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('data = "d.npz"\nsteps = 5\n[solver]\nrate = 0.5\nkind = "simultaneous"\n')
    _, _, _, configs = cli("train", "--config", str(file), "--solver.rate", "0.25")
    assert configs == [Train(data=Path("d.npz"), steps=5, solver=Solver(rate=0.25, kind="simultaneous"))]


def test_print_config_says_the_origin_and_reads_back(cli, tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('data = "d.npz"\nsteps = 5\n')
    code, out, _, configs = cli("train", "-c", str(file), "--solver.rate", "0.25", "--print-config")
    assert (code, configs) == (0, [])
    assert Train(**tomllib.loads(out)) == Train(data=Path("d.npz"), steps=5, solver=Solver(rate=0.25))
    origins = {line.split(" ")[0]: line.split("# ")[1] for line in out.splitlines() if " = " in line}
    assert origins["steps"].startswith("file") and origins["rate"].startswith("command line")
    assert origins["seed"].startswith("default")


def test_dry_run_checks_and_does_not_run(cli):
    code, out, _, configs = cli("train", "d.npz", "--dry-run")
    assert (code, configs) == (0, []) and "# samples: 7" in out
    assert cli("train", "d.npz", "--dry-run", "--steps", "-1")[0] == 2
    assert cli("absent", "--print-config")[0] == 0  # the implementation is not even imported


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        ("train d.npz --stps 3", 2, "--steps"),
        ("train d.npz --steps x", 2, "--steps"),
        ("train d.npz --steps -3", 2, "steps: got -3"),
        ("train d.npz --weights a=1", 2, "weights: got 'a=1'"),
        ("train d.npz --solver.kind unrolled", 2, "simultaneous"),
        ("train", 2, "data: got nothing"),
        ("train d.npz --config absent.toml", 2, "absent.toml: got no such file"),
        ("trian d.npz", 2, "train"),
        ("train bad.npz", 1, "got NaN"),
    ],
)
def test_wrong_usage_is_named_and_nothing_runs(cli, arguments, code, message):
    got, out, err, configs = cli(*arguments.split())
    assert (got, configs) == (code, [])
    assert message in err + out and "Traceback" not in err


def test_a_bug_keeps_its_traceback(cli):
    with pytest.raises(ModuleNotFoundError):
        cli("absent")


def test_a_schema_may_not_take_the_factorys_options():
    class Clash(Config):
        """Has a reserved name."""

        config: str = ""

    with pytest.raises(ConfigError, match="config"):
        command(domain_app("x", ""), "run", Clash, "m:f")


def test_a_schema_may_be_named_and_is_imported_when_it_is_used(tmp_path, monkeypatch, capsys):
    (tmp_path / "named.py").write_text(
        'from advsci.config import Config\nclass Add(Config):\n    """Add one number."""\n    x: int = 1\n'
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    app = domain_app("x", "")
    command(app, "add", "named:Add", "builtins:print")
    assert run_app(app, ["--help"]) == 0
    assert "Add one number." in capsys.readouterr().out and "named" not in sys.modules
    assert run_app(app, ["add", "--x", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "x=2"


PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("script", PROJECT["scripts"].values())
def test_help_imports_nothing_that_the_work_needs(script):
    """What makes help quick; `make bench-help` measures it. A script's help needs no schema."""
    module, function = script.split(":")
    code = f"""
        import sys
        heavy = {{"torch", "numpy", "scipy", "pandas", "anndata", "scanpy", "matplotlib", "jinja2"}}
        sys.argv = [{module!r}, "--help"]
        from {module} import app, {function}
        code = {function}()
        if found := (heavy | {{"pydantic"}}) & set(sys.modules):
            sys.exit(f"imported {{found}}")
        def resolve(app):
            for name in app:
                if not name.startswith("-"):
                    resolve(app[name])
        resolve(app)
        found = heavy & set(sys.modules)
        sys.exit(f"imported {{found}}" if found or "pydantic" not in sys.modules else code)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_the_shell_completes_commands_and_options(tmp_path):
    """As docs/quickstart.md sets it up, asked of a real bash."""
    import shutil
    import subprocess

    from advsci_inverse.cli import app as inverse

    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    script = tmp_path / "completion.bash"
    script.write_text(inverse.generate_completion(shell="bash"))
    ask = f"""source {script}
    COMP_WORDS=(advsci-inverse rec); COMP_CWORD=1; _advsci_inverse; echo "${{COMPREPLY[@]}}"
    COMP_WORDS=(advsci-inverse reconstruct --pri); COMP_CWORD=2; _advsci_inverse; echo "${{COMPREPLY[@]}}" """
    told = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True, timeout=300).stdout.split()
    assert told[0] == "reconstruct" and {"--prior", "--print-config"} <= set(told[1:])
