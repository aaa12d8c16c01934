"""The page about a measured surface under load."""

import torch

from advsci.report import Report, style
from advsci_friction.contact.area import real_area
from advsci_friction.contact.free import FreeHalfSpace
from advsci_friction.contact.solve import Contact
from advsci_friction.data.materials import Material
from advsci_friction.data.scans import Scan
from advsci_friction.evaluation.pictures import contact_figure, curve_figure, loads_figure, spectrum_figure
from advsci_friction.evaluation.resolution import too_few_pixels
from advsci_friction.surfaces.roughness import power_spectrum

__all__ = ["contact_page", "friction_curve"]


@torch.no_grad()
def friction_curve(
    contact: Contact, material: Material, steps: int = 5, octaves: float = 1.66
) -> list[tuple[float, float, Contact]]:
    """Friction of a solved map over a range of loads around its own.

    Parameters
    ----------
    contact
        The contact of one map.
    material
        The pair of surfaces.
    steps
        Number of loads; odd, so that the contact's own is the middle one.
    octaves
        The range reaches this many factors of two to either side: a decade in all by default.

    Returns
    -------
    list of tuple
        (load [Pa], mu, contact) from the smallest load on; loads that the hardness does not carry, or whose contact
        the pixels do not resolve, are left out.
    """
    found = []
    hardness, solved = float(contact.hardness), None
    for i in range(steps):
        load = float(contact.load) * 2.0 ** (octaves * (2.0 * i / (steps - 1) - 1.0))
        if load >= 0.98 * hardness:
            break
        solved = (solved or contact).at(load, tolerance=1e-5, strict=False)
        if too_few_pixels(solved) is None:
            found.append((load, material.friction(float(real_area(solved)), load), solved))
    return found


def contact_page(
    scan: Scan, contact: Contact, material: Material, figures: dict[str, float | None], notes: list[str]
) -> Report:
    """The page of a scan under load.

    Parameters
    ----------
    scan
        The map as it was pressed.
    contact
        Its contact.
    material
        The pair of surfaces.
    figures
        What it amounts to, by name with unit.
    notes
        What deserves a second look.

    Returns
    -------
    Report
        To be written with ``report.write(path)``.
    """
    load = float(contact.load)
    carried = figures["load carried plastically / load"] or 0.0
    kind = f"{100.0 * carried:.2g} % of the load carried plastically" if carried > 0.0 else "elastic contact"
    report = Report(f"Contact of {scan.name}", f"{load / 1e6:.4g} MPa on {material.name}: {kind}")
    mu, deviation = figures["coefficient of friction"], figures["its deviation (shear strength and coefficient)"]
    if mu is None:
        report.card("Coefficient of friction", "not resolved", note="too few pixels touch")
    else:
        spread = "" if deviation is None else f" +- {deviation:.2g} from shear strength and pressure coefficient;"
        report.card("Coefficient of friction", mu, note=f"{spread} the law is assumed")
    report.card("Contact area", figures["contact area / nominal"] or "not resolved", note="share of the nominal area")
    report.card("Largest pressure [MPa]", (figures["largest pressure [Pa]"] or 0.0) / 1e6, note=kind)
    for note in notes:
        report.note(note, "watch")
    report.section(
        "Contact",
        "The shear strength of the real contact is taken from the material's source, not from this scan: an error of "
        "10 % in it is an error of 10 % in mu (docs: What is identifiable).",
    )
    with style():
        heights, pressure = contact.heights.cpu().numpy(), contact.pressure.cpu().numpy()
        report.figure(
            contact_figure(heights, pressure, scan.size), "Heights, and pressure where there is contact (white: none)."
        )
        curve = friction_curve(contact, material)
        if len(curve) > 1:
            report.figure(
                curve_figure(
                    [c[0] for c in curve],
                    [c[1] for c in curve],
                    [material.friction_deviation(float(real_area(c[2])), c[0]) or 0.0 for c in curve],
                ),
                "Friction against load; the band is one standard deviation of the material's stated values.",
            )
            shown = [curve[0], curve[len(curve) // 2], curve[-1]]
            report.figure(
                loads_figure([c[2].pressure.cpu().numpy() for c in shown], [c[0] for c in shown], scan.size),
                "Where the map touches at three loads.",
            )
        short = min(heights.shape)
        if abs(scan.size[0] / scan.size[1] - 1.0) < 1e-3 and heights.shape[0] == heights.shape[1]:
            q, spectrum = power_spectrum(contact.heights, scan.size[0], bins=max(8, short // 8))
            report.figure(
                spectrum_figure(q.cpu().numpy(), spectrum.cpu().numpy()), "Isotropic power spectrum of the heights."
            )
    report.section("Figures").table(
        [{"quantity": k, "value": "not resolved" if v is None else v} for k, v in figures.items()]
    )
    whole = "The scan is taken as one period of an endless surface."
    if isinstance(contact.space, FreeHalfSpace):
        whole = "The scan is pressed alone: nothing beyond its edges carries load."
    report.note(
        f"{whole} Pixels limit the slopes that it can show, and friction with them: see the page 'My own scan, my own "
        "material'.",
        "watch",
    )
    material_section(report, material)
    return report


def material_section(report: Report, material: Material) -> None:
    """Add the material's numbers with their deviations and source.

    Parameters
    ----------
    report
        The page.
    material
        The pair of surfaces.
    """
    rows = []
    for name, unit in (
        ("modulus", "GPa"),
        ("hardness", "GPa"),
        ("shear_strength", "MPa"),
        ("pressure_coefficient", ""),
    ):
        scale = {"GPa": 1e-9, "MPa": 1e-6, "": 1.0}[unit]
        deviation = material.deviation.get(name)
        rows.append(
            {
                "value": f"{name.replace('_', ' ')}{f' [{unit}]' if unit else ''}",
                "number": f"{getattr(material, name) * scale:.4g}",
                "standard deviation": "not stated" if deviation is None else f"{deviation * scale:.2g}",
                "traced to a measurement": "no" if name in material.uncertain else "yes",
            }
        )
    report.section("Material", material.source).table(rows, caption=material.name)
