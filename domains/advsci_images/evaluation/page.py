"""What the pages of several commands have in common."""

from typing import TYPE_CHECKING

from advsci.training import Run

if TYPE_CHECKING:
    from advsci.report import Report

__all__ = ["training_sections"]


def training_sections(report: "Report", folders: "dict[str, Run]") -> "Report":
    """Add the verdict and the curves of every training.

    Parameters
    ----------
    report
        Page to extend.
    folders
        Name of a training -> its run.

    Returns
    -------
    Report
        The page.
    """
    from advsci.report import training_section, verdict_section

    for name, folder in folders.items():
        if folder.records():
            verdict_section(report, folder.path, title=f"Verdict: {name}")
            training_section(report, folder.path, title=f"Training: {name}")
    return report
