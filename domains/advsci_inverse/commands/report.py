"""``advsci-inverse report``: the page of a finished reconstruction, written anew."""

from pathlib import Path

from advsci_inverse.config import WriteReport
from advsci_inverse.evaluation.page import reconstruction_page

__all__ = ["plan", "run"]


def run(config: WriteReport) -> Path:
    """Write the report of a run folder of ``reconstruct``.

    Parameters
    ----------
    config
        The settings: the run folder.

    Returns
    -------
    Path
        The page.
    """
    return reconstruction_page(config.run)


def plan(config: WriteReport) -> dict[str, object]:
    """The run that the page would be about.

    Parameters
    ----------
    config
        Settings of the command.

    Returns
    -------
    dict
        Facts by name.
    """
    files = sorted(path.name for path in config.run.iterdir()) if config.run.is_dir() else []
    return {"run": str(config.run), "files": ", ".join(files) or "none"}
