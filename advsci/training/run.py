"""A run is a folder: resolved config, environment, JSONL metrics, checkpoints, samples and the report."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advsci.errors import CheckpointError, DataError

__all__ = ["Run"]


class Run:
    """The folder of one training.

    ``config.json`` (resolved settings), ``environment.json`` (versions), ``metrics.jsonl`` (one record a logging
    step, a pure function of config and data), ``timing.jsonl`` (seconds, which are not), ``checkpoints/``,
    ``samples/``, ``report.html``.

    Parameters
    ----------
    path
        The folder; it is made where it is missing.

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
        self.path.mkdir(parents=True, exist_ok=True)

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
        try:
            with open(self.path / name, "a") as file:
                file.write(json.dumps(dict(record)) + "\n")
        except OSError as error:
            raise CheckpointError(
                f"could not write {name} in {self.path}: {error}; expected a writable disk. Try: free space and "
                f"resume; "
                "the checkpoints are intact."
            ) from error

    def records(self, name: str = "metrics.jsonl") -> list[dict[str, Any]]:
        """All complete records; a last line that a crash cut short is left out.

        Parameters
        ----------
        name
            Name of the file in the folder.
        """
        path = self.path / name
        if not path.exists():
            return []
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        try:
            return [json.loads(line) for line in lines if line.endswith("\n")]
        except json.JSONDecodeError as error:
            raise DataError(
                f"{path} holds a line that is not JSON ({error}); expected one record a line. Try: restore the file "
                "or use another run folder."
            ) from error

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
        partial = self.path / f".{name}.partial"
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(self.path / name)
        except OSError as error:
            raise CheckpointError(
                f"got {error} on writing {name} in {self.path}; expected a writable disk. Try: free space on it."
            ) from error
