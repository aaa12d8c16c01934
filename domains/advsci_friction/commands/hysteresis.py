"""The command ``advsci-friction hysteresis``: friction of rubber on a rough scan against speed and temperature."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from advsci.errors import DataError
from advsci.report import Report, drawn, style
from advsci.training import Run
from advsci_friction.config import Hysteresis
from advsci_friction.contact.sliding import slide
from advsci_friction.data.scans import scan_of
from advsci_friction.data.units import si
from advsci_friction.evaluation.pictures import speeds_figure
from advsci_friction.laws.viscoelastic import hysteretic_friction, shift_factor, standard_linear_solid
from advsci_friction.surfaces.roughness import power_spectrum

__all__ = ["band_limited", "curves", "directed", "plan", "run"]


def curves(config: Hysteresis) -> dict[str, object]:
    """Coefficient of friction for every speed and temperature.

    Parameters
    ----------
    config
        The command's settings.

    Returns
    -------
    dict
        Cut-off wavenumber [rad/m], speeds [m/s], and per temperature the coefficients of friction and the area
        fractions at the cut-off.

    Raises
    ------
    DataError
        The scan is not square.
    """
    scan = scan_of(config)
    ny, nx = scan.heights.shape
    if ny != nx or abs(scan.size[0] / scan.size[1] - 1.0) > 1e-3:
        raise DataError(
            f"{scan.name}: got {nx} x {ny} pixels on {scan.size[1]:.3g} x {scan.size[0]:.3g} m; expected a square map "
            "for an isotropic spectrum. Try: crop it."
        )
    q, spectrum = power_spectrum(torch.as_tensor(scan.heights), scan.size[0], bins=max(16, nx // 8))
    cut = math.pi * nx / scan.size[0] / 2.0  # half of the largest: beyond, a scan holds its tip and its noise
    keep = torch.isfinite(spectrum) & (q <= cut)
    q, spectrum = q[keep], spectrum[keep]
    pressure, time = si(config.pressure, "Pa", "pressure"), si(config.relaxation_time, "s", "relaxation time")
    moduli = si(config.relaxed, "Pa", "relaxed"), si(config.instantaneous, "Pa", "instantaneous")
    reference = si(config.reference, "K", "reference")
    low, high = (si(text, "m/s", "speed") for text in (config.slowest, config.fastest))
    speeds = torch.logspace(math.log10(low), math.log10(high), 41, dtype=torch.float64).tolist()
    found = {}
    for text in config.temperatures:
        shifted = time * shift_factor(si(text, "K", "temperature"), reference)
        solid = standard_linear_solid(*moduli, shifted)
        pairs = [hysteretic_friction(q, spectrum, solid, v, pressure) for v in speeds]
        found[text] = {"mu": [float(mu) for mu, _ in pairs], "area": [float(area) for _, area in pairs]}
    facts = {"cut-off wavenumber [rad/m]": float(q[-1]), "speed [m/s]": speeds, "temperatures": found}
    if config.directions:
        heights = band_limited(torch.as_tensor(scan.heights), scan.size[0], cut)
        solid, few = standard_linear_solid(*moduli, time), speeds[::5]
        facts["speed of the directions [m/s]"] = few
        facts["directions"] = {
            f"{angle:g} degrees": directed(heights, scan.size, pressure, solid, few, angle)
            for angle in config.directions
        }
    return facts


def band_limited(heights: Tensor, size: float, cut: float) -> Tensor:
    """A map without the waves beyond a wavenumber.

    Parameters
    ----------
    heights
        (n n) heights [m].
    size
        Length of the map [m].
    cut
        Largest wavenumber that stays [rad/m].

    Returns
    -------
    Tensor
        (n n).
    """
    spectrum = torch.fft.fft2(heights)
    q = 2.0 * math.pi * torch.fft.fftfreq(len(heights), size / len(heights), dtype=heights.dtype)
    return torch.fft.ifft2(spectrum * (torch.hypot(q[:, None], q[None, :]) <= cut)).real


def directed(
    heights: Tensor,
    size: tuple[float, float],
    pressure: float,
    solid: Callable[[Tensor], Tensor],
    speeds: Sequence[float],
    angle: float,
) -> list[float]:
    """Friction of one map in one direction, by the contact itself.

    Parameters
    ----------
    heights, size
        The map (n n) and its lengths [m].
    pressure
        Mean pressure [Pa].
    solid
        Complex modulus [Pa] of the angular frequency.
    speeds
        Sliding speeds [m/s].
    angle
        Degrees from the x axis.

    Returns
    -------
    list of float
        One coefficient per speed.
    """
    turn = math.radians(angle)
    ways = [(v * math.sin(turn), v * math.cos(turn)) for v in speeds]
    return [float(slide(heights, pressure, solid, way, size, tolerance=1e-3).friction) for way in ways]


def run(config: Hysteresis, folder: Run) -> Path:
    """Compute, write ``curves.json``, then the page.

    Parameters
    ----------
    config
        The command's settings.
    folder
        The run.

    Returns
    -------
    Path
        The file of curves.
    """
    found = curves(config)
    folder.write("curves.json", json.dumps(found, indent=2))
    with drawn("page"):
        cut = float(found["cut-off wavenumber [rad/m]"])  # type: ignore[arg-type]
        report = Report("Hysteretic friction", f"{config.file.name}, {config.pressure}, cut-off q = {cut:.3g} rad/m")
        report.note(
            f"The result is set mostly by the largest wavenumber of the spectrum (Ciavarella, arXiv 1701.03810): "
            f"here {cut:.3g} rad/m, half of what the pixels resolve. Quote it with every number.",
            "watch",
        )
        report.section("Speed and temperature")
        lines = {t: c["mu"] for t, c in found["temperatures"].items()}  # type: ignore[attr-defined]
        with style():
            figure = speeds_figure(found["speed [m/s]"], lines, "coefficient of friction")  # type: ignore[arg-type]
            report.figure(figure, "Loss in the solid alone (Persson 2001); shear of the contact comes on top.")
            if config.directions:
                ways: dict[str, list[float]] = found["directions"]  # type: ignore[assignment]
                figure = speeds_figure(found["speed of the directions [m/s]"], ways, "coefficient of friction")  # type: ignore[arg-type]
                report.section("Directions")
                report.figure(
                    figure,
                    "This very map, its contact solved while it slides, at the reference temperature and the same "
                    "cut-off; angles from the x axis.",
                )
        report.write(folder.report)
    return folder.path / "curves.json"


def plan(config: Hysteresis) -> dict[str, object]:
    """Read the scan and say where its spectrum is cut.

    Parameters
    ----------
    config
        The command's settings.

    Returns
    -------
    dict
        Cut-off wavenumber, speeds and temperatures.
    """
    found = curves(config)
    return {
        "cut-off wavenumber [rad/m]": found["cut-off wavenumber [rad/m]"],
        "speeds": f"{config.slowest} to {config.fastest}",
        "temperatures": ", ".join(config.temperatures),
    }
