"""``advsci reproduce NAME``: a published table printed again, beside the published numbers, with a status a cell."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from advsci.config import Config
from advsci.errors import AdvsciError
from advsci.output import note, tell

if TYPE_CHECKING:
    from advsci.papers.paper import Effort, Paper
    from advsci.papers.status import Result

__all__ = ["Reproduce", "plan", "run"]

FILES = ("report.html", "cells.json", "cells.csv", "environment.json", "measurements.json", "config.json")
"""What a run leaves for a reader."""


class Reproduce(Config):
    """Print a published table again, beside the published numbers; finished steps are not run again.

    Example: advsci reproduce dirac --quick
    """

    name: str = Field(default="", description="A paper of --list, or all.")
    list: bool = Field(default=False, description="List the papers and stop.")
    quick: bool = Field(default=False, description="The short form, minutes at most; the default.")
    full: bool = Field(default=False, description="The form that is nearest to the published protocol; may take hours.")
    check: bool = Field(default=False, description="Exit with 1 where a cell that was reproduced before no longer is.")
    record: bool = Field(default=False, description="Make this run the reference of --check, in the paper's folder.")
    out: Path = Field(default=Path("runs") / "papers", description="Folder of all papers' pages and measurements.")
    cores: int = Field(default=1, ge=1, description="Steps that run at the same time.")
    profile: Path | None = Field(default=None, description="Folder of a Snakemake profile, to run on a cluster.")

    @model_validator(mode="after")
    def _one_form(self) -> "Reproduce":
        if self.quick and self.full:
            raise ValueError("got --quick and --full; expected one form. Try: leave one out.")
        if not (self.name or self.list):
            raise ValueError("got no paper; expected a name. Try: advsci reproduce --list.")
        return self

    @property
    def effort(self) -> "Effort":
        """The form to run."""
        return "full" if self.full else "quick"


def run(config: Reproduce) -> Path | int | None:
    """Reproduce one paper or all.

    Parameters
    ----------
    config
        Which, in which form, and where to.

    Returns
    -------
    Path, int or None
        The page of the one paper; for all of them, and with ``--check``, the exit status.

    Raises
    ------
    AdvsciError
        A step of the one paper failed.
    ConfigError
        There is no such paper.
    """
    from advsci.papers import papers, read_paper

    if config.list:
        return _list()
    if config.name != "all":
        return _one(read_paper(config.name), config)
    status, chosen = 0, [read_paper(name) for name in papers()]
    for paper in chosen:
        try:
            found = _one(paper, config)
        except AdvsciError as error:
            tell(f"error: {error}")
            found = 1
        status = max(status, found if isinstance(found, int) else 0)
    return status


def plan(config: Reproduce) -> dict[str, object]:
    """What a run would do.

    Parameters
    ----------
    config
        As for `run`.

    Returns
    -------
    dict
        Papers, cells, seeds, absent data, folders.
    """
    from advsci.papers import papers, read_paper

    facts: dict[str, object] = {}
    for name in list(papers()) if config.name == "all" else [config.name]:
        paper = read_paper(name)
        absent = [data for data, state in _data(paper).items() if state == "absent"]
        facts[name] = (
            f"{len(paper.cells)} cells, seeds {getattr(paper.seeds, config.effort)}, "
            f"absent data {absent or 'none'}, to {_folder(paper, config)}"
        )
    return facts


def _list() -> None:
    from advsci.papers import papers, read_paper

    width = max(map(len, papers()), default=0)
    known = {name: read_paper(name) for name in papers()}
    facts = {name: {"cells": len(p.cells), "citation": p.citation, "shows": p.shows} for name, p in known.items()}
    for name, paper in known.items():
        tell(f"{name:{width}}  {len(paper.cells):3} cells  {paper.citation}; {paper.shows}", {"papers": facts})


def _folder(paper: "Paper", config: Reproduce) -> Path:
    return config.out / f"{paper.name}-{config.effort}"


def _one(paper: "Paper", config: Reproduce) -> Path | int:
    from advsci.papers.crate import write_crate
    from advsci.papers.page import headline, page
    from advsci.papers.reference import lost, record
    from advsci.papers.status import judge
    from advsci.papers.workflow import run_steps
    from advsci.report import drawn
    from advsci.training.environment import environment

    out, data = _folder(paper, config).resolve(), _data(paper)
    note(f"{paper.name}: {paper.citation}; {paper.shows} ...")
    measured = run_steps(paper, out, config.effort, data, cores=config.cores, profile=config.profile)
    absent = [name for name, state in data.items() if state == "absent"]
    results = judge(paper, measured["cells"], config.effort, absent)
    facts = environment()
    _write(out, paper, results, config.effort, facts)
    with drawn("report"):
        page(paper, results, measured, config.effort, facts).write(out / "report.html")
    written = out / "report.html"
    write_crate(paper, config.effort, out, [name for name in FILES if (out / name).exists()])
    for result in results:
        tell(f"  {result.status:14}  {_said(result)}")
    cells = {result.cell.name: {"status": result.status, "said": _said(result)} for result in results}
    tell(f"{paper.name}: {headline(results)}", {paper.name: {"cells": cells, "page": written}})
    gone = lost(paper, config.effort, results)
    if config.record:
        record(paper, config.effort, results)
    if not config.check:
        return written
    for result in gone:
        tell(f"{paper.name}: lost: {result.cell.name}, reproduced before")
    tell(str(written))
    return int(bool(gone))


def _said(result: "Result") -> str:
    cell, ours = result.cell, result.ours
    if isinstance(cell.published, bool):
        words = {0.0: "no", 1.0: "yes", None: "–"}
        own = words.get(ours, f"yes on a share of {ours} of the seeds")
        return f"{cell.row}, {cell.column}: published {words[cell.published]}, ours {own}"
    own = "–" if ours is None else f"{ours:.6g}" + (f" ± {result.spread:.2g}" if result.spread else "")
    error = f" ± {cell.error:g}" if cell.error is not None else ""
    return f"{cell.row}, {cell.column}: published {cell.published}{error}, ours {own}"


def _data(paper: "Paper") -> dict[str, str]:
    """The hash of each data set that a paper reads, or "absent"; one that is not registered is absent everywhere."""
    from advsci_datasets.registry import datasets

    states = {}
    for name in paper.data:
        entry = datasets().get(name)
        if entry is None:
            states[name] = "absent"
            continue
        files = [*([entry.prepared] if entry.prepared else []), *entry.originals]
        states[name] = " ".join(file.sha256 for file in files) if entry.here() else "absent"
    return states


def _write(out: Path, paper: "Paper", results: "Sequence[Result]", effort: str, facts: dict[str, Any]) -> None:
    """``cells.json``, ``cells.csv`` and ``environment.json``."""
    from advsci.papers.step import write_json

    rows = [result.record() for result in results]
    source = {"paper": paper.name, "citation": paper.citation, "identifier": paper.identifier, "form": effort}
    write_json(out / "cells.json", {**source, "cells": rows})
    write_json(out / "environment.json", facts)
    with (out / "cells.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=[key for key in rows[0] if key != "values"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
