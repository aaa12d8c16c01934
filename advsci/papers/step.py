"""One step of a paper is a plain command that writes one file of measurements.

``python -m advsci.papers.dirac.spectra --seed 0 --effort quick --out measured/0.json``
"""

import argparse
import inspect
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["step", "write_json"]


def step(measure: Callable[..., Mapping[str, Any]], arguments: Sequence[str] | None = None) -> None:
    """Run a measurement as a command: its parameters are the options, its result goes to ``--out``.

    Parameters
    ----------
    measure
        Its parameters are annotated with int, float or str. It returns a mapping from a cell's name to a number or a
        truth; a list of numbers is a curve, for the paper's figure.
    arguments
        Command line; the process's own by default.

    Raises
    ------
    SystemExit
        On wrong usage.

    Examples
    --------
    >>> import tempfile
    >>> def measure(seed: int) -> dict[str, float]:
    ...     return {"twice": 2.0 * seed}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     step(measure, ["--seed", "3", "--out", f"{folder}/3.json"])
    ...     json.loads(Path(f"{folder}/3.json").read_text())["cells"]
    {'twice': 6.0}
    """
    parser = argparse.ArgumentParser(description=inspect.getdoc(measure))
    parameters = inspect.signature(measure).parameters.values()
    for parameter in parameters:
        needed = parameter.default is inspect.Parameter.empty
        default = None if needed else parameter.default
        parser.add_argument(f"--{parameter.name}", type=parameter.annotation, required=needed, default=default)
    parser.add_argument("--out", type=Path, required=True)
    given = vars(parser.parse_args(arguments))
    out = given.pop("out")
    cells = {key: _plain(value) for key, value in measure(**given).items()}
    seconds = time.process_time() if arguments is None else 0.0
    write_json(out, {"arguments": given, "cells": cells, "cpu_seconds": round(seconds, 2)})
    if arguments is None:
        print(f"{' '.join(map(str, given.values()))}: {seconds:.1f} CPU s", file=sys.stderr, flush=True)


def write_json(path: Path, content: Any) -> None:
    """Write a file whole or not at all.

    Parameters
    ----------
    path
        Its folder is made.
    content
        What JSON can hold.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(content, indent=1, allow_nan=True) + "\n", encoding="utf-8")
    partial.replace(path)


def _plain(value: Any) -> Any:
    """A number, truth or curve without its array."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return [float(v) for v in value] if isinstance(value, list | tuple) else value
