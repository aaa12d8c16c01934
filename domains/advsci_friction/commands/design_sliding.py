"""The command ``advsci-friction design-sliding``: textures with one friction of rubber along and another across."""

import json
import time
from pathlib import Path

import numpy as np

from advsci.devices import torch_device
from advsci.errors import ConfigError
from advsci.output import tell
from advsci.report import Report, drawn, style
from advsci.training import Run
from advsci_friction.commands.design import maps_of
from advsci_friction.config import DesignSliding
from advsci_friction.data.maps import write_map
from advsci_friction.data.units import si
from advsci_friction.design.sliding import Rubber, SlidingFriction, design_sliding
from advsci_friction.evaluation.pictures import maps_figure
from advsci_friction.laws.viscoelastic import standard_linear_solid
from advsci_friction.surfaces.process import fourier_resample
from advsci_friction.surfaces.processes import find_process

__all__ = ["plan", "rubber_of", "run"]


def rubber_of(config: DesignSliding) -> Rubber:
    """The solid, its load and its speed.

    Parameters
    ----------
    config
        The command's settings.

    Returns
    -------
    Rubber
        In SI units.

    Raises
    ------
    ConfigError
        A solid without loss: no relaxation time, or no stiffer at once than at rest.
    """
    soft, stiff = si(config.relaxed, "Pa", "relaxed"), si(config.instantaneous, "Pa", "instantaneous")
    relaxation = si(config.relaxation_time, "s", "relaxation time")
    if not (0.0 < soft < stiff and relaxation > 0.0):
        raise ConfigError(
            f"got {config.relaxed} at rest, {config.instantaneous} at once and a relaxation time of "
            f"{config.relaxation_time}; expected a positive modulus at rest, a larger one at once and a positive time: "
            "a solid without loss has no friction. Try: --relaxed '1 MPa' --instantaneous '1 GPa'."
        )
    solid = standard_linear_solid(soft, stiff, relaxation)
    return Rubber(solid, si(config.pressure, "Pa", "pressure"), si(config.speed, "m/s", "speed"))


def run(config: DesignSliding, folder: Run) -> Path:
    """Design, write ``designs.json`` and one map per design, then the page.

    Parameters
    ----------
    config
        The command's settings.
    folder
        The run.

    Returns
    -------
    Path
        The file of frictions.
    """
    start = time.perf_counter()
    rubber = rubber_of(config)
    maps, cell, band, name = maps_of(config)
    span = find_process(config.process).depths if config.maps is None else (0.1, 10.0)
    found = design_sliding(
        maps.to(torch_device(config.device)), cell, band, rubber, (config.along, config.across), config.count, span=span
    )
    seconds = time.perf_counter() - start
    heights = (cell * fourier_resample(found.maps.double(), config.pixels)).cpu().numpy()
    for suffix in config.formats:
        for i, h in enumerate(heights):
            write_map(folder.path / f"design-{i:04d}.{suffix}", h, (cell, cell))
    frictions = found.logs.exp().tolist()
    turned = [int(row) >= len(maps) for row in found.source]
    facts = {
        "cell [m]": cell,
        "friction along x and y": frictions,
        "largest error on the finer grid": found.error.tolist(),
        "depth, peak to valley [m]": np.ptp(heights, axis=(1, 2)).tolist(),
        "turned by a quarter": turned,
    }
    folder.write("designs.json", json.dumps(facts, indent=2))
    with drawn("page"):
        report = Report(
            "Textures with two frictions",
            f"{config.count} maps of {name}; mu = {config.along:g} along x, {config.across:g} along y wanted at "
            f"{config.speed} and {config.pressure}",
        )
        report.note(
            "The friction is what the rubber dissipates, a standard linear solid between the two moduli; shear of the "
            "contact comes on top, alike in all directions.",
            "info",
        )
        if poor := int((found.error > 0.05).sum()):
            report.note(
                f"{poor} of {config.count} designs miss a wanted friction by more than 5 % on the finer grid: a larger "
                "library or grid brings them nearer.",
                "watch",
            )
        report.section("Designs")
        with style():
            titles = [f"{i}: x {x:.3g}, y {y:.3g}" for i, (x, y) in enumerate(frictions)]
            report.figure(maps_figure(heights[:12], titles[:12], cell), "Heights and the friction of each direction.")
        report.table(
            [
                {
                    "design": i,
                    "friction along x": f"{x:.3g}",
                    "along y": f"{y:.3g}",
                    "worse error [%]": f"{100 * e:.2g}",
                    "peak to valley [nm]": f"{1e9 * np.ptp(h):.3g}",
                    "map": "turned by a quarter" if turn else "as made",
                }
                for i, ((x, y), e, h, turn) in enumerate(
                    zip(frictions, found.error.tolist(), heights, turned, strict=True)
                )
            ],
            caption="Each design, judged on a grid twice as fine.",
        )
        report.write(folder.report)
    worst = float(found.error.max())
    tell(
        f"{config.count} designs in {seconds:.1f} s; largest error on the finer grid {worst:.2%}",
        {"designs": config.count, "largest error on the finer grid": worst},
    )
    if worst > 0.05:
        tell("more than 5 % off: not what was asked for. Try: a larger --library or --grid, or another --process.")
    return folder.path / "designs.json"


def plan(config: DesignSliding) -> dict[str, object]:
    """The friction of some maps of the process at its own depth.

    Parameters
    ----------
    config
        The command's settings.

    Returns
    -------
    dict
        What is wanted, and the median along and across of eight maps.
    """
    rubber, (maps, cell, _, _) = rubber_of(config), maps_of(config)
    shapes = (maps[:8] - maps[:8].mean((1, 2), keepdim=True)) / cell
    along, across = SlidingFriction(rubber, cell).logs(shapes, tolerance=1e-2).exp().median(0).values.tolist()
    return {
        "wanted along x and y": f"{config.along:g} and {config.across:g}",
        "the process at its own depth": f"{along:.3g} and {across:.3g}",
        "designs": config.count,
    }
