"""The command ``advsci-friction report``: a page about a set of designs."""

from pathlib import Path

from advsci.devices import torch_device
from advsci.streams import Stream
from advsci.training import Run
from advsci_friction.config import WriteReport
from advsci_friction.evaluation.page import designs_page
from advsci_friction.evaluation.scores import verify
from advsci_friction.store import read_designs

__all__ = ["plan", "run"]


def run(config: WriteReport, folder: Run) -> Path:
    """Solve the designs again on a grid twice as fine and write the page.

    Parameters
    ----------
    config
        The command's settings.
    folder
        The run.

    Returns
    -------
    Path
        The page.
    """
    designs, fabrication, pixels = read_designs(config.designs)
    verdicts = verify(designs, fabrication, 2 * pixels, stream=Stream(config.seed), device=torch_device(config.device))
    return designs_page(designs, verdicts).write(folder.report)


def plan(config: WriteReport) -> dict[str, object]:
    """The designs that would be solved again.

    Parameters
    ----------
    config
        Settings of the command.

    Returns
    -------
    dict
        Facts by name.
    """
    designs, _, pixels = read_designs(config.designs)
    return {"designs": len(designs.slope), "pixels of a side": 2 * pixels}
