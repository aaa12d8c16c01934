"""The public names: each in the reference can be imported, says what it takes and gives, and shows a session."""

import ast
import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "reference").glob("*.md"))
NAMES = [name for page in PAGES for name in re.findall(r"^   (advsci\w*(?:\.\w+)+)$", page.read_text(), re.MULTILINE)]
PACKAGES = [ROOT / "advsci", ROOT / "datasets" / "advsci_datasets", *sorted((ROOT / "domains").glob("advsci_*"))]


def named(path: str):
    """The object of a dotted path."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name and not error.name.startswith("advsci"):
            pytest.skip(f"needs {error.name}")
        raise


def test_the_reference_is_a_list_that_a_reader_can_hold():
    assert 100 < len(NAMES) < 250 and len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("path", NAMES)
def test_a_public_name_shows_a_session_that_runs(path):
    thing = named(path)
    module = importlib.import_module(thing.__module__)
    examples = doctest.DocTestFinder(recurse=False).find(thing, name=path, module=module, globs=dict(vars(module)))
    shown = [test for test in examples if test.examples]
    assert shown, f"{path} has no example"
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    for test in shown:
        runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


def silent(path: Path):
    """Arguments of public functions without a word on them, as file:line name(arguments)."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
            continue
        given = [a.arg for a in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]]
        text = ast.get_docstring(node) or ""
        missing = [a for a in given if a not in ("self", "cls") and not re.search(rf"(^|\W){re.escape(a)}\W", text)]
        if missing:
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}({', '.join(missing)})"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.name)
def test_every_argument_is_described(package):
    assert not [line for path in sorted(package.rglob("*.py")) for line in silent(path)]


IMPERATIVE = set(
    """Add Alternate Apply Ask Begin Build Call Carry Check Choose Compare Compute Convert Copy Correct Diffuse
    Draw Drop Embed Encode Evaluate Export Fetch Fill Find Fit Follow Format Gather Give Hand Hold Integrate
    Judge Keep Learn Look Make Mark Match Measure Merge Minimise Move Multiply Open Pad Place Play Plot Predict
    Prepare Press Print Put Raise Read Remove Replace Rescale Resume Return Run Save Say Search Set Show
    Simulate Solve Split Start Stop Take Tell Train Turn Use Validate Walk Write""".split()
)


def gives(node: ast.FunctionDef) -> bool:
    """Whether a function returns a value; a property is described as an attribute is."""
    if any("property" in ast.unparse(decorator) for decorator in node.decorator_list):
        return False
    return node.returns is not None and ast.unparse(node.returns) not in ("None", "NoReturn")


def untold(path: Path):
    """Public functions that do not say what they give: neither in a section of its own, nor as their first words."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and gives(node):
            text = ast.get_docstring(node) or ""
            section = re.search(r"^(Returns|Yields)\n-+$", text, re.MULTILINE)
            if not section and (not text or re.match(r"\w*", text)[0] in IMPERATIVE):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.name)
def test_every_value_that_is_given_is_described(package):
    assert not [line for path in sorted(package.rglob("*.py")) for line in untold(path)]


@pytest.mark.parametrize("path", NAMES)
def test_a_public_class_describes_what_it_is_made_of(path):
    thing = named(path)
    if not inspect.isclass(thing) or "__init__" not in vars(thing):
        return
    text = inspect.getdoc(thing) or ""
    given = [name for name in inspect.signature(thing.__init__).parameters if name not in ("self", "args", "kwargs")]
    assert not [name for name in given if not re.search(rf"(^|\W){name}\W", text)]
