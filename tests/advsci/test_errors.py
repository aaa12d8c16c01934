"""Every error says what came, what was expected and what to try: all raise statements of all packages are read."""

import ast
from pathlib import Path

import pytest

from advsci import errors

ROOT = Path(__file__).parents[2]
NAMES = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.AdvsciError)}
PACKAGES = [
    "advsci",
    "datasets/advsci_datasets",
    *(str(p.relative_to(ROOT)) for p in (ROOT / "domains").glob("advsci_*")),
]
HOLE = "\0"


def said(node: ast.expr) -> str:
    """The text of a message; what is filled in when it is raised is a hole."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(said(value) for value in node.values)
    if isinstance(node, ast.BinOp):
        return said(node.left) + said(node.right)
    return HOLE


def name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def messages(path: Path):
    """(line, text) of every raised error whose message is written where it is raised."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and name_of(node.exc.func) in NAMES:
            if node.exc.args and said(node.exc.args[0]) != HOLE:
                yield node.lineno, said(node.exc.args[0])


def whole(text: str) -> bool:
    """A message whose end is filled in says its advice there."""
    advised = text.count("Try:") == 1 and text.rstrip(HOLE).endswith(".") or text.endswith((f"; {HOLE}", f". {HOLE}"))
    return advised and ("expected" in text or text.endswith(f"; {HOLE}")) and "  " not in text


@pytest.mark.parametrize("package", PACKAGES)
def test_every_message_says_what_was_expected_and_what_to_try(package):
    wrong = []
    for path in sorted((ROOT / package).rglob("*.py")):
        name = str(path.relative_to(ROOT))
        wrong += [f"{name}:{line}: {text}" for line, text in messages(path) if not whole(text)]
    assert not wrong, "\n".join(wrong)


def test_the_rule_finds_what_breaks_it():
    good = ["got 3; expected 4. Try: 4.", f"got {HOLE}; expected one of {HOLE}. Try: {HOLE}.", f"got {HOLE}; {HOLE}"]
    bad = ["got 3; expected 4", "got 3. Try: 4.", "got 3; expected 4. Try: 4", "got 3; expected 4. Try: 4. Try: 5."]
    assert all(map(whole, good)) and not any(map(whole, bad))


def test_a_missing_package_is_named_with_its_extra():
    with pytest.raises(errors.MissingDependencyError) as caught, errors.needs("a-package", "inverse"):
        import no_such_package_at_all  # noqa: F401
    assert whole(str(caught.value)) and "'a-package'" in str(caught.value) and "advsci[inverse]" in str(caught.value)
    with pytest.raises(ValueError), errors.needs("a-package", "inverse"):
        raise ValueError
