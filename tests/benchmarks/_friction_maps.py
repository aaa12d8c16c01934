"""Capped contact against tamaas; designs by edit of a process's maps; new maps by the game and its parts."""

import os
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from _row import row
from torch import Tensor

from advsci.streams import Stream
from advsci_friction.contact.halfspace import HalfSpace
from advsci_friction.contact.solve import solve_contact
from advsci_friction.data.crops import crops
from advsci_friction.data.scans import Scan
from advsci_friction.design.edit import Edited, edit, log_areas, nearest
from advsci_friction.evaluation.judge import copy_scores, likeness
from advsci_friction.game.new_training import train_new_maps
from advsci_friction.surfaces.pressed import Pressed, press
from advsci_friction.surfaces.process import fourier_resample
from advsci_friction.surfaces.processes import find_process

F64 = torch.float64


def rough(batch: int, n: int, seed: int) -> Tensor:
    """Self-affine maps of rms slope 0.1."""
    space = HalfSpace((n, n), (1.0, 1.0))
    k = space.wavenumber / (2 * torch.pi)
    band = torch.where((k >= 2) & (k <= n / 4), k.clamp_min(1.0) ** -1.8, torch.zeros_like(k))
    h = space.filter(Stream(seed).at("rough").normal((batch, n, n), dtype=F64), band)
    return h * (0.1 / (2 * space.flatten(h).std((-2, -1), keepdim=True, correction=0)))


def capped(quick: bool) -> None:
    """Convergence for every hardness and load, and distance and time to the saturated solver of tamaas."""
    count, n = (24, 48) if quick else (200, 64)
    h, stream = rough(count, n, 1), Stream(3)
    hardness = 0.1 * 10.0 ** (2.0 * stream.at("hardness").uniform((count,), dtype=F64) - 2.0)
    load = hardness * (0.01 + 0.94 * stream.at("load").uniform((count,), dtype=F64))
    start = time.process_time()
    contact = solve_contact(h, load, 1.0, (1.0, 1.0), hardness, strict=False)
    ours = time.process_time() - start
    note = f"{count} rough maps, {n} px, H/(E*h') .01 to 1, P/H .01 to .95"
    row("capped contact, share that converges", float(contact.converged.double().mean()), 1.0, "higher", note=note)
    carried = float((contact.pressure.mean((1, 2)) / load - 1).abs().max())
    row("capped contact, load carried", carried, 1e-6, "lower", unit="relative", note=note)
    if not find_spec("tamaas"):
        row("capped contact, distance to KatoSaturated", None, 1e-5, "lower", note="tamaas is not installed")
        return
    import tamaas

    tamaas.set_log_level(tamaas.LogLevel.error)
    worst, theirs, few = 0.0, 0.0, min(count, 24)
    for i in range(few):
        model = tamaas.Model(tamaas.model_type.basic_2d, [1.0, 1.0], [n, n])
        model.E, model.nu = 1.0, 0.0
        start = time.process_time()
        solver = tamaas.KatoSaturated(model, h[i].numpy().copy(), 1e-9, float(hardness[i]))
        solver.max_iter = 20000
        solver.solve(float(load[i]))
        theirs += time.process_time() - start
        p = torch.as_tensor(model.traction.copy())
        worst = max(worst, float((p - contact.pressure[i]).norm() / p.norm()))
    peer, note = "tamaas KatoSaturated", f"the first {few} of them"
    row("capped contact, distance of the pressures", worst, 1e-5, "lower", unit="relative L2", peer=peer, note=note)
    ratio = ours / count / (theirs / few)
    row("capped contact, time", ratio, 1.0, "lower", unit="ratio", peer=peer, note="in one batch; peer at 1e-9")


def libraries(quick: bool) -> dict[str, tuple[Pressed, Tensor, int]]:
    """Library, held-out maps over the cell's length, and band of lithography, ripples and measured maps."""
    count, n = (48, 32) if quick else (256, 48)
    found = {}
    for name in ("e-beam", "laser-ripples"):
        process = find_process(name)
        maps, held = (process.simulate(count, Stream(i).at("library"), n) for i in (0, 1))
        found[name] = press(maps, process.cell), held / process.cell, process.band
    path = Path(os.environ.get("ADVSCI_DATA", "")) / "friction" / "afm_surfacetopography" / "afm_heights.npz"
    if path.is_file():
        heights = np.load(path)["di_5_di"].astype(float)
        half = heights.shape[1] // 2
        sides = [Scan(x, (float(x.shape[0]), float(x.shape[1]))) for x in (heights[:, :half], heights[:, half:])]
        scale = 1.0  # lengths in pixels: areas depend on slopes, which the loads below are fitted to
        maps, held = (torch.as_tensor(crops([s], count, Stream(i), n)[0]).float() for i, s in enumerate(sides))
        found["AFM"] = press(maps / heights.std(), scale), held / heights.std(), 8
    return found


def loads_of(library: Pressed, areas: tuple[float, ...]) -> Tensor:
    """The strains at which the median map has given areas."""
    middle = library.log_area.median(0).values.numpy()
    return torch.tensor(np.exp(np.interp(np.log(areas), middle, library.log_strain.numpy()))).float()


def by_edit(quick: bool) -> None:
    """Areas of held-out maps asked for at two loads and at five over a decade: retrieval, and retrieval with edit."""
    count = 12 if quick else 64
    for name, (library, held, band) in libraries(quick).items():
        for loads, title in ((loads_of(library, (0.08, 0.25)), "two loads"), (decade(library), "five loads, a decade")):
            asked = held[:count]
            wanted = log_areas(fourier_resample(asked, 2 * asked.shape[-1]), loads)
            start = time.process_time()
            rows = torch.stack([nearest(library, w, loads, 1)[0] for w in wanted])
            found = edit(library, wanted, loads, rows, band)
            seconds = (time.process_time() - start) / count
            first = log_areas(fourier_resample(found.start, 2 * asked.shape[-1]), loads)
            before = (first - wanted).abs().amax(1).expm1()
            note = f"{count} curves of held-out maps, grid twice as fine, worst load; {seconds:.3f} CPU s per design"
            label = f"{name}, {title}"
            row(f"{label}: nearest map, median error", float(before.median()), None, unit="relative", note=note)
            row(f"{label}: edit, median error", float(found.error.median()), 0.01, unit="relative", note=note)
            row(f"{label}: edit, 95th percentile", float(found.error.quantile(0.95)), 0.03, unit="relative", note=note)
            row(f"{label}: edit, largest error", float(found.error.max()), 0.08, unit="relative", note=note)
            row(f"{label}: CPU seconds per design", seconds, 0.15, unit="s")
            likely(label, library, held[count:], found, 0.55 if name != "AFM" else 0.65)
            if name == "e-beam":
                kept = 1.0 - float(find_process(name).broken(found.maps).mean())
                row(f"{label}: area that keeps the rule", kept, 0.99, "higher")


def decade(library: Pressed) -> Tensor:
    """Five loads over a factor of ten about the one at which a fifth of the median map touches."""
    middle = float(loads_of(library, (0.15,)))
    return middle * 10.0 ** torch.linspace(-0.5, 0.5, 5)


def likely(label: str, library: Pressed, held: Tensor, found: Edited, target: float) -> None:
    """What the judge says of edited maps, and of the library's own beside them."""
    if not find_spec("sklearn"):
        row(f"{label}: judge's AUC", None, target, "lower", note="scikit-learn is not installed")
        return
    for who, maps in (("unedited", found.start), ("edited", found.maps)):
        said = likeness(held, maps)
        note = f"+- {said.deviation:.2f}; W = {said.distance:.2f}; {len(held)} held-out maps"
        row(f"{label}: judge's AUC, {who}", said.auc, target if who == "edited" else None, "lower", note=note)


def new_maps(quick: bool) -> None:
    """New maps by the game: whole, without the critic, without the physics, each before and after solver steps."""
    library, held, band = libraries(quick)["e-beam"]
    count, (first, steps) = (12, (20, 5)) if quick else (48, (500, 100))
    loads = loads_of(library, (0.08, 0.25))
    asked = held[:count]
    wanted = log_areas(fourier_resample(asked, 2 * asked.shape[-1]), loads)
    own = float(copy_scores(held[count : count + 8], library.maps[:128]).median())
    row("new maps: copy score of held-out maps", own, None, note="largest correlation with a map of the library")
    for without, title in (("nothing", "critic and physics"), ("critic", "critic off"), ("physics", "physics off")):
        start = time.process_time()
        trained = train_new_maps(
            library, tuple(loads.tolist()), first_steps=first, steps=steps, without=without, quiet=True
        )
        seconds = time.process_time() - start
        maps = trained.draw(wanted, Stream(7))
        plain = (log_areas(fourier_resample(maps, 2 * maps.shape[-1]), loads) - wanted).abs().amax(1).expm1()
        pool = Pressed(maps, library.cell, library.log_strain, library.log_area, library.peak)
        made = edit(pool, wanted, loads, torch.arange(count), band)
        note = f"{first} + {steps} steps, {seconds:.0f} CPU s, {count} requests, grid twice as fine"
        for when, error, shown in (("as drawn", plain, maps), ("after solver steps", made.error, made.maps)):
            said = likeness(held[count:], shown)
            values = f"95th percentile {float(error.quantile(0.95)):.3g}; W = {said.distance:.2f}; {note}"
            label = f"new maps, {title}, {when}"
            row(f"{label}: median error", float(error.median()), None, unit="relative", note=values)
            row(f"{label}: judge's AUC", said.auc, None, "lower", note=f"+- {said.deviation:.2f}")
        copied = float(copy_scores(made.maps[:8], library.maps[:128]).median())
        row(f"new maps, {title}: copy score", copied, own, "lower")
