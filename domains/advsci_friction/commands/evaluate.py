"""The commands ``evaluate`` and ``report``: designs solved again, and shown."""

import json
from pathlib import Path

from advsci.report import Report, Verdict, style
from advsci.streams import Stream
from advsci.training import Run
from advsci_friction.config import Evaluate
from advsci_friction.config import Report as ReportConfig
from advsci_friction.designer import Designs
from advsci_friction.designs_file import read_designs
from advsci_friction.judge import Verdicts, judge
from advsci_friction.pictures import design_figure
from advsci_friction.recognition import recognise_family
from advsci_friction.textures import FAMILIES

__all__ = ["run", "run_report", "summary"]


def summary(designs: Designs, verdicts: Verdicts) -> dict[str, float]:
    """Errors, feasibility and diversity of judged designs."""
    error = (verdicts.friction / designs.friction - 1.0).abs()
    return {
        "wanted mu": designs.friction,
        "median relative error": float(error.median()),
        "95th percentile": float(error.quantile(0.95)),
        "feasible": float(verdicts.feasible.double().mean()),
        "families": float(len(recognise_family(designs.band, designs.coefficients).unique())),
        "rms slopes, largest over smallest": float(designs.slope.max() / designs.slope.min()),
    }


def run(config: Evaluate) -> Path:
    """Judge and write ``verdicts.json``."""
    designs, fabrication, pixels = read_designs(config.designs)
    verdicts = judge(designs, fabrication, config.finer * pixels, solver=config.solver, stream=Stream(config.seed))
    folder = Run(config.folder("friction-evaluate"))
    folder.describe(config.model_dump(mode="json"))
    rows = [
        {"mu": float(mu), "area": float(a), "peak [Pa]": float(p), "feasible": bool(f)}
        for mu, a, p, f in zip(verdicts.friction, verdicts.area, verdicts.peak, verdicts.feasible, strict=True)
    ]
    path = folder.path / "verdicts.json"
    found = summary(designs, verdicts)
    path.write_text(
        json.dumps({"solver": config.solver, "pixels": config.finer * pixels, **found, "designs": rows}, indent=2)
    )
    print(", ".join(f"{key} {value:.4g}" for key, value in found.items()))
    return path


def run_report(config: ReportConfig) -> Path:
    """A page with textures, pressure maps and the friction they have on a grid twice as fine."""
    designs, fabrication, pixels = read_designs(config.designs)
    verdicts = judge(designs, fabrication, 2 * pixels, stream=Stream(config.seed))
    found = summary(designs, verdicts)
    folder = Run(config.folder("friction-report"))
    report = Report(
        "Texture designs", f"mu = {designs.friction} at {designs.load / 1e6:g} MPa on {designs.material.name}"
    )
    error = found["median relative error"]
    level = "good" if error < 0.02 else "watch" if error < 0.1 else "bad"
    report.card(
        "Median error of mu", error, verdict=Verdict(level), note=f"solved again on {2 * pixels} x {2 * pixels}"
    )
    report.card("Feasible", found["feasible"], note="pressure within hardness, slope and depth within fabrication")
    slopes = f"rms slopes {float(designs.slope.min()):.2g} to {float(designs.slope.max()):.2g}"
    report.card("Families", found["families"], note=slopes)
    report.section("Designs")
    with style():
        report.figure(
            design_figure(designs, verdicts),
            "Textures, high places bright, and below each the pressures where it touches the flat counter-face.",
        )
    names = list(FAMILIES)
    report.table(
        [
            {
                "design": i,
                "family": names[int(designs.family[i])],
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
        report.note(
            f"Values of the right size, not traced to a measurement: {', '.join(designs.material.uncertain)}.", "watch"
        )
    return report.write(folder.report)
