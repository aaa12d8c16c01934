"""A run's results as an RO-Crate: what they are, of which paper, and the sha256 of every file.

RO-Crate 1.1, https://w3id.org/ro/crate/1.1: one JSON-LD file beside the results that archives such as Zenodo read.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import advsci
from advsci.papers.paper import Effort, Paper
from advsci.papers.step import write_json

__all__ = ["crate", "write_crate"]

FILE = "ro-crate-metadata.json"


def crate(paper: Paper, effort: Effort, folder: Path, files: Sequence[str]) -> dict[str, Any]:
    """The metadata of the results in a folder.

    Parameters
    ----------
    paper
        Whose table was printed again.
    effort
        Form of the run.
    folder
        Holds the files.
    files
        Their names.

    Returns
    -------
    dict
        JSON-LD.
    """
    described = []
    for name in files:
        content = (folder / name).read_bytes()
        about = {"sha256": hashlib.sha256(content).hexdigest(), "contentSize": str(len(content))}
        described.append({"@id": name, "@type": "File", **about})
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"{paper.title}: {paper.shows}, printed again ({effort} form)",
        "description": paper.protocol.strip(),
        "datePublished": datetime.now(UTC).date().isoformat(),
        "license": "https://spdx.org/licenses/BSD-3-Clause",
        "citation": {"@id": paper.identifier},
        "hasPart": [{"@id": name} for name in files],
    }
    about = {
        "@id": FILE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    cited = {"@id": paper.identifier, "@type": "ScholarlyArticle", "name": paper.title, "author": paper.citation}
    software = {"@id": "#advsci", "@type": "SoftwareApplication", "name": "advsci", "version": advsci.__version__}
    action = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"advsci reproduce {paper.name} --{effort}",
        "instrument": {"@id": "#advsci"},
        "result": [{"@id": name} for name in files],
    }
    return {
        "@context": "https://w3id.org/ro/crate/1.1/context",
        "@graph": [about, root, cited, software, action, *described],
    }


def write_crate(paper: Paper, effort: Effort, folder: Path, files: Sequence[str]) -> Path:
    """Write ``ro-crate-metadata.json`` beside the files.

    Parameters
    ----------
    paper, effort, folder, files
        As for `crate`.

    Returns
    -------
    Path
        The file.
    """
    write_json(folder / FILE, crate(paper, effort, folder, files))
    return folder / FILE
