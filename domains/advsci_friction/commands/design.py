"""The command ``advsci-friction design``: textures for a wanted coefficient of friction."""

import time
from dataclasses import replace
from pathlib import Path

import torch

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci.training import Run
from advsci_friction.config import Design
from advsci_friction.data.maps import write_map
from advsci_friction.data.materials import material_of
from advsci_friction.data.units import si
from advsci_friction.design.designer import Designer, Designs
from advsci_friction.design.refine import refine
from advsci_friction.store import load_designer, write_designs

__all__ = ["make_designs", "plan", "run"]


def make_designs(config: Design, designer: Designer) -> Designs:
    """The designs that the settings ask for."""
    material, load = material_of(config), si(config.pressure, "Pa", "pressure")
    second = None
    if config.second_mu is not None and config.second_pressure is not None:
        second = config.second_mu, config.second_pressure
    elif (config.second_mu, config.second_pressure) != (None, None):
        raise ConfigError(
            "got one of second_mu and second_pressure; expected both or neither. "
            "Try: --second-mu 0.03 --second-pressure 200MPa."
        )
    designs = designer.design(
        material,
        config.mu,
        load,
        config.count,
        Stream(config.seed),
        family=config.family,
        slope=config.slope,
        second=second,
        cell=config.cell,
        wavelength=config.wavelength,
    )
    if config.refine:
        area = torch.full((config.count,), (config.mu - material.pressure_coefficient) * load / material.shear_strength)
        log_reduced_load = (load / material.modulus / designs.slope).log()
        refined = refine(designs.coefficients, log_reduced_load, area, designs.band, config.refine, config.pixels)
        designs = replace(designs, slope=(load / material.modulus / refined.exp()).float())
    return designs


def run(config: Design, folder: Run) -> Path:
    """Design, and write ``designs.npz`` and the maps in the other formats that were asked for."""
    designer = load_designer(config.model)
    start = time.perf_counter()
    designs = make_designs(config, designer)
    seconds = time.perf_counter() - start
    path = folder.path / "designs.npz"
    write_designs(path, designs, designer.fabrication, config.pixels)
    heights = designs.heights(config.pixels).numpy().astype("float64")
    for suffix in set(config.formats) - {"npz"}:
        for i, h in enumerate(heights):
            write_map(folder.path / f"design-{i:04d}.{suffix}", h, (float(designs.cell[i]), float(designs.cell[i])))
    low, high = designer.reachable(designs.material, designs.load)
    print(f"{config.count} designs in {seconds:.2f} s; reachable here: mu = {low:.3g} to {high:.3g}")
    return path


def plan(config: Design) -> dict[str, object]:
    """The reachable range at this pressure."""
    low, high = load_designer(config.model).reachable(material_of(config), si(config.pressure, "Pa", "pressure"))
    return {"wanted mu": config.mu, "reachable": f"{low:.3g} to {high:.3g}", "designs": config.count}
