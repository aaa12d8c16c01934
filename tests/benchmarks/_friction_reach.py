"""Designs by the default command's way over everything that it can reach, judged by tamaas; how unlike they are."""

import time
from collections.abc import Sequence
from importlib.util import find_spec
from statistics import fmean

import numpy as np
import torch
from _friction_designs import PEER, peer
from _friction_maps import same_band
from _row import interval, row
from scipy.spatial.distance import pdist

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci_friction.data.materials import MATERIALS
from advsci_friction.design.by_edit import as_designs, best_depth, design_by_edit, reachable_by_edit
from advsci_friction.evaluation.judge import map_features
from advsci_friction.evaluation.scores import verify
from advsci_friction.surfaces.fabrication import Fabrication
from advsci_friction.surfaces.pressed import press
from advsci_friction.surfaces.processes import find_process

__all__ = ["reach", "variety"]

NOMINAL = {"dlc": 5e7, "silicon": 5e8, "kcl-steel": 1e8, "pdms-glass": 1e5}
"""Mean pressures [Pa]; requests are within a factor of two of them."""


def reach(quick: bool, name: str = "e-beam", grid: int = 64) -> None:
    """Requests over the whole range of friction that any depth of the process reaches, each designed anew."""
    process, count = find_process(name), 12 if quick else 200
    library = press(process.simulate(128, Stream(0).at("library"), grid), process.cell)
    limits = Fabrication(slope=float("inf"), depth=float("inf"))
    shallow, deep = (library.deeper(s) for s in process.depths)
    for title, nominal in NOMINAL.items():
        material, stream = MATERIALS[title], Stream(11).at(title)
        loads = nominal * 2.0 ** (2.0 * stream.at("pressure").uniform((count,), dtype=torch.float64) - 1.0)
        u = stream.at("mu").uniform((count,), dtype=torch.float64)
        errors, refused, spent = [], 0, 0.0
        for i, load in enumerate(loads.tolist()):
            low = max(reachable_by_edit(deep, material, load)[0], 1.001 * material.floor)
            high = reachable_by_edit(shallow, material, load)[1]
            request = [(low + (high - low) * float(u[i]), load)]
            begin = time.process_time()
            try:
                near = library.deeper(best_depth(library, material, request, 1, process.depths))
                made = design_by_edit(near, process.band, material, request, 1)
            except ConfigError:
                refused += 1
                continue
            spent += time.process_time() - begin
            designs = as_designs(made.maps, near.cell, material, request, name)
            solver = "tamaas" if find_spec(PEER) else "own"
            found = verify(designs, limits, 2 * grid, solver=solver, stream=Stream(i))
            errors.append(abs(float(found.friction[0]) / request[0][0] - 1.0))
        note = f"{len(errors)} requests over the whole range, {refused} refused; {name}, judged on {2 * grid} px"
        settings = {"unit": "relative", "peer": peer() or "own solver", "note": note}
        row(f"{title}, by edit: median error of mu", float(np.median(errors)), 0.01, **settings)
        row(f"{title}, by edit: 95th percentile", float(np.quantile(errors, 0.95)), 0.03, **settings)
        row(f"{title}, by edit: largest error", max(errors), 0.08, **settings)
        row(f"{title}, by edit: CPU seconds per design", spent / len(errors), 0.15, unit="s", note=note)


def variety(quick: bool, seeds: Sequence[int] = (0, 1, 2), name: str = "e-beam", grid: int = 64) -> None:
    """How unlike the designs of one request are, over how unlike held-out maps of the process are."""
    process, count, material = find_process(name), 8 if quick else 20, MATERIALS["dlc"]
    shares = []
    for seed in seeds:
        library, held = (
            process.simulate(n, Stream(seed).at(what), grid) for what, n in (("library", 128), ("held out", count))
        )
        pressed = press(library, process.cell)
        low, high = reachable_by_edit(pressed, material, 5e7)
        made = design_by_edit(pressed, process.band, material, [(0.5 * (low + high), 5e7)], count)
        own, others = (
            np.array([map_features(h) for h in x.double().numpy()]) for x in (made.maps, same_band(held) / process.cell)
        )
        scale = others.std(0)
        varies = scale > 1e-9 * np.abs(others).max(0)
        shares.append(
            float(pdist(own[:, varies] / scale[varies]).mean() / pdist(others[:, varies] / scale[varies]).mean())
        )
    note = f"{count} designs of one request per seed, {name}; mean distance of pairs in the judge's features"
    row(
        "variety at one request, over that of held-out maps", fmean(shares), 0.8, "higher", unit="ratio",
        seeds=len(shares), interval=interval(shares) if len(shares) > 1 else None, note=note,
    )  # fmt: skip
