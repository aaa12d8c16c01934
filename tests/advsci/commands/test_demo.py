"""The demo page: sections of those that ran, the failure of those that did not, and the exit code."""

import pytest

from advsci.cli import run_app
from advsci.commands import app, demo
from advsci.errors import DataError


def good(report, out, quick):
    """A demo that works."""
    report.section("Good domain", f"quick is {quick}").card("score", 0.5)
    return out / "own.html"


def bad(report, out, quick):
    """A demo that fails half-way."""
    report.section("Bad domain")
    raise DataError("got <nothing>; expected data")


@pytest.fixture
def two(monkeypatch):
    monkeypatch.setattr(demo, "demos", lambda: {"bad": lambda: bad, "good": lambda: good})


def test_the_page_is_written_and_its_path_printed_last(two, tmp_path, capsys):
    assert run_app(app, ["demo", "--out", str(tmp_path), "--only", "good", "--quick"]) == 0
    page = tmp_path / "report.html"
    assert capsys.readouterr().out.splitlines()[-1] == str(page)
    assert "Good domain" in page.read_text() and "quick is True" in page.read_text()


def test_a_failing_demo_is_told_and_the_others_run(two, tmp_path, capsys):
    assert run_app(app, ["demo", "--out", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert "got <nothing>" in err and out.splitlines()[-1] == str(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "Good domain" in text and "This demo failed: DataError: got &lt;nothing&gt;" in text


def test_an_unknown_name_is_refused_before_anything_runs(two, tmp_path, capsys):
    assert run_app(app, ["demo", "--out", str(tmp_path / "new"), "--only", "other"]) == 2
    assert "expected some of bad, good" in capsys.readouterr().err and not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", sorted(demo.demos()))
def test_every_registered_demo_runs_quickly(name, tmp_path, capsys):
    page = demo.run(demo.Demo(out=tmp_path, only=[name], quick=True))
    assert page.stat().st_size > 2000 and "This demo failed" not in page.read_text()
    assert "could not be drawn" not in capsys.readouterr().err  # nor a page of a training behind it
