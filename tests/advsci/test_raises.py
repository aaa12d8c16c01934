"""A public function whose body raises one of our errors says so under ``Raises``, by the error's name."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / "advsci", ROOT / "datasets" / "advsci_datasets", *sorted((ROOT / "domains").glob("advsci_*"))]
ERRORS = {
    node.name
    for node in ast.parse((ROOT / "advsci" / "errors.py").read_text(encoding="utf-8")).body
    if isinstance(node, ast.ClassDef)
}
OF_THE_CLASS = ("__init__", "__post_init__", "__call__")
"""Methods that the docstring of their class may speak for."""


def raised(function: ast.FunctionDef) -> set[str]:
    """Our errors that a ``raise`` in the body itself names; functions within it have bodies of their own."""
    found, rest = set(), list[ast.AST](function.body)
    while rest:
        node = rest.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Raise):
            thing = node.exc
            while isinstance(thing, ast.Call | ast.Attribute):  # also MissingDependencyError.of(...)
                thing = thing.func if isinstance(thing, ast.Call) else thing.value
            found |= {thing.id} & ERRORS if isinstance(thing, ast.Name) else set()
        rest += ast.iter_child_nodes(node)
    return found


def unsaid(source: str) -> Iterator[str]:
    """Public functions of a module, with the errors that their docstring does not name under ``Raises``."""

    def look(body: list[ast.stmt], outer: ast.ClassDef | None) -> Iterator[str]:
        """The same of these statements, which lie in the class ``outer``."""
        for node in body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield from look(node.body, node)
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_") and node.name not in OF_THE_CLASS:
                continue
            text = ast.get_docstring(node) or ""
            if node.name in OF_THE_CLASS and outer is not None:
                text += "\n" + (ast.get_docstring(outer) or "")
            said = text.partition("Raises\n------")[2]
            if missing := sorted(error for error in raised(node) if error not in said):
                yield f"line {node.lineno}, {node.name}: {', '.join(missing)}"

    return look(ast.parse(source).body, None)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.name)
def test_every_error_that_is_raised_is_said(package):
    found = [
        f"{path.relative_to(ROOT)} {said}"
        for path in sorted(package.rglob("*.py"))
        if path.name == "__init__.py" or not path.name.startswith("_")
        for said in unsaid(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_the_count_notices_what_is_not_said():
    silent = 'def f(x):\n    """Doc."""\n    if x:\n        raise DataError("got")\n'
    assert list(unsaid(silent)) == ["line 1, f: DataError"]
    assert not list(
        unsaid(silent.replace("Doc.", "Doc.\n\n    Raises\n    ------\n    DataError\n        If x.\n    "))
    )
    assert list(unsaid("class A:\n    def __init__(self):\n        raise MissingDependencyError.of('a', 'b')\n"))
    assert not list(unsaid("def f():\n    def g():\n        raise DataError('got')\n    return g\n"))
