"""``make bench-friction``: every figure of contact solver and texture design, one JSON object a line.

Stored references are read from ``$ADVSCI_DATA/friction``; tamaas judges and is timed where it is installed. A row
whose data, peer or model is missing is not met and says so. ``--quick`` takes fewer and smaller cases and a two-minute
training, never another method. ``--only WORD`` runs the parts whose name contains the word; ``--model FILE`` judges a
trained model.
"""

import argparse
import csv
import json
import math
import os
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from _row import compare, ratio, row

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci_friction.area import contact_area, real_area
from advsci_friction.band import Band
from advsci_friction.closed_forms import elastoplastic_areas, westergaard_area, westergaard_pressure
from advsci_friction.commands.train import train_designer
from advsci_friction.config import Train
from advsci_friction.contact import solve_contact
from advsci_friction.designer import Designer, Designs
from advsci_friction.halfspace import HalfSpace
from advsci_friction.judge import Verdicts, judge, refine, tamaas_pressure
from advsci_friction.materials import MATERIALS
from advsci_friction.recognition import recognise_family

F64 = torch.float64
PEER = "tamaas"


def peer() -> str:
    """tamaas with its version, where it is installed."""
    try:
        return f"tamaas {version('tamaas')}"
    except PackageNotFoundError:
        return ""


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
        row("time, 32 surfaces of 64 px, float32", None, 0.4, "lower", note="tamaas is not installed")
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
    many = rough(32, 64)
    single, arrays = many.float(), many.numpy()
    exact = solve_contact(many, load, 1.0, (1.0, 1.0), tolerance=1e-12).pressure
    error = relative(
        solve_contact(single, load, 1.0, (1.0, 1.0), tolerance=4e-7, strict=False).pressure.double(), exact
    )
    value, quartiles = ratio(
        lambda: solve_contact(single, load, 1.0, (1.0, 1.0), tolerance=4e-7, strict=False),
        lambda: [tamaas_pressure(x, load, 1.0, 1.0, theirs_tol) for x in arrays],
        rounds=repeats,
    )
    note = f"pressure error {error:.1e}"
    row(
        "time, 32 surfaces of 64 px, float32",
        value,
        0.4,
        "lower",
        unit="ratio",
        peer=peer(),
        interval=quartiles,
        note=note,
    )


class Requests:
    """Unseen (mu*, pressure) pairs of one material, each with a design of the generator."""

    def __init__(self, designer: Designer, name: str, nominal: float, count: int, seed: int):
        stream = Stream(seed).at("requests")
        self.material = MATERIALS[name]
        pressure = nominal * 2.0 ** (2.0 * stream.at("pressure").uniform((count,), dtype=F64) - 1.0)
        u = stream.at("mu").uniform((count,), dtype=F64)
        areas, families = [], []
        for i in range(count):
            low, high = designer.reachable(self.material, float(pressure[i]))
            mu = low + (high - low) * (0.1 + 0.8 * float(u[i]))
            area = (mu - self.material.pressure_coefficient) * float(pressure[i]) / self.material.shear_strength
            able = designer.choices(self.material, float(pressure[i]), area)
            areas.append(area)
            families.append(able[i % len(able)])
        self.pressure, self.area = pressure, torch.tensor(areas, dtype=F64)
        self.family = torch.tensor(families)
        self.coefficients, self.log_load = designer.answer(
            self.material, self.area.float(), pressure.float(), self.family, stream.at("latent")
        )
        self.designer = designer

    @property
    def mu(self) -> torch.Tensor:
        """Wanted coefficients of friction."""
        return self.material.pressure_coefficient + self.material.shear_strength * self.area / self.pressure

    def judged(self, log_load: torch.Tensor, pixels: int, rows: slice = slice(None)) -> Verdicts:
        """Solved again, by tamaas where it is installed."""
        slope = self.pressure / self.material.modulus / log_load.double().exp()
        designs = Designs(
            self.designer.band,
            self.coefficients[rows],
            slope[rows].float(),
            1e-6,
            self.family[rows],
            self.material,
            0.0,
            0.0,
        )
        solver = "tamaas" if find_spec(PEER) else "own"
        fabrication = self.designer.fabrication
        return judge(designs, fabrication, pixels, solver=solver, stream=Stream(9), load=self.pressure[rows])


def designs(quick: bool, model: Path | None) -> None:
    """What the designs of a trained model are worth."""
    start = time.perf_counter()
    if model is None:
        designer, _ = train_designer(Train(quick=quick, batch_size=32), quiet=True)
        minutes = (time.perf_counter() - start) / 60
        row("training time", minutes, 2 if quick else 30, "lower", unit="min", note="default set, this machine")
    else:
        designer = Designer.load(model)
    count, pixels = (24 if quick else 200), 128
    who = peer() or "own solver"
    for name, nominal in (("dlc", 5e7), ("silicon", 5e8), ("kcl-steel", 1e8)):
        asked = Requests(designer, name, nominal, count, seed=5)
        found = asked.judged(asked.log_load, 2 * pixels)
        error = (found.friction / asked.mu - 1).abs()
        note = f"{count} unseen requests, {2 * pixels} px, no search"
        row(f"{name}: median error of mu", float(error.median()), 0.02, "lower", unit="relative", peer=who, note=note)
        row(
            f"{name}: 95th percentile", float(error.quantile(0.95)), 0.08, "lower", unit="relative", peer=who, note=note
        )
        row(f"{name}: feasible", float(found.feasible.double().mean()), 0.99, "higher", peer=who, note=note)
        few = slice(0, 4 if quick else 24)
        better = refine(asked.coefficients[few], asked.log_load[few], asked.area[few], designer.band, 5, 2 * pixels)
        moved = asked.log_load.double().clone()
        moved[few] = better
        again = asked.judged(moved, 2 * pixels if quick else 4 * pixels, few)
        error = (again.friction / asked.mu[few] - 1).abs()
        row(
            f"{name}: median error after 5 gradient steps",
            float(error.median()),
            0.005,
            "lower",
            unit="relative",
            peer=who,
        )
        if name == "dlc":
            functional(found.friction, asked.mu)
            search(designer, asked, quick)
    diversity(designer, quick)
    try:
        designer.reachable(MATERIALS["steel-dry"], 1e8)
        row("dry steel is refused", 0.0, 1.0, "higher")
    except ConfigError as error:
        row("dry steel is refused", float("mu = 0.17" in str(error)), 1.0, "higher", note=str(error)[:80])


def functional(mu: torch.Tensor, wanted: torch.Tensor) -> None:
    """Symmetric mean absolute percentage error of the function that was asked for."""
    smape = float((2 * (mu - wanted).abs() / (mu.abs() + wanted.abs())).mean())
    row(
        "functional error (sMAPE)",
        smape,
        0.38,
        "lower",
        unit="relative",
        peer="conditional VAE, arXiv 2511.03735: 0.38",
    )


def search(designer: Designer, asked: Requests, quick: bool) -> None:
    """Time of 1,000 designs against CMA-ES on the shape and slope of each target, to the median error of the
    generator.
    """
    if not find_spec("cma"):
        row("time against CMA-ES", None, 100, "higher", note="cma is not installed")
        return
    import cma

    band, targets = Band(3), (1 if quick else 5)
    evaluations, start = 0, time.perf_counter()
    for i in range(targets):
        wanted = float(asked.area[i])

        def loss(v: list[float], wanted: float = wanted) -> float:
            shape = band.unit_slope(torch.tensor(v[:-1], dtype=F64)[None])
            contact = solve_contact(
                band.synthesise(shape, 64), math.exp(min(v[-1], 0.0)), 1.0, (1.0, 1.0), tolerance=1e-4
            )
            return abs(math.log(max(float(contact_area(contact.touching, 2)), 1e-4) / wanted))

        begin = [*np.random.default_rng(i).normal(size=band.size), math.log(wanted / 2)]
        settings = {"ftarget": 0.02, "maxfevals": 400, "verbose": -9, "seed": i + 1}
        evaluations += cma.CMAEvolutionStrategy(begin, 0.3, settings).optimize(loss).result.evaluations
    each = (time.perf_counter() - start) / targets
    count = 1000
    labels = asked.family[torch.arange(count) % len(asked.family)]
    area = asked.area[torch.arange(count) % len(asked.area)].float()
    load = asked.pressure[torch.arange(count) % len(asked.pressure)].float()
    start = time.perf_counter()
    designer.answer(asked.material, area, load, labels, Stream(3))
    ours = (time.perf_counter() - start) / count
    note = f"search to 2 % on 64 px: {evaluations / targets:.0f} solves a target"
    row("time against CMA-ES", each / ours, 100, "higher", unit="ratio", peer="cma", note=note)


def diversity(designer: Designer, quick: bool) -> None:
    """Families and slopes among designs for one friction that are within 5 % of it."""
    made = designer.design(MATERIALS["dlc"], 0.06, "50 MPa", 20 if quick else 60, Stream(4))
    found = judge(made, designer.fabrication, 128, stream=Stream(1))
    good = (found.friction / 0.06 - 1).abs() < 0.05
    seen = recognise_family(designer.band, made.coefficients)
    alike = float((seen == made.family).double().mean())
    note = (
        f"mu* = 0.06, DLC 50 MPa, recognised among designs within 5 %; {alike:.0%} look like what they were asked to be"
    )
    row("families at one mu*", float(len(seen[good].unique())), 5, "higher", note=note)
    slopes = made.slope[good]
    spread = float(slopes.max() / slopes.min()) if len(slopes) else 0.0
    row("rms slopes at one mu*, largest over smallest", spread, 10, "higher", unit="ratio")


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


PARTS = {"westergaard": westergaard, "references": references, "timing": timing, "measured": measured}


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    for name, part in PARTS.items():
        if options.only in name:
            part(options.quick)
    if options.only in "designs":
        designs(options.quick, options.model)


if __name__ == "__main__":
    main()
