"""The command ``advsci-friction stick-slip``: friction of a point contact against speed and temperature."""

import json
import math
from pathlib import Path

import torch

from advsci.report import Report, drawn, style
from advsci.training import Run
from advsci_friction.config import StickSlip
from advsci_friction.data.units import si
from advsci_friction.evaluation.pictures import speeds_figure
from advsci_friction.laws.prandtl_tomlinson import critical_velocity, kinetic_friction, thermal_friction

__all__ = ["forces", "plan", "run"]


def forces(config: StickSlip) -> dict[str, object]:
    """Largest lateral force before the slip, for every speed and temperature.

    Parameters
    ----------
    config
        The command's settings.

    Returns
    -------
    dict
        Corrugation number, critical force [N], mean force at 0 K [N], speeds [m/s], and per temperature the forces [N]
        and the speed above which heat no longer helps [m/s].
    """
    energy, period = si(config.corrugation, "J", "corrugation"), si(config.period, "m", "period")
    stiffness, rate = si(config.stiffness, "N/m", "stiffness"), si(config.attempt_rate, "1/s", "attempt rate")
    eta = 4.0 * math.pi**2 * energy / (stiffness * period**2)
    critical = 2.0 * math.pi * energy / period
    low, high = (si(text, "m/s", "speed") for text in (config.slowest, config.fastest))
    speeds = torch.logspace(math.log10(low), math.log10(high), 61, dtype=torch.float64)
    found = {}
    for text in config.temperatures:
        kelvin = si(text, "K", "temperature")
        force = thermal_friction(speeds, critical, period, stiffness, rate, kelvin)
        limit = float(critical_velocity(critical, period, stiffness, rate, kelvin))
        # the thermal formula is for stick-slip; below eta = 1 the point slides without friction at low speed
        found[text] = {"force [N]": (force if eta > 1.0 else 0.0 * force).tolist(), "critical speed [m/s]": limit}
    return {
        "corrugation number eta": eta,
        "critical force [N]": critical,
        "mean force at 0 K [N]": critical * float(kinetic_friction(torch.tensor(eta, dtype=torch.float64))),
        "speed [m/s]": speeds.tolist(),
        "temperatures": found,
    }


def run(config: StickSlip, folder: Run) -> Path:
    """Compute, write ``forces.json``, then the page.

    Parameters
    ----------
    config
        The command's settings.
    folder
        The run.

    Returns
    -------
    Path
        The file of forces.
    """
    found = forces(config)
    folder.write("forces.json", json.dumps(found, indent=2))
    eta = found["corrugation number eta"]
    with drawn("page"):
        kind = "stick-slip" if eta > 1.0 else "smooth sliding: no friction at low speed"  # type: ignore[operator]
        report = Report("Friction of a point contact", f"Prandtl-Tomlinson, eta = {eta:.3g}: {kind}")
        report.card("Critical force [nN]", 1e9 * float(found["critical force [N]"]))  # type: ignore[arg-type]
        report.card("Mean force at 0 K [nN]", 1e9 * float(found["mean force at 0 K [N]"]))  # type: ignore[arg-type]
        report.section("Speed and temperature")
        curves = {t: [1e9 * f for f in c["force [N]"]] for t, c in found["temperatures"].items()}  # type: ignore[attr-defined]
        with style():
            figure = speeds_figure(found["speed [m/s]"], curves, "force before the slip [nN]")  # type: ignore[arg-type]
            report.figure(figure, "Heat helps the slip the more, the slower the pull (Sang, Dube and Grant 2001).")
        report.write(folder.report)
    return folder.path / "forces.json"


def plan(config: StickSlip) -> dict[str, object]:
    """What kind of sliding the settings give.

    Parameters
    ----------
    config
        The command's settings.

    Returns
    -------
    dict
        Corrugation number, critical force, speeds and temperatures.
    """
    found = forces(config)
    return {
        "corrugation number eta": found["corrugation number eta"],
        "critical force [N]": found["critical force [N]"],
        "speeds": f"{config.slowest} to {config.fastest}",
        "temperatures": ", ".join(config.temperatures),
    }
