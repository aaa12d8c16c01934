"""The demo: digits of 7 x 7 pixels made four times larger, by least squares and with a judge of detail."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from advsci.report import Report

__all__ = ["demo"]


def demo(report: "Report", out: Path, quick: bool) -> Path:
    """Train both enlargers on the embedded digits and show held-out ones.

    Parameters
    ----------
    report
        The page of all demos, which gets a section.
    out
        Folder of this demo's runs.
    quick
        A few steps on a few images.

    Returns
    -------
    Path
        The page of the enlargement.
    """
    from advsci.cli import execute
    from advsci_images.commands import upscale
    from advsci_images.config import Upscale
    from advsci_images.data.stack import read_images
    from advsci_images.evaluation.pictures import gallery
    from advsci_images.evaluation.scores import sharpness
    from advsci_images.systems.upscale import bicubic

    config = Upscale(steps=4 if quick else 150, limit=200 if quick else 2000, batch_size=16, rate=2e-3, out=out / "run")
    made = read_images(execute(upscale.run, config))
    _, small, truth = upscale.sets(config)
    assert truth is not None
    report.section(
        "Images",
        "Held-out digits were averaged to 7 x 7 pixels and made four times larger again: by interpolation, and by a "
        "network that learned from other digits against a judge of detail.",
    )
    sharp = float(sharpness(made.images) / sharpness(truth.images))
    report.card("Sharpness of enlarged digits", sharp, note="1 is that of the originals")
    rows = {"small": bicubic(small.images, 4), "enlarged": made.images, "truth": truth.images}
    report.figure(gallery(rows), "Detail is likely, not measured: some digits are made into others.")
    return out / "run" / "report.html"
