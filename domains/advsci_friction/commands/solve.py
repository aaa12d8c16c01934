"""The command ``advsci-friction solve``: a measured surface under load."""

import json
from pathlib import Path

import torch

from advsci.devices import torch_device
from advsci.files import write_arrays
from advsci.output import tell
from advsci.report import drawn
from advsci.training import Run
from advsci_friction.config import Solve
from advsci_friction.contact.area import real_area
from advsci_friction.contact.closed_forms import persson_area
from advsci_friction.contact.solve import Contact, solve_contact
from advsci_friction.data.concerns import concerns, slopes
from advsci_friction.data.materials import material_of
from advsci_friction.data.scans import Scan, scan_of
from advsci_friction.data.units import si
from advsci_friction.evaluation.contact_page import contact_page
from advsci_friction.evaluation.loadings import adhesion_figures, layer_of, slip_figures
from advsci_friction.evaluation.resolution import too_few_pixels
from advsci_friction.laws.friction import Ploughing, law_of
from advsci_friction.surfaces.roughness import roughness

__all__ = ["plan", "run", "solve_scan"]


@torch.no_grad()
def solve_scan(config: Solve) -> tuple[Scan, Contact, dict[str, float | None], list[str]]:
    """Press the scan.

    Parameters
    ----------
    config
        The command's settings.

    Returns
    -------
    tuple
        The scan, its contact, what it amounts to (None for what the pixels do not resolve), and what deserves a second
        look.
    """
    material, load = material_of(config), si(config.pressure, "Pa", "pressure")
    scan = scan_of(config)
    heights = torch.as_tensor(scan.heights, device=torch_device(config.device))
    finite = not config.elastic and material.hardness < float("inf")
    hardness, layer = material.hardness if finite else None, layer_of(config, material)
    contact = solve_contact(heights, load, material.modulus, scan.size, hardness, layer=layer, free=config.free)
    notes = concerns(scan.heights, scan.size)
    few = too_few_pixels(contact)
    if few is not None:
        notes.insert(0, few)
    area = None if few else float(real_area(contact))
    stats = roughness(heights, scan.size)
    plastic = contact.plastic.double() if finite else torch.zeros_like(contact.pressure)
    figures = {
        "coefficient of friction": None if area is None else float(law_of(material)(contact)),
        "its deviation (shear strength and coefficient)": None
        if area is None
        else material.friction_deviation(area, load),
        "ploughing, beside it": float(Ploughing()(contact)) if finite else 0.0,
        "contact area / nominal": area,
        "plastic area / nominal": float(plastic.mean()),
        "load carried plastically / load": float((plastic * contact.pressure).mean() / load),
        "largest pressure [Pa]": float(contact.peak),
        "mean gap [m]": float(contact.gap.mean()),
        "rms height [m]": float(stats.height),
        "rms slope (spectral, with edges)": float(stats.slope),
        "rms slope (differences)": slopes(scan.heights, scan.size)[1],
        "area by Persson (elastic)": float(persson_area(load / material.modulus / stats.slope)),
        "filled pixels / all": scan.filled,
        "iterations": float(contact.iterations),
        "pressure error": float(contact.error),
    }
    if config.adhesion is not None:
        more, unresolved = adhesion_figures(config, contact, material)
        figures, notes = figures | more, notes + unresolved
    if config.shear is not None:
        figures |= slip_figures(config, contact)
    return scan, contact, figures, notes


def run(config: Solve, folder: Run) -> Path:
    """Solve, write ``contact.npz`` and ``contact.json``, then the page.

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
    scan, contact, figures, notes = solve_scan(config)
    heights, pressure = contact.heights.cpu().numpy(), contact.pressure.cpu().numpy()
    write_arrays(folder.path / "contact.npz", {"heights": heights, "pressure": pressure, "size": scan.size})
    (folder.path / "contact.json").write_text(json.dumps({"figures": figures, "concerns": notes}, indent=2))
    shown = {key: figures[key] for key in ("coefficient of friction", "contact area / nominal")}
    said = ", ".join(f"{key} {'unknown' if value is None else f'{value:.4g}'}" for key, value in shown.items())
    tell(said, {"figures": figures, "concerns": notes})
    for note in notes:
        tell(f"note: {note}")
    with drawn("page"):
        contact_page(scan, contact, material_of(config), figures, notes).write(folder.report)
    return folder.report if folder.report.exists() else folder.path / "contact.json"


def plan(config: Solve) -> dict[str, object]:
    """Read the file and say what would be solved.

    Parameters
    ----------
    config
        The command's settings.

    Returns
    -------
    dict
        Channels, pixels, size, material and concerns.
    """
    scan = scan_of(config)
    return {
        "channels": ", ".join(scan.channels) or "one",
        "pixels": " x ".join(map(str, scan.heights.shape[::-1])),
        "size [m]": f"{scan.size[1]:.4g} x {scan.size[0]:.4g}",
        "material": str(material_of(config)),
        "concerns": " ".join(concerns(scan.heights, scan.size)) or "none",
    }
