"""``advsci-circuits report``: a page on one circuit."""

from pathlib import Path

from advsci.report import Report
from advsci.streams import Stream
from advsci.training import Run
from advsci_circuits.commands.kinetics import kinetics_of
from advsci_circuits.config import WriteReport
from advsci_circuits.dynamics.functions import FUNCTIONS
from advsci_circuits.dynamics.robustness import shares_of
from advsci_circuits.evaluation.page import circuit_section
from advsci_circuits.formats import read

__all__ = ["run"]


def run(config: WriteReport) -> Path:
    """A page on one circuit: drawing, feedback, time course, bifurcation, robustness; returns the page.

    Parameters
    ----------
    config
        Settings of the command.
    """
    loaded = read(config.file)
    stream = Stream(config.seed)
    model = kinetics_of(loaded, stream)
    rows = shares_of(loaded.circuit, FUNCTIONS if len(loaded.circuit) > 1 else FUNCTIONS[:3], config.sets, stream)
    folder = Run(config.folder("circuits-report"))
    page = Report(loaded.circuit.name, f"{len(loaded.circuit)} genes, {len(loaded.circuit.edges)} regulations")
    circuit_section(page, loaded, model, rows)
    return page.write(folder.report)
