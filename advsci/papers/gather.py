"""All steps' measurements in one file: ``python -m advsci.papers.gather measured/*.json --out measurements.json``."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from advsci.files.plain import read_json
from advsci.papers.step import write_json

__all__ = ["gather"]


def gather(files: Iterable[Path]) -> dict[str, Any]:
    """Join the files of the steps.

    Parameters
    ----------
    files
        As `advsci.papers.step` writes them.

    Returns
    -------
    dict
        ``cells``: values by name, in the order of the files (that of the seeds); ``curves``: lists of numbers by name,
        those of the first file that has them; ``steps``: arguments and CPU seconds of each.
    """
    cells: dict[str, list[float]] = {}
    curves: dict[str, list[float]] = {}
    steps = []
    for file in files:
        measured = read_json(file)
        for name, value in measured["cells"].items():
            if isinstance(value, list):
                curves.setdefault(name, value)
            else:
                cells.setdefault(name, []).append(float(value))
        steps.append({**measured["arguments"], "cpu_seconds": measured["cpu_seconds"]})
    return {"cells": cells, "curves": curves, "steps": steps}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    write_json(given.out, gather(given.files))
