"""``advsci diagnose RUN``: says in words what is sick in a training, and what to change."""

from pathlib import Path

from pydantic import Field

from advsci.config import Config
from advsci.errors import ConfigError

__all__ = ["Diagnose", "run"]


class Diagnose(Config):
    """Judge a run from its records, during or after the training, and write a page about it."""

    folder: Path = Field(default=Path(), description="Run folder with metrics.jsonl.")
    out: Path | None = Field(default=None, description="The page; default: diagnosis.html in the run folder.")


def run(config: Diagnose) -> Path:
    """Print the diagnosis, write the page, and return its path.

    Raises
    ------
    ConfigError
        The folder holds no records of a run.
    """
    if not (config.folder / "metrics.jsonl").exists():
        raise ConfigError(f"folder: got {config.folder}; expected a run folder with metrics.jsonl")
    from advsci.diagnostics import diagnosis_section, judge
    from advsci.report import Report, training_section
    from advsci.training import Run

    records = Run(config.folder).records()
    diagnosis = judge(records)
    print(diagnosis.text())
    report = Report(f"Diagnosis of {config.folder.resolve().name}")
    diagnosis_section(report, diagnosis, records)
    training_section(report, config.folder)
    return report.write(config.out or config.folder / "diagnosis.html")
