"""The code on the pages that promise it is executed, from top to bottom."""

import ast
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


PAGES = [*(f"engine/{page}.md" for page in ("extending", "metrics", "objectives", "report", "training")), "data.md"]


@pytest.mark.parametrize("page", PAGES)
def test_code_of_the_page_runs(page):
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    scope: dict[str, object] = {"__name__": page}
    for block in blocks:
        if "ADVSCI_DATA" not in block and "pbmc" not in block:  # needs data that not every machine has
            exec(compile(block, page, "exec"), scope)


def test_every_file_that_the_docs_name_exists():
    root = DOCS.parent
    text = "\n".join(
        p.read_text(encoding="utf-8") for p in [*DOCS.glob("*.md"), root / "README.md", root / "CONTRIBUTING.md"]
    )
    named = set(re.findall(r"`((?:advsci|datasets|domains|tests|docs)/[\w/.-]+\.\w+)`", text))
    assert named and not [
        name for name in named if not re.search("_X|NAME|DOMAIN", name) and not (root / name).exists()
    ]


GALLERY = [page for folder in ("gallery", "own", "tutorials") for page in sorted((DOCS / folder).glob("*.md"))]
SCRIPTS = [page for page in GALLERY if page.name != "index.md"]


def test_the_gallery_is_large_and_has_every_field():
    fields = {page.stem.partition("-")[0] for page in SCRIPTS if page.parent.name == "gallery"}
    assert fields == {"engine", "singlecell", "inverse", "friction", "circuits", "images"}
    assert len([page for page in SCRIPTS if page.parent.name == "gallery"]) >= 20


@pytest.mark.parametrize("page", SCRIPTS, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_a_script_is_valid_draws_and_asks_no_network(page):
    """The cells are executed by ``make docs``; here they are read, for a picture and for what would need a network."""
    text = page.read_text(encoding="utf-8")
    cells = re.findall(r"^```\{code-cell\} python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert any("plt." in cell for cell in cells)
    tree = ast.parse("\n".join(cells))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not imported & {"urllib.request", "requests", "pooch"} and "ADVSCI_DATA" not in text
    if page.parent.name == "own":
        assert "How do I know that it is right?" in text.replace("and how do I know", "How do I know")
        assert "## What can go wrong" in text


def docstrings():
    """Every docstring of the packages, with where it stands."""
    for path in sorted(p for root in ("advsci", "domains", "datasets") for p in (DOCS.parent / root).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
                yield f"{path.relative_to(DOCS.parent)}: {getattr(node, 'name', 'module')}", text


@pytest.mark.parametrize("start", [r"\.\. math::", r"\* "])
def test_formulas_and_points_are_indented_below_their_start(start):
    """A line of a formula or a point at the indent of its start is no part of it for Sphinx, which then warns."""
    broken = re.compile(rf"^( *){start}.*\n(?:\1 +.*\n)*\1(?! )(?!\* )(?!$).+", re.MULTILINE)
    assert not [where for where, text in docstrings() if broken.search(text)]
