"""The house: no circles of files or of rooms, no private name across files, no test that measures time."""

import ast
import re
import time
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / "advsci", ROOT / "datasets" / "advsci_datasets", *sorted((ROOT / "domains").glob("advsci_*"))]
ROOMS = {"config.py", "cli.py", "demo.py", "store.py", "commands", "data", "game", "evaluation"}


def module_of(package: Path, file: Path) -> str:
    """Dotted name of a file of a package."""
    parts = [package.name, *file.relative_to(package).with_suffix("").parts]
    return ".".join(part for part in parts if part != "__init__")


def used(file: Path, modules: set[str]) -> set[str]:
    """Modules of the package that a file imports when it runs, tables of contents left out."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    typing = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typing:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & modules) or {node.module}
    return found & modules


def graph(package: Path) -> dict[str, set[str]]:
    """Module -> modules of the same package that it imports."""
    files = {module_of(package, f): f for f in package.rglob("*.py") if f.name != "__init__.py"}
    return {name: used(file, set(files)) - {name} for name, file in files.items()}


def room(package: Path, module: str) -> str:
    """The folder that a module lies in, or the module itself where it lies beside the folders."""
    parts = module.split(".")
    return ".".join(parts[:2]) if (package / parts[1]).is_dir() else module


def ordered(edges: dict[str, set[str]]) -> None:
    """Fail with the circle, if there is one."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.name)
def test_no_circle_of_files(package):
    ordered(graph(package))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.name)
def test_no_circle_of_rooms(package):
    rooms: dict[str, set[str]] = {}
    for module, uses in graph(package).items():
        here = room(package, module)
        rooms.setdefault(here, set()).update({room(package, other) for other in uses} - {here})
    ordered(rooms)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.name)
def test_no_private_name_is_imported_from_another_file(package):
    wrong = [
        f"{file.relative_to(ROOT)}:{node.lineno} {alias.name}"
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("advsci"))
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    ]
    assert not wrong


@pytest.mark.parametrize("package", sorted((ROOT / "domains").glob("advsci_*")), ids=lambda p: p.name)
def test_every_domain_has_the_same_rooms(package):
    assert ROOMS <= {path.name for path in package.iterdir()}, "see docs/architecture.md"


@pytest.mark.parametrize("package", sorted((ROOT / "domains").glob("advsci_*")), ids=lambda p: p.name)
def test_every_command_is_a_verb_with_run_and_plan(package):
    for file in (package / "commands").glob("*.py"):
        if file.name != "__init__.py":
            made = {n.name for n in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(n, ast.FunctionDef)}
            assert {"run", "plan"} <= made, file.relative_to(ROOT)


def test_no_test_measures_time():
    clocks = [name for name in dir(time) if name.startswith(("perf_", "process_", "thread_"))]
    measured = re.compile(rf"\b({'|'.join(clocks)})\b|\btime\.time\(|^import resource\b", re.MULTILINE)
    files = [f for f in (ROOT / "tests").rglob("test_*.py") if "benchmarks" not in f.parts and f != Path(__file__)]
    assert not [str(f.relative_to(ROOT)) for f in files if measured.search(f.read_text(encoding="utf-8"))]
