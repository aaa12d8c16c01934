"""The results of a paper's run as an RO-Crate (`advsci.training.crate`): what they are, of which paper, every file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from advsci.papers.paper import Effort, Paper
from advsci.papers.step import write_json
from advsci.training.crate import CRATE, described_files, metadata

__all__ = ["crate", "write_crate"]


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
    root = {
        "name": f"{paper.title}: {paper.shows}, printed again ({effort} form)",
        "description": paper.protocol.strip(),
        "license": "https://spdx.org/licenses/BSD-3-Clause",
        "citation": {"@id": paper.identifier},
        "hasPart": [{"@id": name} for name in files],
    }
    cited = {"@id": paper.identifier, "@type": "ScholarlyArticle", "name": paper.title, "author": paper.citation}
    action = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"advsci reproduce {paper.name} --{effort}",
        "instrument": {"@id": "#advsci"},
        "result": [{"@id": name} for name in files],
    }
    return metadata(root, cited, action, *described_files(folder, files))


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
    write_json(folder / CRATE, crate(paper, effort, folder, files))
    return folder / CRATE
