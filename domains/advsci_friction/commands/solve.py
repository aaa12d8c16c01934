"""The command ``advsci-friction solve``: a measured surface under load."""

from pathlib import Path

import torch

from advsci.report import Report, style
from advsci.training import Run
from advsci_friction.config import Solve
from advsci_friction.contact.area import real_area
from advsci_friction.contact.closed_forms import persson_area
from advsci_friction.contact.solve import Contact, solve_contact
from advsci_friction.data.materials import material_of
from advsci_friction.data.scans import Scan, read_scan, remove_plane
from advsci_friction.data.units import si
from advsci_friction.evaluation.pictures import contact_figure
from advsci_friction.laws.friction import Ploughing, law_of
from advsci_friction.surfaces.roughness import roughness

__all__ = ["plan", "run", "solve_scan"]


def solve_scan(config: Solve) -> tuple[Scan, Contact, dict[str, float]]:
    """The scan, its contact, and what it amounts to."""
    material, load = material_of(config), si(config.pressure, "Pa", "pressure")
    scan = read_scan(config.file, size=config.size, height_unit=config.height_unit, fill=config.fill)
    heights = torch.as_tensor(remove_plane(scan.heights) if config.detrend else scan.heights.copy())
    finite = not config.elastic and material.hardness < float("inf")
    contact = solve_contact(heights, load, material.modulus, scan.size, material.hardness if finite else None)
    stats = roughness(heights, scan.size)
    figures = {
        "coefficient of friction": float(law_of(material)(contact)),
        "ploughing, beside it": float(Ploughing()(contact)),
        "contact area / nominal": float(real_area(contact)),
        "plastic area / nominal": float(contact.plastic.double().mean()),
        "largest pressure [Pa]": float(contact.peak),
        "mean gap [m]": float(contact.gap.mean()),
        "rms height [m]": float(stats.height),
        "rms slope": float(stats.slope),
        "area by Persson (elastic)": float(persson_area(torch.tensor(load / material.modulus) / stats.slope)),
        "iterations": float(contact.iterations),
        "pressure error": float(contact.error),
    }
    return scan, contact, figures


def run(config: Solve) -> Path:
    """Solve, write ``contact.npz`` and a report."""
    import numpy as np

    scan, contact, figures = solve_scan(config)
    folder = Run(config.folder("friction-solve"))
    folder.describe(config.model_dump(mode="json"))
    heights, pressure = contact.heights.numpy(), contact.pressure.numpy()
    np.savez_compressed(folder.path / "contact.npz", heights=heights, pressure=pressure, size=np.array(scan.size))
    report = Report(f"Contact of {scan.name}", f"{config.pressure} on {config.material}")
    report.card("Coefficient of friction", figures["coefficient of friction"])
    report.card("Contact area", figures["contact area / nominal"], note="share of the nominal area")
    report.section("Contact").table([{"quantity": k, "value": v} for k, v in figures.items()])
    with style():
        report.figure(contact_figure(heights, pressure, scan.size), "Heights, and pressure where there is contact.")
    report.note(
        "The scan is taken as one period of an endless surface. Pixels limit the slopes that it can show, and "
        "friction with "
        "them: see the page 'My own scan, my own material'.",
        "watch",
    )
    return report.write(folder.report)


def plan(config: Solve) -> dict[str, object]:
    """Read the file and say what would be solved."""
    scan = read_scan(config.file, size=config.size, height_unit=config.height_unit, fill=config.fill)
    return {"pixels": scan.heights.shape, "size [m]": scan.size, "material": str(material_of(config))}
