"""Cells: what counts as reproduced, and which files are refused."""

import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advsci.errors import ConfigError
from advsci.papers import Cell, Paper, judge, papers, read_paper
from advsci.papers.status import interval


def cell(**given) -> Cell:
    return Cell(**{"name": "x", "row": "method", "column": "quantity", **given})


def paper(tmp_path, *cells: Cell) -> Paper:
    controls = [
        cell(name="works", published=True, control="positive"),
        cell(name="fails", published=False, control="negative"),
    ]
    about = dict.fromkeys(("title", "citation", "identifier", "shows", "read", "protocol"), "text")
    return Paper(folder=tmp_path, data=["mnist"], cells=[*cells, *controls], **about)


@given(st.floats(-1e6, 1e6), st.floats(0, 1e3), st.floats(-1e7, 1e7))
def test_a_number_is_reproduced_within_its_tolerance_only(published, tolerance, value):
    assert cell(published=published, tolerance=tolerance).expects(value) == (abs(value - published) <= tolerance)


def test_a_relative_tolerance_is_a_share_of_the_published_number():
    found = cell(published=-200.0, tolerance=0.1, relative=True)
    assert found.expects(-219.0) and not found.expects(-221.0)


def test_a_bound_holds_from_its_value_on_and_nan_never_agrees():
    bound = cell(published="A wins", least=1.0, most=2.0)
    assert [bound.expects(v) for v in (0.99, 1.0, 2.0, 2.01)] == [False, True, True, False]
    assert not any(c.expects(math.nan) for c in (bound, cell(published=True), cell(published=0.0, tolerance=1.0)))


@pytest.mark.parametrize(
    "wrong",
    [{}, {"published": 1.0}, {"published": "words"}, {"published": 1.0, "tolerance": 1.0, "least": 0.0}]
    + [{"published": True, "tolerance": 0.1}, {"published": "words", "tolerance": 0.1}],
)
def test_a_cell_without_exactly_one_expectation_is_refused(wrong):
    with pytest.raises(ConfigError, match="expected a number with a tolerance"):
        cell(**wrong)


def test_statuses(tmp_path):
    found = paper(
        tmp_path,
        cell(name="good", published=1.0, tolerance=0.5),
        cell(name="bad", published=1.0, tolerance=0.1, reason="fewer steps"),
        cell(name="absent", published=1.0, tolerance=0.1, needs="mnist"),
        cell(name="long", published=1.0, tolerance=0.1, effort="full"),
        cell(name="forgotten", published=1.0, tolerance=0.1),
    )
    measured = {"good": [0.5, 1.7], "bad": [2.0], "works": [1.0, 1.0], "fails": [0.0, 1.0]}
    results = {r.cell.name: r for r in judge(found, measured, "quick", ["mnist"])}
    assert {name: r.status for name, r in results.items()} == {
        "good": "reproduced",  # on average
        "bad": "deviates",
        "absent": "data absent",
        "long": "left to --full",
        "forgotten": "deviates",
        "works": "reproduced",
        "fails": "deviates",  # it worked on one seed
    }
    assert results["bad"].reason == "fewer steps" and "mnist" in results["absent"].reason
    assert judge(found, measured, "full", ["mnist"])[3].status == "deviates"  # not measured, though it was asked for


def test_the_interval_is_students():
    from scipy import stats

    values = [1.0, 4.0, 2.0, 7.0]
    low, high = stats.t.interval(0.95, 3, loc=3.5, scale=stats.sem(values))
    assert interval(values) == pytest.approx((high - low) / 2)
    assert interval([1.0]) is None


def test_a_paper_without_a_negative_control_or_with_a_name_twice_is_refused(tmp_path):
    about = dict.fromkeys(("title", "citation", "identifier", "shows", "read", "protocol"), "text")
    works = cell(name="works", published=True, control="positive")
    with pytest.raises(ConfigError, match="no negative control"):
        Paper(folder=tmp_path, cells=[works], **about)
    with pytest.raises(ConfigError, match="'works' twice"):
        paper(tmp_path, works)
    with pytest.raises(ConfigError, match="needs 'celeba'"):
        paper(tmp_path, cell(name="foreign", published=True, needs="celeba"))


@pytest.mark.parametrize("name", papers())
def test_every_paper_is_complete(name):
    found = read_paper(name)
    snakefile = (found.folder / "Snakefile").read_text(encoding="utf-8")
    assert found.name == name and len(snakefile.splitlines()) < 60
    assert 'output: "measurements.json"' in snakefile and 'config["fingerprint"]' in snakefile
    for module in {word for word in snakefile.split() if word.startswith("advsci") and ".papers." in word}:
        home, _, last = module.rpartition(".papers.")
        root = found.folder.parent.parent if home == found.package else None
        assert module == "advsci.papers.gather" or (
            root and (root / "papers" / f"{last.replace('.', '/')}.py").exists()
        )
    assert all(found.model_dump()[key].strip() for key in ("identifier", "read", "protocol"))


def test_every_paper_stands_in_the_table_of_the_docs_and_has_a_reference():
    page = Path(__file__).parents[3] / "docs" / "papers" / "papers.md"
    rows = set(re.findall(r"^\| `([\w-]+)` \|", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert rows == set(papers())
    for name in papers():
        statuses = json.loads((papers()[name] / "reference.json").read_text(encoding="utf-8"))["quick"]
        assert set(statuses) == {cell.name for cell in read_paper(name).cells}
