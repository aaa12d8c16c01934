"""``advsci diagnose RUN``: says in words what is sick in a training, and what to change."""

from pathlib import Path

from pydantic import Field

from advsci.config import Config
from advsci.errors import ConfigError
from advsci.output import tell

__all__ = ["Diagnose", "run"]


class Diagnose(Config):
    """Judge a run from its records, during or after the training, and write a page about it.

    Example: advsci diagnose runs/prior
    """

    folder: Path = Field(
        default=Path(), description="Run folder of any command; trainings in its subfolders are found."
    )
    out: Path | None = Field(default=None, description="The page; default: diagnosis.html in the run folder.")


def run(config: Diagnose) -> Path | None:
    """Print the diagnosis of every adversarial training in the folder, write the page, and return its path.

    Parameters
    ----------
    config
        Which folder, and where the page goes.

    Returns
    -------
    Path or None
        The page; None for a run without an adversarial training, which is said.

    Raises
    ------
    ConfigError
        The folder holds no run.
    """
    known = ("run.json", "config.json", "metrics.jsonl")
    if not any(next(config.folder.rglob(name), None) for name in known):
        raise ConfigError(
            f"got folder {config.folder} without {', '.join(known)}; expected the run folder of a command. "
            "Try: the folder that the command printed, or that --out named."
        )
    from advsci.diagnostics import judge
    from advsci.files import refuse_links
    from advsci.report import Report, adversarial_trainings, training_section, verdict_section

    refuse_links(config.folder)
    trainings = adversarial_trainings(config.folder)
    if not trainings:
        tell(f"{config.folder} holds no adversarial training: nothing to diagnose.", {"trainings": {}})
        return None
    said = {name: judge(records).text() for name, records in trainings.items()}
    for name, text in said.items():
        tell(f"{name}: {text}" if name else text, {"trainings": said})
    report = verdict_section(Report(f"Diagnosis of {config.folder.resolve().name}"), config.folder)
    for name in trainings:
        training_section(report, config.folder / name, title=f"Training {name}".strip())
    return report.write(config.out or config.folder / "diagnosis.html")
