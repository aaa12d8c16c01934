"""Capped contact against tamaas; designs by edit of a process's maps, beside retrieval and other rivals."""

import os
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from _row import interval, row
from torch import Tensor, nn

from advsci.games.game import Batch, Draw, Game
from advsci.objectives import RelativisticPairing
from advsci.solvers import Simultaneous
from advsci.solvers.solver import adam
from advsci.streams import Stream
from advsci.training import Trainer
from advsci_friction.contact.halfspace import HalfSpace
from advsci_friction.contact.solve import solve_contact
from advsci_friction.data.crops import crops
from advsci_friction.data.scans import Scan
from advsci_friction.design.edit import Edited, edit, nearest
from advsci_friction.design.property import Areas
from advsci_friction.evaluation.judge import likeness
from advsci_friction.game.new_maps import MapCritic, laplacian_factor
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.pressed import Pressed, log_areas, press
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


def libraries(
    quick: bool, seed: int = 0, names: tuple[str, ...] = ("e-beam", "laser-ripples", "AFM"), n: int = 48
) -> dict[str, tuple[Pressed, Tensor, int]]:
    """Library, held-out maps over the cell's length, and band of lithography, ripples and measured maps."""
    count, n = (48, 32) if quick else (128, n)
    found, streams = {}, (Stream(2 * seed), Stream(2 * seed + 1))
    for name in names:
        if name == "AFM":
            continue
        process = find_process(name)
        grid = max(n, 4 * process.band)  # four pixels per wave: on fewer the finer grid is another surface
        maps, held = (process.simulate(count, stream.at("library"), grid) for stream in streams)
        found[name] = press(maps, process.cell), same_band(held) / process.cell, process.band
    path = Path(os.environ.get("ADVSCI_DATA", "")) / "friction" / "afm_surfacetopography" / "afm_heights.npz"
    if "AFM" in names and path.is_file():
        heights = np.load(path)["di_5_di"].astype(float)
        half = heights.shape[1] // 2
        sides = [Scan(x, (float(x.shape[0]), float(x.shape[1]))) for x in (heights[:, :half], heights[:, half:])]
        scale = 1.0  # lengths in pixels: areas depend on slopes, which the loads below are fitted to
        maps, held = (
            torch.as_tensor(crops([s], count, stream, n)[0]).float() for s, stream in zip(sides, streams, strict=True)
        )
        found["AFM"] = press(maps / heights.std(), scale), same_band(held) / heights.std(), 8
    return found


def same_band(maps: Tensor) -> Tensor:
    """Maps without the highest mode, which `press` leaves out of the library: a judge would see nothing else."""
    band = Band(maps.shape[-1] // 2 - 1)
    return band.synthesise(band.analyse(maps), maps.shape[-1])


def loads_of(library: Pressed, areas: tuple[float, ...]) -> Tensor:
    """The strains at which the median map has given areas."""
    middle = library.log_area.median(0).values.numpy()
    return torch.tensor(np.exp(np.interp(np.log(areas), middle, library.log_strain.numpy()))).float()


def by_edit(quick: bool, seeds: Sequence[int] = (0, 1, 2), pixels: int = 48) -> None:
    """Areas of held-out maps asked for at two loads and at five over a decade: retrieval, edit, edit with a critic."""
    count = 12 if quick else 32
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for seed in seeds:
        for name, (library, held, band) in libraries(quick, seed, n=pixels).items():
            for loads, title in ((loads_of(library, (0.08, 0.25)), "two loads"), (decade(library), "five loads")):
                asked, others = held[:count], held[count:]
                wanted = log_areas(fourier_resample(asked, 2 * asked.shape[-1]), loads)
                rows = torch.stack([nearest(library, w, loads, 1)[0] for w in wanted])
                ways = {"nearest map": {"rounds": 0}, "edit": {}}
                if title == "two loads":
                    ways["edit with critic"] = {"prefer": told(library, loads, band, 40 if not quick else 4, seed)}
                for way, settings in ways.items():
                    start = time.process_time()
                    made = edit(library.maps, wanted, Areas(loads), rows, band, **settings)  # type: ignore[arg-type]
                    values = {"CPU seconds per design": (time.process_time() - start) / count, **errors(made)}
                    values |= judged(name, others, made.maps, seed)
                    found.setdefault((f"{name}, {title}", way), []).append(values)
                    note = "; ".join(f"{k} {v:.3g}" for k, v in values.items())
                    row(f"{name}, {title}, {way}: seed {seed}", values["median error"], None, note=note)
    note = f"{count} curves of held-out maps per seed, {pixels} px, judged on twice as many, worst load"
    summarised({f"{label}, {way}": rows for (label, way), rows in found.items()}, TARGETS, note)


TARGETS = {"median error": 0.01, "95th percentile": 0.03, "largest error": 0.08, "CPU seconds per design": 0.15}


def errors(made: Edited) -> dict[str, float]:
    """Median, 95th percentile and largest error of designs."""
    e = made.error
    return {
        "median error": float(e.median()), "95th percentile": float(e.quantile(0.95)), "largest error": float(e.max())
    }  # fmt: skip


def judged(name: str, held: Tensor, maps: Tensor, seed: int) -> dict[str, float]:
    """What the judge says of maps, and which share of their area keeps the process's rule, where it has one."""
    said = likeness(held, maps, seed)
    values: dict[str, float] = {"judge's AUC": said.auc, "W": said.distance}
    if name == "e-beam":
        values["area that keeps the rule"] = 1.0 - float(find_process(name).broken(maps).mean())
    return values


def summarised(found: dict[str, list[dict[str, float]]], targets: dict[str, float], note: str) -> None:
    """Mean and interval over the seeds of every measure; targets are those of the default way."""
    for name, rows in found.items():
        for measure in rows[0]:
            values = [r[measure] for r in rows]
            target = targets.get(measure) if name.endswith(", edit") else None
            if measure == "judge's AUC" and name.endswith(", edit"):
                target = 0.65 if name.startswith("AFM") else 0.55
            better = "higher" if measure == "area that keeps the rule" else "lower"
            between = interval(values) if len(values) > 1 else None
            label = f"{name}: {measure}"
            row(label, fmean(values), target, better, seeds=len(values), interval=between, note=note)


class Told(Game):
    """A critic alone: maps of the library against edited ones."""

    def __init__(self, critic: MapCritic, edited: Tensor, context: int):
        super().__init__()
        self.critic, self.edited, self.context = critic, edited, context

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"critic": self.critic}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        return {"rows": stream.integers(len(self.edited), (len(batch["x"]),))}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        x = batch["x"].clone().requires_grad_()
        y = self.edited[draw["rows"]].clone().requires_grad_()
        nothing = x.new_zeros(len(x), self.context)
        real, fake = self.critic(x, nothing), self.critic(y, nothing)
        steep = [torch.autograd.grad(a.sum(), b, create_graph=True)[0] for a, b in ((real, x), (fake, y))]
        return {
            "objective": RelativisticPairing().discriminator(real[:, 0], fake[:, 0]),
            "steepness": 0.15 * torch.stack([g.square().sum((1, 2)).mean() for g in steep]).sum(),  # R1 and R2
        }

    def check(self, batch: Batch, draw: Draw) -> None:
        self.terms("critic", batch, draw)


def told(library: Pressed, loads: Tensor, band: int, steps: int, seed: int) -> Callable[[Tensor], Tensor]:
    """A critic that has learned edited maps from unedited ones, as the change of a map that it prefers."""
    few, scale = min(64, len(library.maps)), float(library.maps.std())
    wanted = library.areas(loads)[:few]
    away = (library.areas(loads) - wanted[:, None]).abs().amax(2)
    away[torch.arange(few), torch.arange(few)] = torch.inf
    edited = edit(library.maps, wanted, Areas(loads), away.argmin(1), band, rounds=1).maps / scale
    with Stream(seed).at("told").seeded():
        critic = MapCritic(1, laplacian_factor(library.maps / scale))
    trainer = Trainer(steps=steps, batch_size=16, device="cpu", seed=seed, quiet=True)
    trainer.fit(Told(critic, edited, 1), {"x": library.maps / scale}, Simultaneous(adam(1e-3)))

    def prefer(maps: Tensor) -> Tensor:
        x = (maps / scale).detach().requires_grad_()
        (g,) = torch.autograd.grad(critic(x, x.new_zeros(len(x), 1)).sum(), x)
        # a step of 2 % of the process's height, where the critic pulls hardest
        return 0.02 * scale * g / g.flatten(1).std(1).amax().clamp_min(1e-12)

    return prefer


def decade(library: Pressed) -> Tensor:
    """Five loads over a factor of ten about the one at which a fifth of the median map touches."""
    middle = float(loads_of(library, (0.15,)))
    return middle * 10.0 ** torch.linspace(-0.5, 0.5, 5)
