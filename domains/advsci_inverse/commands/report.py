"""``advsci-inverse report``: the page of a finished reconstruction, written anew."""

from pathlib import Path

from advsci_inverse.config import WriteReport
from advsci_inverse.evaluation.page import reconstruction_page

__all__ = ["run"]


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
