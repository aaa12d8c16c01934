"""The demo: design textures for one friction with the package's model, and solve them again on a finer grid."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from advsci.report import Report

__all__ = ["demo"]


def demo(report: "Report", out: Path, quick: bool) -> Path:
    """Design for mu = 0.05 at 50 MPa on DLC, and solve again.

    Parameters
    ----------
    report
        The page of all demos, which gets a section.
    out
        Folder of this demo's runs.
    quick
        Fewer designs on a coarser grid.

    Returns
    -------
    Path
        The page of the designs.
    """
    from advsci.cli import execute
    from advsci.report import style
    from advsci.streams import Stream
    from advsci_friction.commands import design
    from advsci_friction.commands import report as report_command
    from advsci_friction.config import Design, WriteReport
    from advsci_friction.evaluation.pictures import design_figure
    from advsci_friction.evaluation.scores import summary, verify
    from advsci_friction.store import read_designs

    count = 6 if quick else 20
    path = execute(
        design.run,
        Design(
            way="families", mu=0.05, pressure="50 MPa", count=count, pixels=64 if quick else 128, out=out / "designs"
        ),
    )
    designs, fabrication, pixels = read_designs(path)
    verdicts = verify(designs, fabrication, 2 * pixels, stream=Stream(0))
    found = summary(designs, verdicts)
    report.section(
        "Friction",
        "A generator of textures, trained against a critic and a contact solver, was asked for a coefficient of "
        "friction of 0.05 at 50 MPa on diamond-like carbon; its designs were solved again on a grid twice as fine.",
    )
    report.card("Median error of mu", found["median relative error"], note=f"{count} designs, no search")
    with style():
        report.figure(design_figure(designs, verdicts), "Textures, and below each the pressures where it touches.")
    report.table([found])
    return execute(report_command.run, WriteReport(designs=path, out=out / "report"))
