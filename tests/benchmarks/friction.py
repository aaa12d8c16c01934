"""``make bench-friction``: every figure of contact solver and texture design, one JSON object a line.

Stored references are read from ``$ADVSCI_DATA/friction``; tamaas judges and is timed where it is installed. A row
whose data, peer or model is missing is not met and says so. The model that comes with the package is judged, or that
of ``--model FILE``; ``--train`` trains the default set first (half an hour), ``--quick`` a two-minute training beside
fewer and smaller cases, never another method. ``--only WORD`` runs the parts whose name contains the word:
westergaard, references, timing, measured, capped, reach, sliding, variety, edit, rivals, new, training, designs and
ablations. ``--seeds 0`` runs the parts edit, rivals, sliding and new on one of their three seeds; ``--pixels 64`` sets
their grid, ``--steps 150 30`` and ``--ways WORD`` the two games of the part new and which of its ways are trained.
"""

import argparse
import csv
import json
import math
import os
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from _friction_designs import PEER, ablations, designs, peer
from _friction_maps import by_edit, capped
from _friction_new import new_maps
from _friction_reach import reach, variety
from _friction_rivals import rivals
from _friction_sliding import anisotropic
from _row import compare, ratio, row

from advsci.streams import Stream
from advsci_friction.baselines.tamaas import tamaas_pressure
from advsci_friction.commands.train import train_designer
from advsci_friction.config import Train
from advsci_friction.contact.area import real_area
from advsci_friction.contact.closed_forms import elastoplastic_areas, westergaard_area, westergaard_pressure
from advsci_friction.contact.halfspace import HalfSpace
from advsci_friction.contact.solve import solve_contact
from advsci_friction.design.designer import Designer
from advsci_friction.store import load_designer

F64 = torch.float64


def folder() -> Path | None:
    """Where the stored references lie, if they do."""
    path = Path(os.environ.get("ADVSCI_DATA", "")) / "friction"
    return path if (path / "reference.json").is_file() else None


def relative(p: torch.Tensor, q: torch.Tensor) -> float:
    """Relative L2 distance."""
    return float((p - q).norm() / q.norm())


def westergaard(quick: bool) -> None:
    """The sine at 512 pixels against its closed form."""
    x = torch.arange(512, dtype=F64) / 512
    worst_length, worst_pressure = 0.0, 0.0
    for share in (0.05, 0.2, 0.5, 0.8):
        contact = solve_contact(torch.cos(2 * math.pi * x), share * math.pi, 1.0, (1.0,))
        length = 512 * float(westergaard_area(torch.tensor(share, dtype=F64)))
        worst_length = max(worst_length, abs(float(contact.touching.sum()) - length))
        worst_pressure = max(worst_pressure, relative(contact.pressure / math.pi, westergaard_pressure(x, share)))
    row(
        "Westergaard, contact length, 512 px",
        worst_length,
        1.5,
        "lower",
        unit="px",
        note="worst of P/p* = .05 .2 .5 .8",
    )
    row("Westergaard, pressure", worst_pressure, 2e-3, "lower", unit="relative L2", note="worst of P/p* = .05 .2 .5 .8")


def references(quick: bool) -> None:
    """Stored areas and pressures of the wavy table and the rough maps, and the hardness rows."""
    where = folder()
    if where is None:
        row("stored references", None, None, "lower", note="ADVSCI_DATA holds no friction/reference.json")
        return
    stored = json.loads((where / "reference.json").read_text())
    n = 128 if quick else 256
    x = 2 * math.pi * torch.arange(n, dtype=F64) / n
    wave = torch.cos(x)[:, None] * torch.cos(x)[None, :]
    rows = stored["jgh_2d_wavy"]["rows"]
    load = torch.tensor([r["p_over_pstar"] for r in rows], dtype=F64) * math.sqrt(2) * math.pi
    contact = solve_contact(wave.expand(len(rows), n, n), load, 1.0, (1.0, 1.0))
    wanted = torch.tensor([r[f"n{n}"]["A_corrected"] for r in rows], dtype=F64)
    error = float((real_area(contact) / wanted - 1).abs().max())
    row("two-dimensional wave, area", error, 5e-3, "lower", unit="relative", note=f"worst of 16 loads, {n} px")
    maps, pressures = np.load(where / "rough_surfaces.npz"), np.load(where / "rough_pressures.npz")
    area, pressure, capped = 0.0, 0.0, 0.0
    for entry in stored["rough"]["sets"]:
        h = torch.as_tensor(maps[entry["id"]])
        for r in entry["elastic"][:: 6 if quick else 1]:
            contact = solve_contact(h, 0.1 * r["p_over_Eh"], 1.0, (1.0, 1.0))
            area = max(area, abs(float(real_area(contact)) / r["A_corrected"] - 1))
        p = torch.as_tensor(pressures[f"{entry['id']}__elastic_p0.10"]).to(F64)
        pressure = max(pressure, relative(solve_contact(h, 0.01, 1.0, (1.0, 1.0), tolerance=1e-8).pressure, p))
        for r in entry["saturated"][:: 5 if quick else 2]:
            contact = solve_contact(h, 0.1 * r["p_over_Eh"], 1.0, (1.0, 1.0), 0.1 * r["H_over_Eh"])
            capped = max(capped, abs(float(contact.touching.double().mean()) / r["A_raw"] - 1))
    row("rough maps, area", area, 5e-3, "lower", unit="relative", note="worst, three stored maps")
    row("rough maps, pressure", pressure, 1e-5, "lower", unit="relative L2", note="tolerance 1e-8, three stored maps")
    row("rough maps under hardness, area", capped, 5e-3, "lower", unit="relative", peer="ContactMechanics, stored")
    h = torch.as_tensor(maps[stored["rough"]["sets"][0]["id"]])
    ratios = torch.tensor(
        [0.05, 0.5, 0.95] if quick else [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95], dtype=F64
    )
    hardness, converged, carried, plastic = 0.025, 0, 0.0, 0.0
    for share in ratios:
        contact = solve_contact(h, float(share) * hardness, 1.0, (1.0, 1.0), hardness, strict=False)
        converged += int(contact.converged)
        carried = max(carried, abs(float(contact.pressure.mean()) / (float(share) * hardness) - 1))
        theory = float(elastoplastic_areas(share[None] * hardness, hardness, 0.1)[1])
        plastic = max(plastic, abs(float(contact.plastic.double().mean()) / theory - 1))
    row(
        "hardness, share of loads that converge",
        converged / len(ratios),
        1.0,
        "higher",
        note="P/H .05 to .95, H = .25 E*h'",
    )
    row("hardness, load carried", carried, 1e-6, "lower", unit="relative")
    row(
        "hardness, plastic area against the closed form",
        plastic,
        0.16,
        "lower",
        unit="relative",
        note="documented: 8-16 %",
    )


def rough(batch: int, n: int, seed: int = 1) -> torch.Tensor:
    """Self-affine maps of rms slope 0.1."""
    space = HalfSpace((n, n), (1.0, 1.0))
    k = space.wavenumber / (2 * math.pi)
    band = torch.where((k >= 2) & (k <= n / 4), k.clamp_min(1.0) ** -1.8, torch.zeros_like(k))
    h = space.filter(Stream(seed).at("rough").normal((batch, n, n), dtype=F64), band)
    return h * (0.1 / (2 * space.flatten(h).std((-2, -1), keepdim=True, correction=0)))


def timing(quick: bool) -> None:
    """Solve times against tamaas at equal error of the pressure, and the backward pass against the forward one."""
    torch.set_num_threads(1)
    n, repeats, load = (128 if quick else 256), (3 if quick else 7), 0.005
    h = rough(1, n)[0]
    hg = h.clone().requires_grad_()
    solved = [solve_contact(hg, load, 1.0, (1.0, 1.0))]

    def forward() -> None:
        solved[0] = solve_contact(hg, load, 1.0, (1.0, 1.0))

    def backward() -> None:
        real_area(solved[0], 0.25 * load / 0.1).backward(retain_graph=True)

    ahead, back = compare(forward, backward, rounds=repeats)
    value = float(np.median(back) / np.median(ahead))
    row("backward over forward time", value, 0.3, "lower", unit="ratio", note=f"{n} px, adjoint tolerance 1e-5")
    if not find_spec(PEER):
        row("time, one surface", None, 0.55, "lower", note="tamaas is not installed")
        return
    exact = solve_contact(h, load, 1.0, (1.0, 1.0), tolerance=1e-12).pressure
    ours_tol, theirs_tol = 1e-7, 1e-6
    error = relative(solve_contact(h, load, 1.0, (1.0, 1.0), tolerance=ours_tol).pressure, exact)
    peer_error = relative(torch.as_tensor(tamaas_pressure(h.numpy(), load, 1.0, 1.0, theirs_tol)), exact)
    value, quartiles = ratio(
        lambda: solve_contact(h, load, 1.0, (1.0, 1.0), tolerance=ours_tol),
        lambda: tamaas_pressure(h.numpy(), load, 1.0, 1.0, theirs_tol),
        rounds=repeats,
    )
    note = f"{n} px, pressure errors {error:.1e} and {peer_error:.1e}"
    row("time, one surface", value, 0.55, "lower", unit="ratio", peer=peer(), interval=quartiles, note=note)
    cases = [
        (32, 64, torch.float32, 4e-7, 0.4),
        (32, 64, torch.float64, ours_tol, 0.8),
        (1, 128, torch.float64, ours_tol, 0.7),
    ]
    for count, size, dtype, tolerance, target in [*cases, (1, 1024, torch.float32, 4e-7, 0.5)][: 3 if quick else None]:
        many = rough(count, size)
        exact = solve_contact(many, load, 1.0, (1.0, 1.0), tolerance=1e-12 if size < 512 else 1e-9).pressure
        h, arrays = many.to(dtype), many.numpy()
        solve = partial(solve_contact, h, load, 1.0, (1.0, 1.0), tolerance=tolerance, strict=False)
        error = relative(solve().pressure.double(), exact)
        value, quartiles = ratio(
            solve,
            partial(each, arrays, load, theirs_tol),
            rounds=3 if size > 512 else repeats,
            warmup=0 if size > 512 else 2,
        )
        name = f"time, {count} surface{'s' * (count > 1)} of {size} px, {str(dtype).removeprefix('torch.')}"
        row(name, value, target, unit="ratio", peer=peer(), interval=quartiles, note=f"pressure error {error:.1e}")


def each(maps: np.ndarray, load: float, tolerance: float) -> list[np.ndarray]:
    """tamaas' pressures of maps, one after another."""
    return [tamaas_pressure(x, load, 1.0, 1.0, tolerance) for x in maps]


def measured(quick: bool) -> None:
    """The load law mu = alpha + tau0 A(F)/F with A ~ F^m, on measured friction of PLA on silicone."""
    where = folder()
    if where is None or not (where / "cof_pla_silicone" / "summary_by_load.csv").is_file():
        row("measured friction of DragonSkin", None, None, "lower", note="ADVSCI_DATA holds no cof_pla_silicone")
        return
    with open(where / "cof_pla_silicone" / "summary_by_load.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for material, target in (("DragonSkin10", 0.9), ("950", None)):
        chosen = [r for r in rows if r["DataName"].startswith("Nano") and material in r["DataName"]]
        pressure = np.array([float(r["H.pressure"]) for r in chosen])
        mu = np.array([float(r["mean"]) for r in chosen])
        falling = pressure >= 4.0  # below, the contact is not yet established: mu still rises
        x, y = np.log(pressure[falling]), np.log(mu[falling])
        slope, offset = np.polyfit(x, y, 1)
        r2 = 1 - float(((y - slope * x - offset) ** 2).sum() / ((y - y.mean()) ** 2).sum())
        note = f"mu ~ p^{slope:.2f}, A ~ p^{1 + slope:.2f}, from 4 kPa on, {int(falling.sum())} loads"
        row(f"load law on {material}, R2", r2, target, "higher", peer="cof_pla_silicone", note=note)


def train(quick: bool) -> Designer:
    """Train the default set, with its time."""
    start = time.perf_counter()
    designer, seconds = train_designer(Train(quick=quick), quiet=True)
    minutes = (time.perf_counter() - start) / 60
    note = ", ".join(f"{part} {value:.0f} s" for part, value in seconds.items())
    row("training time", minutes, 2 if quick else 30, "lower", unit="min", note=f"{note}, one thread")
    return designer


PARTS = {
    "westergaard": westergaard,
    "references": references,
    "timing": timing,
    "measured": measured,
    "capped": capped,
    "reach": reach,
    "variety": variety,
}


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of edit, rivals, sliding and new")
    parser.add_argument("--steps", type=int, nargs=2, default=[150, 30], help="of both games of the part new")
    parser.add_argument(
        "--pixels", type=int, help="along a map: 48 in the parts edit and rivals, 32 in the part new, where not given"
    )
    parser.add_argument("--ways", default="", help="a word of the ways of the part new that are trained")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name, part in PARTS.items():
        if options.only in name:
            part(options.quick)
    if options.only in "edit":
        by_edit(options.quick, options.seeds, options.pixels or 48)
    if options.only in "rivals":
        rivals(options.quick, options.seeds, options.pixels or 48)
    if options.only in "sliding":
        anisotropic(options.quick, options.seeds)
    if options.only in "new":
        new_maps(options.quick, options.seeds, tuple(options.steps), options.ways, options.pixels or 32)
    if options.only in "training" and (options.quick or options.train):
        trained = train(options.quick)
    else:
        trained = None
    if options.only in "designs":
        judged = trained if trained is not None and options.train else load_designer(options.model)
        designs(judged, options.quick)
    if options.only in "ablations":
        ablations(options.quick)


if __name__ == "__main__":
    main()
