"""Two frictions of rubber at once: designs by edit beside the nearest map, and what an elastic contact costs more."""

import time

import torch
from _row import interval, row

from advsci.streams import Stream
from advsci_friction.contact.sliding import slide
from advsci_friction.contact.solve import solve_contact
from advsci_friction.design.sliding import Rubber, SlidingFriction, design_sliding
from advsci_friction.laws.viscoelastic import standard_linear_solid
from advsci_friction.surfaces.process import fourier_resample
from advsci_friction.surfaces.processes import find_process

__all__ = ["anisotropic"]

RUBBER = Rubber(standard_linear_solid(1e6, 1e7, 1e-6), 1e5, 1.0)


def anisotropic(quick: bool, seeds: list[int]) -> None:
    """Requests are the frictions along x and y of held-out maps; judged on a grid twice as fine, pressures to 1e-6."""
    for name, grid in (("e-beam", 48), ("laser-ripples", 48)):
        process, few = find_process(name), 2 if quick else 6
        asked = SlidingFriction(RUBBER, process.cell)
        errors, near, spent = [], [], []
        for seed in seeds[: 1 if quick else None]:
            maps = process.simulate(8 if quick else 32, Stream(seed).at("library"), grid)
            held = process.simulate(few, Stream(seed).at("held"), grid) / process.cell
            wanted = asked.logs(fourier_resample(held, 2 * grid)).exp()
            for along, across in wanted.tolist():
                settings = (maps, process.cell, process.band, RUBBER, (along, across), 1)
                begin = time.process_time()
                found = design_sliding(*settings, span=process.depths, tries=1)
                spent.append(time.process_time() - begin)
                judged = asked.logs(fourier_resample(found.maps.double(), 2 * grid), tolerance=1e-6).exp()[0]
                want = torch.tensor([along, across], dtype=judged.dtype)
                errors.append(float((judged / want - 1.0).abs().max()))
                start = asked.logs(fourier_resample(found.start.double(), 2 * grid)).exp()[0]
                near.append(float((start / want - 1.0).abs().max()))
        e, n = torch.tensor(errors), torch.tensor(near)
        note = f"{len(errors)} requests, {name}, {grid} px; worse of along and across, judged on {2 * grid} px"
        row(f"sliding, {name}: median error", float(e.median()), 0.03, "lower", unit="relative", note=note)
        row(f"sliding, {name}: largest error", float(e.max()), None, unit="relative", note=note)
        row(f"sliding, {name}: nearest map, median error", float(n.median()), None, unit="relative", note=note)
        row(f"sliding, {name}: CPU s per design", sum(spent) / len(spent), None, unit="s", interval=interval(spent))
    rough = find_process("e-beam").simulate(8, Stream(0), 64).double() / find_process("e-beam").cell
    begin = time.process_time()
    solve_contact(rough, 2e4, 2e6, (1.0, 1.0), tolerance=1e-6)
    elastic = time.process_time() - begin
    for ratio in (2.0, 10.0, 100.0):
        begin = time.process_time()
        found = slide(rough, 2e4, standard_linear_solid(1e6, ratio * 1e6, 0.05), (0.0, 1.0), (1.0, 1.0))
        value = (time.process_time() - begin) / elastic
        gap = found.displacement - rough
        level = torch.stack([g[t].mean() for g, t in zip(gap, found.touching, strict=True)])[:, None, None]
        off = float(((gap - level) * found.touching).abs().max() / rough.std())
        note = (
            f"sin(loss angle) up to {found.space.contraction:.3f}, {found.iterations} elastic contacts, gap {off:.0e}"
        )
        row(f"sliding, moduli 1:{ratio:g}: time over one elastic contact", value, None, unit="ratio", note=note)
