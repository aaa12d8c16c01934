"""The page about a set of designs: textures, pressures, and the friction that they have on a finer grid."""

from advsci.report import Report, Verdict, style
from advsci_friction.design.designer import Designs
from advsci_friction.evaluation.pictures import design_figure
from advsci_friction.evaluation.scores import Verdicts, summary

__all__ = ["designs_page"]


def designs_page(designs: Designs, verdicts: Verdicts) -> Report:
    """The page of designs that were solved again.

    Parameters
    ----------
    designs
        The designs with their request.
    verdicts
        What `advsci_friction.verify` found of them.

    Returns
    -------
    Report
        To be written with ``report.write(path)``.
    """
    found, pixels = summary(designs, verdicts), verdicts.pressure.shape[-1]
    request = f"mu = {designs.friction} at {designs.load / 1e6:g} MPa on {designs.material.name}"
    report = Report("Texture designs", request)
    error = found["median relative error"]
    level = "good" if error < 0.02 else "watch" if error < 0.1 else "bad"
    report.card("Median error of mu", error, verdict=Verdict(level), note=f"solved again on {pixels} x {pixels}")
    report.card("Feasible", found["feasible"], note="pressure within hardness, slope and depth within fabrication")
    slopes = f"rms slopes {float(designs.slope.min()):.2g} to {float(designs.slope.max()):.2g}"
    report.card("Families", found["families"], note=slopes)
    report.section("Designs")
    with style():
        report.figure(
            design_figure(designs, verdicts),
            "Textures, high places bright, and below each the pressures where it touches the flat counter-face.",
        )
    report.table(
        [
            {
                "design": i,
                "family": designs.names[int(designs.family[i])],
                "rms slope": float(designs.slope[i]),
                "mu": float(verdicts.friction[i]),
                "contact area": float(verdicts.area[i]),
                "peak pressure [GPa]": float(verdicts.peak[i]) / 1e9,
                "feasible": bool(verdicts.feasible[i]),
            }
            for i in range(min(len(designs.slope), 40))
        ],
        caption="Each design solved again.",
    )
    report.section("Material").text(designs.material.source)
    if designs.material.uncertain:
        names = ", ".join(designs.material.uncertain)
        report.note(f"Values of the right size, not traced to a measurement: {names}.", "watch")
    return report
