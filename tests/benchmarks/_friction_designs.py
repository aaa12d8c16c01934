"""What the designs of a trained model are worth, beside searches, ablations and a conditional VAE."""

import dataclasses
import math
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import numpy as np
import torch
from _row import row
from torch import Tensor, nn

from advsci.errors import ConfigError
from advsci.games.game import Batch, Draw, Game
from advsci.nn import MLP
from advsci.solvers import Simultaneous
from advsci.solvers.solver import adam
from advsci.streams import Stream
from advsci.training import EMA, Trainer
from advsci_friction.contact.area import contact_area
from advsci_friction.contact.solve import solve_contact
from advsci_friction.data.materials import MATERIALS
from advsci_friction.design.designer import Designer, Designs
from advsci_friction.design.refine import refine
from advsci_friction.evaluation.recognition import recognise_family
from advsci_friction.evaluation.scores import Verdicts, verify
from advsci_friction.game.players import join_sample, split_sample
from advsci_friction.game.request import CONDITION, Character
from advsci_friction.game.training import Tasks, train_players
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.catalogue import build_catalogue
from advsci_friction.surfaces.fabrication import Fabrication
from advsci_friction.surfaces.textures import PARAMETERS

F64 = torch.float64
PEER = "tamaas"


def peer() -> str:
    """tamaas with its version, where it is installed."""
    try:
        return f"tamaas {version('tamaas')}"
    except PackageNotFoundError:
        return ""


class Requests:
    """Unseen (mu*, pressure) pairs of one material, each with a design of the generator."""

    def __init__(self, designer: Designer, name: str, nominal: float, count: int, seed: int):
        stream = Stream(seed).at("requests")
        self.material = MATERIALS[name]
        pressure = nominal * 2.0 ** (2.0 * stream.at("pressure").uniform((count,), dtype=F64) - 1.0)
        u = stream.at("mu").uniform((count,), dtype=F64)
        areas, asked = [], []
        for i in range(count):
            low, high = designer.reachable(self.material, float(pressure[i]))
            mu = low + (high - low) * (0.1 + 0.8 * float(u[i]))
            area = (mu - self.material.pressure_coefficient) * float(pressure[i]) / self.material.shear_strength
            areas.append(area)
            asked.append(designer.characters(self.material, float(pressure[i]), area, 1, stream.at("character", i)))
        self.designer, self.pressure, self.area = designer, pressure, torch.tensor(areas, dtype=F64)
        self.asked = Character(
            *(torch.cat([getattr(a, field.name) for a in asked]) for field in dataclasses.fields(Character))
        )
        self.coefficients, self.log_reduced_load = self.answer(slice(None), stream.at("latent"))

    def answer(self, rows: slice | Tensor, stream: Stream) -> tuple[Tensor, Tensor]:
        """Shapes and log loads of some of the requests."""
        asked = Character(*(getattr(self.asked, field.name)[rows] for field in dataclasses.fields(Character)))
        return self.designer.answer(self.material, self.area[rows].float(), self.pressure[rows].float(), asked, stream)

    @property
    def mu(self) -> Tensor:
        """Wanted coefficients of friction."""
        return self.material.pressure_coefficient + self.material.shear_strength * self.area / self.pressure

    def judged(self, log_reduced_load: Tensor, pixels: int, rows: slice = slice(None), factor: float = 1.0) -> Verdicts:
        """Solved again at ``factor`` times the pressure, by tamaas where it is installed."""
        slope = self.pressure / self.material.modulus / log_reduced_load.double().exp()
        steepness = slope[rows].float()
        made = (self.coefficients[rows], steepness, torch.ones_like(steepness), self.asked.family[rows])
        designs = Designs(self.designer.band, *made, self.material, 0.0, 0.0)
        solver = "tamaas" if find_spec(PEER) else "own"
        load, fabrication = factor * self.pressure[rows], self.designer.fabrication
        return verify(designs, fabrication, pixels, solver=solver, stream=Stream(9), load=load)


def relative(found: Verdicts, wanted: Tensor) -> Tensor:
    """Relative errors of mu."""
    return (found.friction / wanted - 1).abs()


def designs(designer: Designer, quick: bool) -> None:
    """Errors, feasibility, variety and time of the designs of a trained model."""
    count, pixels, few = (24 if quick else 200), 256, slice(0, 4 if quick else 16)
    who, unit = peer() or "own solver", "relative"
    for name, nominal in (("dlc", 5e7), ("silicon", 5e8), ("kcl-steel", 1e8)):
        asked = Requests(designer, name, nominal, count, seed=5)
        found = asked.judged(asked.log_reduced_load, pixels)
        error = relative(found, asked.mu)
        note = f"{count} unseen requests, {pixels} px, no search"
        row(f"{name}: median error of mu", float(error.median()), 0.02, unit=unit, peer=who, note=note)
        row(f"{name}: 95th percentile", float(error.quantile(0.95)), 0.08, unit=unit, peer=who, note=note)
        row(f"{name}: feasible", float(found.feasible.double().mean()), 0.99, "higher", peer=who, note=note)
        moved = asked.log_reduced_load.double().clone()
        moved[few] = refine(
            asked.coefficients[few], asked.log_reduced_load[few], asked.area[few], designer.band, 5, pixels
        )
        again = relative(asked.judged(moved, 2 * pixels, few), asked.mu[few])
        note = f"{len(again)} requests, judged at {2 * pixels} px"
        row(
            f"{name}: median error after 5 gradient steps", float(again.median()), 0.005, unit=unit, peer=who, note=note
        )
        if name == "dlc":
            # 2 |a - b| / (|a| + |b|), the mean over requests
            smape = float((2 * (found.friction - asked.mu).abs() / (found.friction + asked.mu)).mean())
            row("functional error (sMAPE)", smape, 0.38, unit=unit, peer="conditional VAE, arXiv 2511.03735: 0.38")
            character(asked, found, quick)
            search(asked, float(error.median()), quick)
    diversity(designer, quick)
    try:
        designer.reachable(MATERIALS["steel-dry"], 1e8)
        row("dry steel is refused", 0.0, 1.0, "higher")
    except ConfigError as error:
        row("dry steel is refused", float("mu = 0.17" in str(error)), 1.0, "higher", note=str(error)[:80])


def character(asked: Requests, found: Verdicts, quick: bool) -> None:
    """How well slope and friction at four times the load are met where they were asked for."""
    off = (asked.log_reduced_load - asked.asked.log_reduced_load).abs()
    row("slope asked for, median error", float(off.median()), None, unit="relative", note="DLC, as a condition")
    few = slice(0, 24 if quick else 100)
    harder = asked.judged(asked.log_reduced_load, 256, few, factor=4.0)
    growth = 4.0 ** (asked.asked.growth.double() - 1.0)
    wanted = asked.material.shear_strength * asked.area * growth / asked.pressure  # alpha = 0
    error = relative(harder, wanted[few])
    note = "DLC, mu at 4 P as a condition, judged at 4 P"
    row("friction at a second load, median error", float(error.median()), None, unit="relative", peer=peer(), note=note)


def search(asked: Requests, error: float, quick: bool) -> None:
    """Time of 1,000 designs against searches for each target, to the median error of the generator."""
    count, band, targets = 1000, Band(3), (2 if quick else 10)
    start = time.perf_counter()
    asked.answer(torch.arange(count) % len(asked.area), Stream(3))
    ours = (time.perf_counter() - start) / count

    def area(shape: Tensor, log_reduced_load: Tensor) -> Tensor:
        h = band.synthesise(band.unit_slope(shape), 64)
        contact = solve_contact(h, log_reduced_load.exp().clamp(max=1.0), 1.0, (1.0, 1.0), tolerance=1e-4)
        return contact_area(contact.touching, 2)

    begins = [np.random.default_rng(i).normal(size=band.size) for i in range(targets)]
    if find_spec("cma"):
        import cma

        evaluations, start = 0, time.perf_counter()
        for i, begin in enumerate(begins):
            wanted = float(asked.area[i])

            def loss(v: list[float], wanted: float = wanted) -> float:
                found = area(torch.tensor(v[:-1], dtype=F64)[None], torch.tensor(v[-1:], dtype=F64))
                return abs(math.log(max(float(found), 1e-4) / wanted))

            settings = {"ftarget": error, "maxfevals": 400, "verbose": -9, "seed": i + 1}
            first = [*begin, math.log(wanted / 2)]
            evaluations += cma.CMAEvolutionStrategy(first, 0.3, settings).optimize(loss).result.evaluations
        each = (time.perf_counter() - start) / targets
        note = f"search to {error:.3f} on 64 px: {evaluations / targets:.0f} solves a target; ours {1e3 * ours:.2f} ms"
        row("time against CMA-ES", each / ours, 100, "higher", unit="ratio", peer=f"cma {version('cma')}", note=note)
    else:
        row("time against CMA-ES", None, 100, "higher", note="cma is not installed")
    steps, start = 0, time.perf_counter()
    for i, begin in enumerate(begins):
        shape = band.unit_slope(torch.as_tensor(begin)[None])
        wanted, log_reduced_load = asked.area[i : i + 1], (asked.area[i : i + 1] / 2).log()
        for _ in range(12):
            if abs(math.log(max(float(area(shape, log_reduced_load)), 1e-4) / float(wanted))) <= error:
                break
            log_reduced_load, steps = refine(shape, log_reduced_load, wanted, band, 1, 64), steps + 1
    each, note = (time.perf_counter() - start) / targets, f"{steps / targets:.1f} steps on the slope of a random shape"
    row("time against a gradient search of the slope", each / ours, None, "higher", unit="ratio", note=note)


def diversity(designer: Designer, quick: bool) -> None:
    """Families and slopes among designs for one friction that are within 5 % of it."""
    made = designer.design(MATERIALS["dlc"], 0.06, "50 MPa", 20 if quick else 60, Stream(4))
    found = verify(made, designer.fabrication, 128, stream=Stream(1))
    good = (found.friction / 0.06 - 1).abs() < 0.05
    seen = recognise_family(designer.band, made.coefficients)
    alike = float((seen == made.family).double().mean())
    note = (
        f"mu* = 0.06, DLC 50 MPa, recognised among the {float(good.double().mean()):.0%} of designs within 5 %; "
        f"{alike:.0%} look like what they were asked to be"
    )
    row("families at one mu*", float(len(seen[good].unique())), 5, "higher", note=note)
    slopes = made.slope[good]
    spread = float(slopes.max() / slopes.min()) if len(slopes) else 0.0
    row("rms slopes at one mu*, largest over smallest", spread, 10, "higher", unit="ratio", note="of the same designs")


class ConditionalVAE(Game):
    """Encoder and decoder, both told the condition: the published inverse method, on our samples."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, latent: int = PARAMETERS):
        super().__init__()
        self.encoder, self.decoder, self.latent = encoder, decoder, latent
        self.log_sigma = nn.Parameter(torch.zeros(()))

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"model": self}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        return {"noise": stream.at("noise").normal((len(batch["x"]), self.latent), dtype=batch["x"].dtype)}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        mean, log_variance = self.encoder(batch["x"], batch["condition"]).chunk(2, 1)
        z = mean + torch.exp(0.5 * log_variance) * draw["noise"]
        error = (batch["x"] - self.decoder(z, batch["condition"])).square().sum(1).mean()
        likelihood = 0.5 * error * torch.exp(-2.0 * self.log_sigma) + batch["x"].shape[1] * self.log_sigma
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(1).mean()
        return {"reconstruction": likelihood, "divergence": divergence}

    def check(self, batch: Batch, draw: Draw) -> None:
        with torch.no_grad():
            self.terms("model", batch, draw)


class UnitSlope(nn.Module):
    """A decoder whose shapes have unit rms slope, as a design's must."""

    def __init__(self, decoder: nn.Module, band: Band):
        super().__init__()
        self.decoder, self.band = decoder, band

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        coefficients, log_reduced_load = split_sample(self.band, self.decoder(z, condition))
        return join_sample(self.band, self.band.unit_slope(coefficients), log_reduced_load)


def ablations(quick: bool) -> None:
    """The game and its parts left out, and a conditional VAE, each trained on the same small budget."""
    band, fabrication = Band(), Fabrication()
    shapes, steps = (100, 30) if quick else (300, 200)
    catalogue = build_catalogue(shapes, Stream(0).at("library"), band, pixels=64).usable()
    for name in ("none", "no-physics", "residual-only", "surrogate", "conditional VAE"):
        start = time.perf_counter()
        if name == "conditional VAE":
            encoder = MLP(band.size + 1, 2 * PARAMETERS, 256, 3, condition=CONDITION)
            decoder = MLP(PARAMETERS, band.size + 1, 256, 3, condition=CONDITION)
            trainer = Trainer(steps=10 * steps, batch_size=64, device="cpu", ema=EMA(0.998, ("model",)), quiet=True)
            trained = trainer.fit(
                ConditionalVAE(encoder, decoder), Tasks(catalogue, band, fabrication), Simultaneous(adam(1e-3))
            )
            model = trained.averaged("model")
            assert isinstance(model, ConditionalVAE)
            generator = UnitSlope(model.decoder, band)
        else:
            settings = {"pixels": 64, "first_steps": 2 * steps, "steps": steps, "batch_size": 32, "quiet": True}
            generator = train_players(catalogue, band, fabrication, ablation=name, **settings)
        seconds = time.perf_counter() - start
        asked = Requests(Designer.of(generator, band, fabrication, catalogue), "dlc", 5e7, 24 if quick else 100, seed=5)
        found = asked.judged(asked.log_reduced_load, 128)
        error = relative(found, asked.mu)
        alike = (recognise_family(band, asked.coefficients) == asked.asked.family).double().mean()
        note = (
            f"small budget: {shapes} shapes, {seconds:.0f} s; 95th percentile {float(error.quantile(0.95)):.3g}, "
            f"feasible {float(found.feasible.double().mean()):.0%}, family as asked {float(alike):.0%}"
        )
        title = "the whole game" if name == "none" else name
        row(f"ablation, {title}: median error of mu", float(error.median()), None, unit="relative", note=note)
