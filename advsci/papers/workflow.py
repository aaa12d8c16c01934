"""Snakemake runs a paper's steps; a step whose code, settings and data are those of its last run is not run again."""

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from advsci.errors import AdvsciError, MissingDependencyError, Stopped
from advsci.files.plain import read_json
from advsci.papers.group import run_group
from advsci.papers.paper import Effort, Paper
from advsci.papers.step import write_json
from advsci.training.lock import locked

__all__ = ["MEASUREMENTS", "fingerprint", "run_steps"]

MEASUREMENTS = "measurements.json"
"""The file that the first rule of every Snakefile makes."""


def fingerprint(paper: Paper, data: Mapping[str, str]) -> str:
    """A hash of everything but the settings that a paper's measurements depend on.

    Parameters
    ----------
    paper
        Its folder's modules, the core's and its domain's enter; other papers do not, nor does ``paper.toml``: what was
        published does not change what is measured.
    data
        Fingerprint of each data set by name.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    digest = hashlib.sha256(json.dumps(dict(data), sort_keys=True).encode())
    for file in sorted(set(_sources(paper))):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _sources(paper: Paper) -> Iterator[Path]:
    for package in {"advsci", paper.package}:
        spec = find_spec(package)
        for root in map(Path, (spec.submodule_search_locations or []) if spec else []):
            for file in root.rglob("*.py"):
                parts = file.relative_to(root).parts
                if parts[0] not in ("papers", "commands", "report") or parts[0] == "commands" and package != "advsci":
                    yield file
    yield from paper.folder.glob("*.py")


def run_steps(
    paper: Paper,
    out: Path,
    effort: Effort,
    data: Mapping[str, str],
    *,
    cores: int = 1,
    profile: Path | None = None,
) -> dict[str, Any]:
    """Run what is out of date and return all measurements.

    Parameters
    ----------
    paper
        Whose Snakefile is run; it reads ``effort``, ``seeds``, ``absent``, ``fingerprint`` and ``python`` from
        Snakemake's ``config``.
    out
        Working folder; an earlier run in it is continued.
    effort
        Form to run.
    data
        Fingerprint of each data set by name; "absent" for one that is not on this machine.
    cores
        Steps that run at the same time.
    profile
        Folder of a Snakemake profile, for a cluster.

    Returns
    -------
    dict
        See `advsci.papers.gather.gather`.

    Raises
    ------
    AdvsciError
        A step failed; its error is above on the terminal.
    CheckpointError
        Another process works in the folder.
    MissingDependencyError
        Snakemake is not installed.
    Stopped
        SIGINT or SIGTERM came; the steps that are done are kept.
    """
    if find_spec("snakemake") is None:
        raise MissingDependencyError.of("snakemake", "papers")
    out.mkdir(parents=True, exist_ok=True)
    settings = {
        "effort": effort,
        "seeds": getattr(paper.seeds, effort),
        "absent": sorted(name for name, state in data.items() if state == "absent"),
        "fingerprint": fingerprint(paper, data),
        "python": sys.executable,
    }
    write_json(out / "config.json", settings)
    with locked(out):
        command = [*_command(paper, out, cores), *(["--profile", str(profile)] if profile else [])]
        code, stopped = run_group(command, _environment())
    if stopped:
        raise Stopped(stopped)
    if code:
        raise AdvsciError(
            f"paper {paper.name}: got exit status {code} of its steps; expected 0. Try: read the error above, mend its "
            f"cause and give the same command again; finished steps in {out} are kept."
        )
    return read_json(out / MEASUREMENTS)


def _command(paper: Paper, out: Path, cores: int) -> list[str]:
    # Snakemake's own lock would outlive a killed run; `locked` does not
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(paper.folder / "Snakefile"), "--directory", str(out)),
        *("--configfile", str(out / "config.json"), "--cores", str(cores), "--rerun-incomplete", "--nolock"),
        *("--scheduler", "greedy", "--keep-going", "--quiet", "all"),
    ]


def _environment() -> dict[str, str]:
    """The steps import what this process imports."""
    paths = [p for p in sys.path if p]
    return {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", **os.environ} | {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))
    }
