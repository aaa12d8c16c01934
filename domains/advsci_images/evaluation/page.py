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
    from advsci.diagnostics import diagnosis_section, judge
    from advsci.report import training_section

    for name, folder in folders.items():
        records = folder.records()
        if any(key.startswith("probe/") for record in records for key in record):
            diagnosis_section(report, judge(records), records)
        if records:
            training_section(report, folder.path, title=f"Training: {name}")
    return report
