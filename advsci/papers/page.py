"""One offline page a paper: the published table beside ours, a figure of both, and how to repeat it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any, NamedTuple

from advsci.papers.paper import Cell, Effort, Paper
from advsci.papers.status import Result
from advsci.report import Report, Verdict, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["headline", "page", "published_beside_ours"]

LEVELS = {"reproduced": "good", "deviates": "bad", "data absent": "watch", "left to --full": "info"}

RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class _Shown(NamedTuple):
    """A value ± error, as a table prints it."""

    value: float
    error: float


def headline(results: Sequence[Result]) -> str:
    """The outcome in one sentence.

    Parameters
    ----------
    results
        Of all cells of a paper.

    Returns
    -------
    str
        As ``11 of 12 cells reproduced; 1 deviates``.
    """
    counts = Counter(result.status for result in results)
    parts = [f"{counts['reproduced']} of {len(results)} cells reproduced"]
    parts += [f"{counts['deviates']} deviate{'s' if counts['deviates'] == 1 else ''}"] if counts["deviates"] else []
    parts += [f"{counts['data absent']} without their data"] if counts["data absent"] else []
    parts += [f"{counts['left to --full']} left to --full"] if counts["left to --full"] else []
    return "; ".join(parts)


def page(paper: Paper, results: Sequence[Result], measured: Mapping[str, Any], effort: Effort, facts: Any) -> Report:
    """The page of a paper.

    Parameters
    ----------
    paper
        What was published.
    results
        A status for every cell.
    measured
        From the steps: ``curves`` for the paper's own figure, ``steps`` for the CPU time.
    effort
        Form of the run.
    facts
        Versions and system, shown folded.

    Returns
    -------
    Report
        To be written.
    """
    seconds = sum(step["cpu_seconds"] for step in measured["steps"])
    report = Report(paper.title, f"{paper.citation} · {paper.identifier} · {paper.shows}")
    counts = Counter(result.status for result in results)
    at_hand = counts["reproduced"] + counts["deviates"]
    outcome = Verdict("watch", "not all") if counts["deviates"] else Verdict("good", "all that were run")
    report.card("Cells reproduced", f"{counts['reproduced']} of {at_hand}", verdict=outcome, note=headline(results))
    controls = [r for r in results if r.cell.control and r.values]
    held = all(r.status == "reproduced" for r in controls)
    word = Verdict("good", "as they must") if held else Verdict("bad", "not as they must")
    report.card("Controls", f"{len(controls)}", verdict=word, note="Methods known to work, and known to fail.")
    report.card(
        "CPU time", f"{seconds:.0f} s", note=f"The measuring steps of the {effort} form, when they were last run."
    )
    report.section("Published and ours", paper.protocol)
    report.table([_row(r) for r in results], caption=f"{_capital(paper.shows)}: published and ours.")
    reasons = [f"{_name(r.cell)}: {r.status}. {r.reason}" for r in results if r.status in ("deviates", "data absent")]
    if counts["left to --full"]:
        reasons.append(f"{counts['left to --full']} left to --full: they take too long for the quick form.")
    if reasons:
        report.bullets(reasons)
    for figure, caption in _figures(paper, results, measured):
        report.figure(figure, caption)
    if controls:
        report.section("Controls")
        report.bullets(
            f"{'Known to work' if r.cell.control == 'positive' else 'Known to fail'}: {_name(r.cell)}: "
            f"{'as it must' if r.status == 'reproduced' else 'not as it must'}."
            for r in controls
        )
    report.section("What differs, and what is left out")
    report.bullets(paper.deviations or ["The protocol is the published one."])
    if paper.left_out:
        report.bullets(paper.left_out)
    report.section("Sources", f"The published numbers were read in: {paper.read}")
    if others := [f"{_name(c)}: {c.read}" for c in paper.cells if c.read]:
        report.bullets(others)
    report.section("Repeat it", f"`advsci reproduce {paper.name} --{effort}`")
    report.text(
        f"Seeds: {', '.join(map(str, getattr(paper.seeds, effort)))}. Intervals are 95 % of the mean over them."
    )
    report.details("Steps", {str(i): _said(s) for i, s in enumerate(measured["steps"])})
    report.details("Environment", facts)
    return report


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _said(step: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in step.items())


def _name(cell: Cell) -> str:
    return f"{cell.row}, {cell.column}"


def _row(result: Result) -> dict[str, Any]:
    cell, ours = result.cell, result.ours
    published: Any = cell.published
    if isinstance(published, float) and cell.error is not None:
        published = _Shown(published, cell.error)
    if isinstance(cell.published, bool) and ours is not None:
        ours = ours == 1.0 if ours in (0.0, 1.0) else f"on {100 * ours:.0f} % of the seeds"
    elif ours is not None and result.spread:
        ours = _Shown(ours, result.spread)
    return {
        "cell": _name(cell),
        "published": _digits(published),
        "ours": _digits(ours),
        "status": Verdict(LEVELS[result.status], result.status),  # type: ignore[arg-type]
        "counts as the same": _tolerance(cell),
    }


def _digits(value: Any) -> Any:
    """Numbers as text: cells of one column have different units here."""
    return _number(value, 5) if isinstance(value, float) else value


def _number(value: float, digits: int) -> str:
    """As a table prints it: a power of ten for the large and the small."""
    mantissa, _, exponent = f"{value:.{digits}g}".replace("-", "\N{MINUS SIGN}").partition("e")
    if not exponent:
        return mantissa
    raised = str(int(exponent.replace("\N{MINUS SIGN}", "-"))).translate(RAISED)
    return f"10{raised}" if mantissa == "1" else f"{mantissa} × 10{raised}"


def _tolerance(cell: Cell) -> str:
    if cell.tolerance is not None:
        return f"± {100 * cell.tolerance:g} %" if cell.relative else f"± {_number(cell.tolerance, 6)}"
    if isinstance(cell.published, bool):
        return "the same on every seed"
    bounds = {"at least": cell.least, "at most": cell.most}
    return " and ".join(f"{words} {_number(bound, 6)}" for words, bound in bounds.items() if bound is not None)


def _figures(paper: Paper, results: Sequence[Result], measured: Mapping[str, Any]) -> "list[tuple[Figure, str]]":
    """The paper's own figure (``figure.py``: ``draw(paper, measured)`` and its caption), and the cells as points."""
    found = []
    own = paper.folder / "figure.py"
    if own.exists() and (spec := spec_from_file_location("advsci_paper_figure", own)) and spec.loader:
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        with style():
            found.append((module.draw(paper, measured), module.CAPTION))
    if any(isinstance(r.cell.published, float) and r.values for r in results):
        caption = "Published numbers and ours, with errors where they are known; the bars are the tolerances."
        found.append((published_beside_ours(results), caption))
    return found


def published_beside_ours(results: Sequence[Result]) -> "Figure":
    """Published numbers (rings, on a bar of their tolerance) and ours (points) with errors, one panel per column.

    Parameters
    ----------
    results
        Cells with a published number and a measurement are drawn.

    Returns
    -------
    Figure
        With at most six panels.
    """
    from matplotlib.figure import Figure

    columns: dict[str, list[Result]] = {}
    for result in results:
        if isinstance(result.cell.published, float) and result.values:
            columns.setdefault(result.cell.column, []).append(result)
    shown = dict(list(columns.items())[:6])
    with style():
        height = 0.7 + sum(0.55 + 0.26 * len(part) for part in shown.values())
        figure = Figure(figsize=(6.4, height))
        ratios = [1.5 + len(part) for part in shown.values()]
        panels = figure.subplots(len(shown), 1, squeeze=False, gridspec_kw={"height_ratios": ratios})[:, 0]
        for panel, (column, part) in zip(panels, shown.items(), strict=True):
            for y, result in enumerate(reversed(part)):
                published, error = float(result.cell.published or 0.0), result.cell.error or 0.0
                within = (result.cell.tolerance or 0.0) * (abs(published) if result.cell.relative else 1.0)
                panel.hlines(y, published - within, published + within, color="C1", alpha=0.2, linewidth=7)
                ring = {"fmt": "o", "mfc": "none", "ms": 8, "color": "C1", "capsize": 3}
                panel.errorbar(published, y, xerr=error, label="published" if y == 0 else None, **ring)
                point = {"fmt": "o", "ms": 4, "color": "C0", "capsize": 3}
                panel.errorbar(result.ours, y, xerr=result.spread or 0.0, label="ours" if y == 0 else None, **point)
            panel.set_yticks(range(len(part)), [r.cell.row for r in reversed(part)])
            panel.set_ylim(-0.7, len(part) - 0.3)
            panel.set_xlabel(column)
            panel.ticklabel_format(axis="x", useOffset=False)
            panel.locator_params(axis="x", nbins=5)
        panels[0].legend(loc="best")
    return figure
