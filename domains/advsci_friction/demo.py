"""The demo: train the texture designer, design for one friction, and solve the designs again on a finer grid."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from advsci.report import Report

__all__ = ["demo"]


def demo(report: "Report", out: Path, quick: bool) -> Path:
    """Train, design for mu = 0.05 at 50 MPa on DLC, judge; adds a section to ``report``."""
    from advsci.report import style
    from advsci.streams import Stream
    from advsci_friction.commands import design, evaluate, train
    from advsci_friction.config import Design, Train
    from advsci_friction.config import Report as ReportConfig
    from advsci_friction.designs_file import read_designs
    from advsci_friction.judge import judge
    from advsci_friction.pictures import design_figure

    if quick:
        recipe = Train(
            out=out / "model", shapes=40, first_steps=20, steps=2, batch_size=8, pixels=48, library_pixels=48
        )
    else:
        recipe = Train(out=out / "model", quick=True)
    model = train.run(recipe)
    path = design.run(Design(mu=0.05, pressure="50 MPa", count=6 if quick else 20, model=model, pixels=64, out=out))
    designs, fabrication, pixels = read_designs(path)
    verdicts = judge(designs, fabrication, 2 * pixels, stream=Stream(0))
    found = evaluate.summary(designs, verdicts)
    report.section(
        "Friction",
        "A generator of textures was trained against a critic and a contact solver, then asked for a coefficient of "
        "friction of "
        "0.05 at 50 MPa on diamond-like carbon; its designs were solved again on a grid twice as fine.",
    )
    report.card("Median error of mu", found["median relative error"], note=f"{len(designs.slope)} designs, no search")
    with style():
        report.figure(design_figure(designs, verdicts), "Textures and contact pressures.")
    report.table([found])
    return evaluate.run_report(ReportConfig(designs=path, out=out))
