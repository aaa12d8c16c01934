"""What a reader needs to run a page's work again: command, seed, compute, hardware, inputs, licences, model cards.

`advsci.report.Report.write` adds it to every page that is written into the folder of a run.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advsci.errors import CheckpointError, DataError
from advsci.files.plain import read_json
from advsci.parts import parts
from advsci.training.run import Run

if TYPE_CHECKING:
    from advsci.report.report import Report

__all__ = ["reproduction_section"]


def reproduction_section(report: "Report", folder: Path) -> "Report":
    """Add the block of a run folder; a folder of no run adds nothing.

    Parameters
    ----------
    report
        Page to extend.
    folder
        Folder with the ``run.json`` and ``environment.json`` that a command wrote.

    Returns
    -------
    Report
        ``report`` itself.
    """
    if not (folder / "run.json").exists() or not (folder / "environment.json").exists():
        return report
    run, where = read_json(folder / "run.json"), read_json(folder / "environment.json")
    report.section(
        "To run it again",
        "One run of one seed: a figure without an interval is this seed's alone. `advsci ablate` and `advsci sweep` "
        "repeat a run with other seeds; `advsci export --crate` describes the folder for an archive.",
    )
    rows = [{"what": what, "value": value} for what, value in _facts(folder, run, where).items()]
    report.table(rows, caption="What was run, where, and on what.")
    for path in sorted(folder.glob("*.safetensors")):
        if card := _card(path):
            report.details(f"Model card of {path.name}", card)
    report.details("Packages", {str(k): str(v) for k, v in dict(where.get("packages") or {}).items()})
    return report


def _facts(folder: Path, run: Mapping[str, Any], where: Mapping[str, Any]) -> dict[str, str]:
    settings = dict(run.get("settings") or {})
    source = dict((where.get("git") or {}).get("advsci") or {})
    trained = [Run(path.parent).records(path.name) for path in sorted(folder.rglob("timing.jsonl"))]
    spent = sum(float(records[-1].get("cpu_seconds", 0.0)) for records in trained if records)
    facts = {
        "command": str(run.get("command")),
        "seed": str(where.get("seed", settings.get("seed"))),
        "CPU time of the trainings": f"{spent:,.0f} s" if trained else "nothing was trained",
        "CPU time of this process": f"{time.process_time():,.0f} s until this page",
        "hardware": f"{where.get('machine')}, {where.get('threads')} threads, "
        f"accelerator {where.get('accelerator') or 'none'}",
        "software": f"{where.get('system')}, Python {where.get('python')}",
        "code": f"{source.get('commit')}{', changed' if source.get('changed') else ''}" if source else "no checkout",
    }
    facts |= {f"input {key}": f"sha256 {digest}" for key, digest in dict(run.get("inputs") or {}).items()}
    return facts | _licences(settings)


def _licences(settings: Mapping[str, Any]) -> dict[str, str]:
    """Licence and citation of every registered data set that a setting names."""
    known = {name: entry for load in parts("registry").values() for name, entry in load().datasets().items()}
    named = [value for value in settings.values() if isinstance(value, str) and value in known]
    return {f"data set {name}": f"{known[name].licence}; {known[name].citation}" for name in dict.fromkeys(named)}


def _card(path: Path) -> dict[str, Any]:
    """Card of a file of weights; a file that has none, or none that can be read, is left out."""
    from advsci.training.weights import read_card

    try:
        return dict(read_card(path))
    except (CheckpointError, DataError):
        return {}
