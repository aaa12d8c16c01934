"""A report is one file that loads and runs nothing, escapes every text and stays under a megabyte."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from advsci.config import RunConfig
from advsci.errors import DataError
from advsci.report import Report, Verdict, training_section
from advsci.report.report import SIZE_LIMIT
from advsci.training.opening import opened


class Tags(HTMLParser):
    """Tags, attributes and visible text of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def figure(points: int = 50, raster: bool = False) -> Figure:
    made = Figure(figsize=(4, 3))
    axis = made.subplots()
    if raster:
        axis.imshow(np.random.default_rng(0).random((points, points, 3)))
    else:
        axis.plot(np.arange(points), np.sin(np.arange(points)))
    return made


hostile = st.text() | st.sampled_from(
    ["<script>alert(1)</script>", "{{ 7*7 }}", "</style><img src=x onerror=y>", "a`b"]
)


@given(hostile, hostile, hostile)
def test_every_text_is_escaped_wherever_it_stands(a, b, c):
    report = Report(a, b).card(a, b, verdict=Verdict("good", c), note=c).section(b, c)
    report.text(a).bullets([b]).note(c).table([{a or "k": b}], caption=c).details(a, {b: c}).details(b, a)
    page = Tags(report.html())
    assert not {tag for tag, _ in page.tags} & {"script", "img", "iframe", "link", "object"}
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


def test_page_is_self_contained():
    page = Tags(Report("t").section("s").figure(figure(), "curve").figure(figure(raster=True), "picture").html())
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe"}
        for name in ("src", "href", "xlink:href"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:")), (tag, name, value[:40])


def test_sections_have_distinct_anchors_in_the_contents():
    page = Report("t").section("Same").text("x").section("Same").text("y").html()
    ids = re.findall(r'id="(same[^"]*)"', page)
    assert len(ids) == len(set(ids)) == 2 and all(f'href="#{anchor}"' in page for anchor in ids)


def test_numbers_written_in_a_figure_stay_as_they_are():
    made = figure()
    made.axes[0].set_title("slope 0.0089")
    assert "slope 0.0089" in Tags(Report("t").section("s").figure(made, "curve").html()).text


def test_large_pictures_are_coarsened_to_fit(tmp_path):
    report = Report("t").section("s")
    for _ in range(3):
        report.figure(figure(700, raster=True), "noise")
    path = report.write(tmp_path / "deep" / "report.html")
    assert path.stat().st_size <= SIZE_LIMIT
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


def test_text_beyond_the_limit_is_refused_and_the_old_page_stays(tmp_path):
    path = Report("old").write(tmp_path / "report.html")
    before = path.read_text()
    with pytest.raises(DataError, match="bytes of text and tables"):
        Report("new").section("s").text("x" * SIZE_LIMIT).write(path)
    assert path.read_text() == before


def test_best_of_a_column_is_marked():
    rows = [{"m": "a", "error": 0.3}, {"m": "b", "error": 0.1}, {"m": "c", "error": float("nan")}]
    page = Report("t").section("s").table(rows, best={"error": "lower"}).html()
    best = re.findall(r'class="[^"]*best[^"]*"[^>]*>\s*(?:<[^>]+>)?([\d.]+)', page)
    assert best == ["0.100"] or best == ["0.1"] or [float(x) for x in best] == [0.1]


def test_training_section_reads_a_run_folder(tmp_path):
    with opened(RunConfig(out=tmp_path), "toy") as run:
        assert run.path == tmp_path
    for step in range(10, 110, 10):
        run.append("metrics.jsonl", {"step": step, "generator/objective": 1.0 / step, "generator/gradient_norm": 0.1})
    with open(tmp_path / "metrics.jsonl", "a") as log:
        log.write('{"step": 110, "gen')
    page = Tags(training_section(Report("t"), tmp_path).html())
    assert "10 records up to step 100" in page.text and "generator/objective" in page.text and "torch" in page.text


def test_empty_and_damaged_logs_are_said(tmp_path):
    assert "Nothing was logged" in Tags(training_section(Report("t"), tmp_path / "empty").html()).text
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\nnot json\n{"step": 2}\n')
    with pytest.raises(DataError, match="line 2: got text that cannot be read"):
        training_section(Report("t"), tmp_path)
