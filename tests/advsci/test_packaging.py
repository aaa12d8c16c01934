"""What is shipped, what shadows nothing, and what imports nothing it should not."""

import ast
import importlib.util
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = {Path(p).name: ROOT / p for p in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
DOMAINS = {name for name, path in PACKAGES.items() if path.parent.name == "domains"}
HEAVY = {"scanpy", "anndata", "torch_geometric", "SurfaceTopography", "pandas", "sklearn", "matplotlib", "torchvision"}


def tracked(*patterns: str) -> list[Path]:
    """Files under version control; a tree without it (an unpacked sdist) is skipped."""
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, timeout=300)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def test_top_level_folders_are_the_five():
    folders = {path.relative_to(ROOT).parts[0] for path in tracked() if path.parent != ROOT}
    assert {f for f in folders if not f.startswith(".")} == {"advsci", "domains", "datasets", "tests", "docs"}


@pytest.mark.parametrize("root", ["domains", "datasets", "tests", "docs"])
def test_source_roots_are_no_packages(root):
    assert not (ROOT / root / "__init__.py").exists()  # with one, our folder would shadow other people's `datasets`


@pytest.mark.parametrize("name", ["datasets", "domains", "tests", "docs"])
def test_common_names_are_not_taken_by_us(name):
    code = f"import importlib.util as u; s = u.find_spec({name!r}); print(s and s.origin or '')"
    for folder in (ROOT, ROOT.parent):
        origin = subprocess.check_output([sys.executable, "-c", code], cwd=folder, text=True, timeout=300).strip()
        assert not origin.startswith(str(ROOT / name)), origin


def test_every_package_is_importable_typed_and_in_the_wheel_list():
    on_disk = {p.parent.name for root in ("domains", "datasets") for p in (ROOT / root).glob("*/__init__.py")} | {
        "advsci"
    }
    assert on_disk == set(PACKAGES)
    for name, path in PACKAGES.items():
        assert importlib.util.find_spec(name) is not None
        assert (path / "py.typed").exists()


def test_the_wheel_holds_every_tracked_file_of_the_packages(tmp_path):
    pytest.importorskip("hatchling")
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    made = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert made.returncode == 0, made.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        held = set(wheel.namelist())
    expected = {
        str(path.relative_to(package.parent)) for package in PACKAGES.values() for path in tracked(str(package))
    }
    assert expected <= held, sorted(expected - held)
    assert {name.split("/")[0] for name in held if ".dist-info" not in name} == set(PACKAGES)


def imports(path: Path) -> set[str]:
    """First parts of the names of all modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def banned(name: str, path: Path) -> set[str]:
    """What a file may not import: other domains; in the core, but for its commands and papers, also the data sets."""
    core = name == "advsci" and not {"commands", "papers"} & set(path.relative_to(ROOT).parts)
    return DOMAINS - {name} | ({"advsci_datasets"} if core else set())


def test_imports_point_one_way():
    files = [(name, path) for name, package in PACKAGES.items() for path in package.rglob("*.py")]
    wrong = {
        str(path.relative_to(ROOT)): found for name, path in files if (found := imports(path) & banned(name, path))
    }
    assert not wrong


@pytest.mark.parametrize("module", ["advsci", "advsci.games", "advsci.solvers", "advsci.training", "advsci_datasets"])
def test_importing_the_core_imports_no_domain_and_nothing_heavy(module):
    code = f"import {module}, sys; print(*{{m.split('.')[0] for m in sys.modules}})"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True, timeout=300).split())
    assert not loaded & (HEAVY | DOMAINS)
    if module in ("advsci", "advsci_datasets"):
        assert "torch" not in loaded


def test_constraints_pin_what_is_required_and_within_its_range():
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = [line.split("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    pins = {canonicalize_name(r.name): next(iter(r.specifier)).version for r in map(Requirement, filter(None, lines))}
    declared = [*PROJECT["project"]["dependencies"], *sum(PROJECT["project"]["optional-dependencies"].values(), [])]
    for requirement in map(Requirement, declared):
        if requirement.name == "advsci":
            continue
        assert canonicalize_name(requirement.name) in pins, f"{requirement.name} has no pin"
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


def test_nothing_is_over_the_house_limits():
    modules = [path for path in tracked(*map(str, PACKAGES.values())) if path.suffix == ".py"]
    assert not [path for path in modules if len(path.read_text(encoding="utf-8").splitlines()) > 500]
    assert sum(path.stat().st_size for path in tracked("datasets")) < 8e6
