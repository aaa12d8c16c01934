"""The command ``advsci-friction design``: textures for a wanted coefficient of friction."""

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from advsci.devices import torch_device
from advsci.errors import ConfigError, DataError
from advsci.files import read_array
from advsci.output import tell
from advsci.report import Report, drawn, verdict_section
from advsci.streams import Stream
from advsci.training import Run
from advsci_friction.config import Design, DesignSliding
from advsci_friction.data.crops import crops
from advsci_friction.data.maps import write_map
from advsci_friction.data.materials import Material, material_of
from advsci_friction.data.scans import read_scan
from advsci_friction.data.units import number, si
from advsci_friction.design.by_edit import as_designs, best_depth, design_by_edit, reachable_by_edit, wanted_areas
from advsci_friction.design.designer import Designer, Designs
from advsci_friction.design.edit import Edited, edit
from advsci_friction.design.property import Areas
from advsci_friction.design.refine import refine
from advsci_friction.evaluation.judge import copy_scores
from advsci_friction.game.new_training import train_new_maps
from advsci_friction.store import load_designer, write_designs
from advsci_friction.surfaces.fabrication import Fabrication
from advsci_friction.surfaces.pressed import Pressed, press
from advsci_friction.surfaces.processes import find_process
from advsci_friction.surfaces.quilting import quilt

__all__ = ["design_families", "library_of", "maps_of", "plan", "request_of", "run"]


def request_of(config: Design) -> list[tuple[float, float]]:
    """The wanted friction at each load.

    Parameters
    ----------
    config
        The command's settings.

    Returns
    -------
    list of tuple
        (mu, mean pressure [Pa]), the main request first.

    Raises
    ------
    ConfigError
        A text of ``also`` is not a friction and its pressure.
    """
    found = [(config.mu, si(config.pressure, "Pa", "pressure"))]
    for text in config.also:
        parts = re.fullmatch(r"\s*(\S+)\s+at\s+(.+)", text)
        if parts is None:
            raise ConfigError(f"also: got '{text}'; expected a friction and its pressure. Try: '0.08 at 20 MPa'.")
        found.append((number(parts[1], "also"), si(parts[2], "Pa", "also")))
    return found


def maps_of(config: Design | DesignSliding) -> tuple[Tensor, float, int, str]:
    """The maps that designs are made from, and what the process can set.

    Parameters
    ----------
    config
        The command's settings.

    Returns
    -------
    tuple
        (m p p) heights [m], length of the cell [m], largest wavenumber of an edit, name.
    """
    stream = Stream(config.seed).at("library")
    if config.maps is not None:
        files = sorted(p for p in config.maps.iterdir() if p.is_file()) if config.maps.is_dir() else [config.maps]
        maps, cell = crops([read_scan(p, level="plane") for p in files], config.library, stream, config.grid)
        return torch.as_tensor(maps).float(), cell, config.band or 8, config.maps.name
    process = find_process(config.process)
    heights = process.simulate(config.library, stream, config.grid)
    return heights, process.cell, config.band or process.band, process.name


def library_of(config: Design) -> tuple[Pressed, int, str]:
    """The maps that designs are made from, pressed; what the process can set; and its name.

    Parameters
    ----------
    config
        The command's settings.

    Returns
    -------
    tuple
        Library, largest wavenumber of an edit, name.
    """
    heights, cell, band, name = maps_of(config)
    return press(heights, cell), band, name


def design_families(config: Design, designer: Designer) -> Designs:
    """Designs of the analytic families by the trained generator.

    Parameters
    ----------
    config
        The command's settings.
    designer
        The trained model.

    Returns
    -------
    Designs
        As many as were asked for.

    Raises
    ------
    ConfigError
        One of ``second_mu`` and ``second_pressure`` is given without the other.
    """
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
        settings = (config.refine, config.pixels)
        refined = refine(designs.coefficients, log_reduced_load, area, designs.band, *settings)
        designs = replace(designs, slope=(load / material.modulus / refined.exp()).float())
    return designs


def _mask_of(config: Design) -> Tensor | None:
    """The fixed pixels."""
    if config.mask is None:
        return None
    mask = read_array(config.mask, expected="an npy of truth values", try_="np.save")
    if mask.dtype.kind not in "biuf" or mask.shape != (config.grid, config.grid):
        raise DataError(
            f"mask: got an array of shape {np.shape(mask)}; expected ({config.grid}, {config.grid}). Try: --grid."
        )
    return torch.as_tensor(mask.astype(bool))


def _new(
    config: Design, folder: Run, library: Pressed, band: int, material: Material, request: list[tuple[float, float]]
) -> Edited:
    """Maps of the game's generator, met exactly by the solver's steps; the verdict on the game goes to the report."""
    wanted, strain = wanted_areas(material, request)
    trained = train_new_maps(
        library,
        tuple(strain.tolist()),
        first_steps=config.first_steps,
        steps=config.steps,
        start=config.start,
        seed=config.seed,
        run=folder.stage("game"),
        device=torch_device(config.device),
    )
    asked = wanted.expand(config.count, -1)
    maps = trained.draw(asked, Stream(config.seed).at("new"))
    made = maps.to(library.maps)
    with drawn("report"):
        report = Report("New maps", f"{config.first_steps} + {config.steps} steps on maps of {config.process}")
        verdict_section(report, folder.path)
        report.write(folder.report)
    return edit(made, asked, Areas(strain), torch.arange(config.count), band)


def _designed(config: Design, folder: Run, material: Material) -> tuple[Designs, Fabrication, dict[str, object]]:
    """The designs, their limits of fabrication, and what else is known of them."""
    if config.way == "families":
        designer = load_designer(config.model)
        designs = design_families(config, designer)
        low, high = designer.reachable(designs.material, designs.load)
        return designs, designer.fabrication, {"reachable": [low, high]}
    request = request_of(config)
    library, band, name = library_of(config)
    maps, on = library.maps, torch_device(config.device)
    if config.way == "sewn":
        patchworks = quilt(maps, config.library, Stream(config.seed).at("sewn"))
        library = press(library.cell * patchworks, library.cell)
    if config.maps is None:
        process = find_process(config.process)
        if config.depth is not None:
            factor = si(config.depth, "m", "depth") / process.depth
        else:
            factor = best_depth(library, material, request, config.count, process.depths)
        library = library.deeper(factor)
    library = replace(library, maps=library.maps.to(on))
    if config.way == "new":
        found = _new(config, folder, library, band, material, request)
    else:
        mask = _mask_of(config)
        found = design_by_edit(
            library,
            band,
            material,
            request,
            config.count,
            fixed=None if mask is None else mask.to(on),
            softest=config.softest,
        )
    facts = {
        "reachable": list(reachable_by_edit(library, material, request[0][1])),
        "largest error on the finer grid": float(found.error.max()),
        "median error on the finer grid": float(found.error.median()),
        "edit over map, rms": float(((found.maps - found.start).std((1, 2)) / found.start.std((1, 2))).median()),
    }
    if config.way in ("sewn", "new"):
        scores = copy_scores(found.maps[:8].cpu(), maps[:64])
        facts["correlation with the nearest map, median"] = float(scores.median())
    if config.maps is None:
        facts["depth of the process [m]"] = factor * process.depth
        facts["area that breaks the process's rule"] = float(process.broken(found.maps).mean())
    limits = Fabrication(slope=float("inf"), depth=float("inf"))  # the process is the limit
    return as_designs(found.maps.cpu(), library.cell, material, request, name), limits, facts


def run(config: Design, folder: Run) -> Path:
    """Design, and write ``designs.npz``, ``designs.json`` and the maps in the other formats that were asked for.

    Parameters
    ----------
    config
        The command's settings.
    folder
        The run.

    Returns
    -------
    Path
        The file of designs.
    """
    start = time.perf_counter()
    designs, fabrication, facts = _designed(config, folder, material_of(config))
    seconds = time.perf_counter() - start
    path = folder.path / "designs.npz"
    write_designs(path, designs, fabrication, config.pixels)
    folder.write("designs.json", json.dumps(facts, indent=2))
    heights = designs.heights(config.pixels).numpy().astype("float64")
    for suffix in set(config.formats) - {"npz"}:
        for i, h in enumerate(heights):
            write_map(folder.path / f"design-{i:04d}.{suffix}", h, (float(designs.cell[i]), float(designs.cell[i])))
    low, high = facts.pop("reachable")  # type: ignore[misc]
    text = f"{config.count} designs in {seconds:.2f} s; reachable here: mu = {low:.3g} to {high:.3g}"
    tell(text, {"designs": config.count, "reachable": [low, high], **facts})
    for fact, value in facts.items():
        tell(f"{fact}: {value:.3g}")
    return path


def plan(config: Design) -> dict[str, object]:
    """The reachable range at this pressure.

    Parameters
    ----------
    config
        The command's settings.

    Returns
    -------
    dict
        Wanted friction, reachable range, number of designs.
    """
    material, load = material_of(config), request_of(config)[0][1]
    if config.way == "families":
        low, high = load_designer(config.model).reachable(material, load)
    else:
        library, process = library_of(config)[0], find_process(config.process)
        factor = best_depth(library, material, request_of(config), config.count, process.depths)
        low, high = reachable_by_edit(library if config.maps else library.deeper(factor), material, load)
    return {"wanted mu": config.mu, "reachable": f"{low:.3g} to {high:.3g}", "designs": config.count}
