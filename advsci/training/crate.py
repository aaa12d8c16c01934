"""A folder of results as an RO-Crate: what was run with which settings, on which inputs, and the sha256 of every file.

RO-Crate 1.1, https://w3id.org/ro/crate/1.1: one JSON-LD file beside the results, which archives such as Zenodo and
WorkflowHub read. The run itself is a CreateAction of schema.org.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import advsci
from advsci.errors import ConfigError
from advsci.files.plain import read_json
from advsci.files.writing import write_whole

__all__ = ["CRATE", "described_files", "metadata", "run_crate", "write_run_crate"]

CRATE = "ro-crate-metadata.json"
"""Name of the file, which the standard prescribes."""
_LEFT_OUT = (".lock", ".owner.json", CRATE)
_RUN = "what a run of a command wrote"
_STATES = {"finished": "CompletedActionStatus", "failed": "FailedActionStatus", "stopped": "FailedActionStatus"}
_FORMATS = {
    ".json": "application/json", ".jsonl": "application/jsonl", ".html": "text/html", ".csv": "text/csv",
    ".png": "image/png", ".npz": "application/zip", ".h5ad": "application/x-hdf5", ".toml": "application/toml",
}  # fmt: skip


def described_files(folder: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """Files as entities of a crate.

    Parameters
    ----------
    folder
        Holds the files.
    names
        Their paths relative to it.

    Returns
    -------
    list of dict
        Name, sha256, size [bytes] and, where it is known, the format of each.
    """
    found = []
    for name in names:
        with open(folder / name, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = str((folder / name).stat().st_size)
        about = {"@id": quote(name), "@type": "File", "name": name, "sha256": digest, "contentSize": size}
        kind = _FORMATS.get(Path(name).suffix)
        found.append(about | ({"encodingFormat": kind} if kind else {}))
    return found


def metadata(root: Mapping[str, Any], *entities: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON-LD of a crate.

    Parameters
    ----------
    root
        What the folder is: ``name``, ``description``, ``hasPart`` and more.
    entities
        Everything else, each with an ``@id``.

    Returns
    -------
    dict
        With the two entities that the standard asks for, and advsci as ``#advsci``.
    """
    about = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    here = {"@id": "./", "@type": "Dataset", "datePublished": datetime.now(UTC).date().isoformat(), **root}
    software = {"@id": "#advsci", "@type": "SoftwareApplication", "name": "advsci", "version": advsci.__version__}
    return {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": [about, here, software, *entities]}


def run_crate(folder: Path, *, licence: str = "") -> dict[str, Any]:
    """The crate of a run folder.

    Parameters
    ----------
    folder
        Run folder of a command.
    licence
        Address of the licence that you put the results under; empty says nothing of it.

    Returns
    -------
    dict
        JSON-LD: settings, seed, inputs by their sha256, versions, state, and every file of the folder.

    Raises
    ------
    ConfigError
        The folder holds no run of a command.
    """
    if not (folder / "run.json").exists():
        raise ConfigError(
            f"got {folder}, which holds no run.json; expected a run folder. Try: advsci export runs/NAME."
        )
    run = read_json(folder / "run.json", expected=_RUN, error=ConfigError)
    settings = read_json(folder / "config.json", expected=_RUN, error=ConfigError)
    where = read_json(folder / "environment.json", expected=_RUN, error=ConfigError)
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.name not in _LEFT_OUT)
    inputs = [
        {"@id": f"#input-{key}", "@type": "CreativeWork", "name": f"input {key}", "sha256": digest}
        for key, digest in dict(run.get("inputs") or {}).items()
    ]
    packages = [
        {"@id": f"#package-{name}", "@type": "SoftwareApplication", "name": name, "version": str(version)}
        for name, version in dict(where.get("packages") or {}).items()
        if name != "advsci"
    ]
    values = [
        {"@id": f"#setting-{key}", "@type": "PropertyValue", "name": key, "value": json.dumps(value)}
        for key, value in settings.items()
        if key not in ("out", "overwrite")
    ]
    action = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"advsci-{str(run['command']).replace('-', ' ', 1)}",
        "instrument": [{"@id": "#advsci"}, *({"@id": p["@id"]} for p in packages)],
        "object": [{"@id": entity["@id"]} for entity in (*inputs, *values)],
        "result": [{"@id": quote(name)} for name in names],
        "actionStatus": {"@id": f"http://schema.org/{_STATES.get(str(run.get('state')), 'ActiveActionStatus')}"},
        "startTime": str(run.get("began", "")),
    }
    root = {
        "name": f"Results of {action['name']}",
        "description": f"Python {where.get('python')}, {where.get('system')} {where.get('machine')}, accelerator "
        f"{where.get('accelerator') or 'none'}, {where.get('threads')} threads. Settings are entities of this crate.",
        "hasPart": [{"@id": quote(name)} for name in names],
        "mentions": {"@id": "#run"},
        **({"license": {"@id": licence}} if licence else {}),
    }
    return metadata(root, action, *inputs, *values, *packages, *described_files(folder, names))


def write_run_crate(folder: Path, *, licence: str = "") -> Path:
    """Write the crate of a run into its folder.

    Parameters
    ----------
    folder, licence
        As for `run_crate`.

    Returns
    -------
    Path
        The file.
    """
    write_whole(folder / CRATE, json.dumps(run_crate(folder, licence=licence), indent=1) + "\n")
    return folder / CRATE
