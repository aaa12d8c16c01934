"""What was reproduced before: ``reference.json`` in a paper's folder, which ``--check`` compares with."""

from collections.abc import Sequence

from advsci.errors import AdvsciError
from advsci.files.plain import read_json
from advsci.papers.paper import Effort, Paper
from advsci.papers.status import Result
from advsci.papers.step import write_json

__all__ = ["lost", "record", "recorded"]

FILE = "reference.json"


def recorded(paper: Paper, effort: Effort) -> dict[str, str]:
    """The status of each cell when it was recorded.

    Parameters
    ----------
    paper
        Whose reference is read.
    effort
        Form of the run.

    Returns
    -------
    dict
        Empty where nothing was recorded yet.
    """
    path = paper.folder / FILE
    return read_json(path).get(effort, {}) if path.exists() else {}


def lost(paper: Paper, effort: Effort, results: Sequence[Result]) -> list[Result]:
    """Cells that were reproduced before and no longer are.

    Parameters
    ----------
    paper
        Whose reference is read.
    effort
        Form of the run.
    results
        Of this run.

    Returns
    -------
    list of Result
        Empty if nothing was lost. A cell whose data are absent on this machine is not lost.
    """
    before = recorded(paper, effort)
    return [r for r in results if before.get(r.cell.name) == "reproduced" and r.status == "deviates"]


def record(paper: Paper, effort: Effort, results: Sequence[Result]) -> None:
    """Make this run the reference of its form.

    Parameters
    ----------
    paper
        In whose folder ``reference.json`` is written.
    effort
        Form of the run.
    results
        Of this run; a cell whose data are absent keeps what was recorded.

    Raises
    ------
    AdvsciError
        The folder cannot be written, as in an installed package.
    """
    path, before = paper.folder / FILE, recorded(paper, effort)
    kept = {r.cell.name: before.get(r.cell.name, r.status) for r in results if r.status == "data absent"}
    statuses = {r.cell.name: r.status for r in results} | kept
    try:
        write_json(path, {form: recorded(paper, form) for form in ("quick", "full")} | {effort: statuses})
    except OSError as error:
        raise AdvsciError(
            f"{path}: got {error}; expected a folder that can be written. Try: a checkout of the source."
        ) from error
