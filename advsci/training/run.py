"""A run is a folder: resolved config, environment, JSONL metrics, checkpoints, samples and the report."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advsci.errors import CheckpointError, DataError
from advsci.files.plain import parse_json
from advsci.files.text import unpacked
from advsci.files.writing import append_line, write_whole

__all__ = ["Run"]

_LARGEST = 2**30
"""Bytes of a log."""


class Run:
    """The folder of one training.

    ``config.json`` (resolved settings), ``environment.json`` (versions), ``metrics.jsonl`` (one record a logging
    step, a pure function of config and data), ``timing.jsonl`` (seconds, which are not: wall time since the last start,
    CPU time over all starts), ``checkpoints/``, ``samples/``, ``report.html``.

    Parameters
    ----------
    path
        The folder; it is made where it is missing.

    Raises
    ------
    CheckpointError
        The folder cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> from advsci import Run
    >>> run = Run(tempfile.mkdtemp())
    >>> run.append("metrics.jsonl", {"step": 1, "loss": 0.5})
    >>> run.records()
    [{'step': 1, 'loss': 0.5}]
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(
                f"got {path}, which cannot be made ({error}); expected a folder that can be written. Try: another one."
            ) from error

    def stage(self, name: str) -> "Run":
        """The run of one of several trainings of a command, in a subfolder of this name.

        Parameters
        ----------
        name
            Name of the stage, as ``"warmup"``; each training of a command has its own.
        """
        return Run(self.path / name)

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        """Folder for samples in the field's format."""
        folder = self.path / "samples"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def report(self) -> Path:
        """Where the report of this run goes."""
        return self.path / "report.html"

    def append(self, name: str, record: Mapping[str, Any]) -> None:
        """Add one record to ``metrics.jsonl`` or ``timing.jsonl``.

        Parameters
        ----------
        name
            Name of the file in the folder.
        """
        append_line(self.path / name, json.dumps(dict(record)))

    def records(self, name: str = "metrics.jsonl") -> list[dict[str, Any]]:
        """All complete records; a last line that a crash cut short is left out.

        Parameters
        ----------
        name
            Name of the file in the folder.

        Returns
        -------
        list of dict
            One per line, each with its ``step``.

        Raises
        ------
        DataError
            A line is no JSON object, or has no step.
        """
        path = self.path / name
        if not path.exists():
            return []
        lines = unpacked(path, _LARGEST).rpartition(b"\n")[0].splitlines()
        where = "one record with its step per line"
        found = [parse_json(line, f"{path}, line {i}", expected=where) for i, line in enumerate(lines, 1)]
        odd = next((i for i, record in enumerate(found, 1) if type(record.get("step")) is not int), None)
        if odd is not None:
            raise DataError(f"{path}, line {odd}: got no step; expected {where}. Try: restore the file.")
        return found

    def rewind(self, step: int) -> None:
        """Forget what was logged after ``step``."""
        for name in ("metrics.jsonl", "timing.jsonl"):
            kept = [record for record in self.records(name) if record["step"] <= step]
            self.write(name, "".join(json.dumps(record) + "\n" for record in kept))

    def write(self, name: str, text: str) -> None:
        """Write a file of the folder; an older one is replaced only by a complete new one.

        Parameters
        ----------
        name
            Name of the file.
        text
            Its content, stored in UTF-8.
        """
        write_whole(self.path / name, text)
