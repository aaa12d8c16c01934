"""What an edit of measured maps is worth beside other ways to the same areas, without a critic: several seeds.

Requests and judge are those of the part edit: areas of held-out e-beam maps at two loads, errors on a grid twice as
fine. Quilting sews the start of the edit anew; the catalogue holds analytic textures, of which each is scaled in depth
by a bracketed search; CMA-ES changes the nearest map's waves; a conditional VAE draws maps, with and without the edit.
"""

import time
from collections.abc import Sequence

import numpy as np
import torch
from _friction_designs import ConditionalVAE
from _friction_maps import errors, judged, libraries, loads_of, summarised
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

from advsci.solvers import Simultaneous
from advsci.solvers.solver import adam
from advsci.streams import Stream
from advsci.training import EMA, Trainer
from advsci_friction.design.edit import Edited, edit, nearest
from advsci_friction.design.property import Areas
from advsci_friction.game.new_maps import torus
from advsci_friction.game.new_training import MapTasks
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.pressed import log_areas, press
from advsci_friction.surfaces.process import fourier_resample
from advsci_friction.surfaces.quilting import quilt
from advsci_friction.surfaces.textures import FAMILIES, draw_shapes

__all__ = ["rivals"]


class Task:
    """One seed's requests, and the rivals' answers to them.

    ``quick`` sets the size, ``seed`` the maps, ``pixels`` the grid.
    """

    def __init__(self, quick: bool, seed: int, pixels: int):
        self.count, self.quick, self.seed = (12 if quick else 32), quick, seed
        self.library, held, self.band = libraries(quick, seed, ("e-beam",), pixels)["e-beam"]
        self.loads = loads_of(self.library, (0.08, 0.25))
        self.wanted = log_areas(fourier_resample(held[: self.count], 2 * held.shape[-1]), self.loads)
        self.held = held[self.count :]

    def finished(self, maps: Tensor, rounds: int) -> Edited:
        """One map per request, edited for some rounds and judged on the finer grid."""
        return edit(maps, self.wanted, Areas(self.loads), torch.arange(self.count), self.band, rounds=rounds)

    def nearest_of(self, maps: Tensor) -> Tensor:
        """Of a pool of maps the nearest to each request."""
        own = log_areas(maps, self.loads, 1e-4) + self.library.corrections(self.loads)
        return maps[(own - self.wanted[:, None]).abs().amax(2).argmin(1)]

    def retrieved(self) -> Tensor:
        """The nearest map of the library to each request."""
        rows = [nearest(self.library, wanted, self.loads, 1)[0] for wanted in self.wanted]
        return self.library.maps[torch.stack(rows)]

    def sewn(self) -> Tensor:
        """The nearest of 256 patchworks of the library."""
        return self.nearest_of(quilt(self.library.maps, 64 if self.quick else 256, Stream(self.seed).at("sewn")))

    def analytic(self) -> Tensor:
        """Of every analytic texture, scaled in depth, the one that comes nearest; then the depth by Brent's search."""
        band, pixels = Band(), self.library.maps.shape[-1]
        drawn = draw_shapes(60 if self.quick else 300, Stream(self.seed).at("catalogue"), band, tuple(FAMILIES))[0]
        textures = press(band.synthesise(drawn.float(), pixels), 1.0)
        depths = torch.logspace(-3.0, 0.0, 61)
        areas = torch.stack([textures.deeper(float(s)).areas(self.loads) for s in depths], 1)
        found = []
        for wanted in self.wanted:
            shape, depth = divmod(int((areas - wanted).abs().amax(2).argmin()), len(depths))

            def off(log_depth: float, shape: int = shape, wanted: Tensor = wanted) -> float:
                fine = fourier_resample(np.exp(log_depth) * textures.maps[shape][None], 2 * pixels)
                return float((log_areas(fine, self.loads, 1e-4)[0] - wanted).abs().amax())

            middle = float(depths[depth].log())
            bounds = (middle - 0.15, middle + 0.15)
            best = minimize_scalar(off, bounds=bounds, method="bounded", options={"maxiter": 12})
            found.append(float(np.exp(best.x)) * textures.maps[shape])
        return torch.stack(found)

    def evolved(self) -> Tensor:
        """CMA-ES on the waves of the nearest map: 400 solves per request on the finer grid."""
        import cma

        band, found = Band(self.band), []
        scale = float(band.analyse(self.library.maps).std())
        for i, begin in enumerate(self.retrieved()):
            waves = band.analyse(begin[None])
            rest = begin - band.synthesise(waves, begin.shape[-1])[0]

            def maps(steps: Tensor, waves: Tensor = waves, rest: Tensor = rest) -> Tensor:
                return band.synthesise(waves + scale * steps, rest.shape[-1]) + rest

            settings = {"maxfevals": 400, "verbose": -9, "seed": i + 1, "ftarget": 0.005}
            search = cma.CMAEvolutionStrategy(np.zeros(waves.shape[1]), 0.1, settings)
            while not search.stop():
                asked = search.ask()
                made = fourier_resample(maps(torch.tensor(np.array(asked)).float()), 2 * begin.shape[-1])
                off = (log_areas(made, self.loads, 1e-4) - self.wanted[i]).abs().amax(1)
                search.tell(asked, off.double().tolist())
            best = search.result.xbest
            found.append(maps(torch.tensor(np.zeros_like(waves[0]) if best is None else best).float()[None])[0])
        return torch.stack(found)

    def decoded(self) -> Tensor:
        """The nearest of eight draws of a conditional VAE, trained for 1,500 steps on the library."""
        log_area, scale = self.library.areas(self.loads), float(self.library.maps.std())
        mean, deviation = log_area.mean(0), log_area.std(0)
        tasks = Flat(self.library.maps / scale, ((log_area - mean) / deviation).float(), 16, Stream(self.seed))
        pixels = self.library.maps.shape[-1]
        with Stream(self.seed).at("vae").seeded():
            game = ConditionalVAE(MapEncoder(pixels, len(self.loads)), MapDecoder(pixels, len(self.loads)), LATENT)
        trainer = Trainer(
            steps=30 if self.quick else 1500, batch_size=32, device="cpu", seed=self.seed, ema=EMA(0.99, ("model",)),
            quiet=True,
        )  # fmt: skip
        model = trainer.fit(game, tasks, Simultaneous(adam(1e-3))).averaged("model")
        assert isinstance(model, ConditionalVAE)
        asked = ((self.wanted - mean) / deviation).float().repeat_interleave(8, 0)
        with torch.no_grad():
            z = Stream(self.seed).at("decoded").normal((len(asked), LATENT))
            made = scale * model.decoder(z, asked).reshape(len(asked), pixels, pixels)
        off = (log_areas(made, self.loads, 1e-4) - self.wanted.repeat_interleave(8, 0)).abs().amax(1)
        return made[off.reshape(-1, 8).argmin(1) + 8 * torch.arange(self.count)]


LATENT = 64


class Flat(MapTasks):
    """Maps as vectors."""

    def __getitem__(self, indices: Tensor) -> dict[str, Tensor]:
        batch = super().__getitem__(indices)
        return {"x": batch["x"].flatten(1), "condition": batch["condition"]}


class MapEncoder(nn.Module):
    """A flattened map and its request to means and log-variances."""

    def __init__(self, pixels: int, loads: int, width: int = 32):
        super().__init__()
        self.pixels = pixels
        channels = (1, width, 2 * width, 2 * width)
        self.layers = nn.ModuleList(torus(channels[i], channels[i + 1], 4, 2) for i in range(3))
        self.last = nn.Linear(2 * width * (pixels // 8) ** 2 + loads, 2 * LATENT)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        y = x.reshape(-1, 1, self.pixels, self.pixels)
        for layer in self.layers:
            y = nn.functional.leaky_relu(layer(y), 0.2)
        return self.last(torch.cat([y.flatten(1), condition], 1))


class MapDecoder(nn.Module):
    """A latent vector and a request to a flattened map."""

    def __init__(self, pixels: int, loads: int, width: int = 32):
        super().__init__()
        self.shape = (2 * width, pixels // 8, pixels // 8)
        self.first = nn.Linear(LATENT + loads, 2 * width * (pixels // 8) ** 2)
        channels = (2 * width, 2 * width, width, width)
        self.layers = nn.ModuleList(torus(channels[i], channels[i + 1]) for i in range(3))
        self.last = torus(width, 1)

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        y = self.first(torch.cat([z, condition], 1)).reshape(-1, *self.shape)
        for layer in self.layers:
            y = nn.functional.leaky_relu(layer(nn.functional.interpolate(y, scale_factor=2)), 0.2)
        return self.last(y).flatten(1)


WAYS = {
    "nearest map": ("retrieved", 0),
    "edit": ("retrieved", 6),
    "quilting": ("sewn", 0),
    "quilting and edit": ("sewn", 6),
    "analytic catalogue, scaled": ("analytic", 0),
    "CMA-ES": ("evolved", 0),
    "conditional VAE": ("decoded", 0),
    "conditional VAE and edit": ("decoded", 6),
}
"""Each way: which maps it begins with, and for how many rounds at most these are edited."""


def rivals(quick: bool, seeds: Sequence[int] = (0, 1, 2), pixels: int = 48) -> None:
    """Every way on every seed, and its mean and interval."""
    found: dict[str, list[dict[str, float]]] = {}
    for seed in seeds:
        task, begun = Task(quick, seed, pixels), {}
        for name, (begin, rounds) in WAYS.items():
            start = time.process_time()
            if begin not in begun:
                maps = getattr(task, begin)()
                begun[begin] = maps, time.process_time() - start
                start = time.process_time()
            maps, spent = begun[begin]
            made = task.finished(maps, rounds)
            seconds = (spent + time.process_time() - start) / task.count
            values = {"CPU seconds per design": seconds, **errors(made), **judged("e-beam", task.held, made.maps, seed)}
            found.setdefault(f"rivals, {name}", []).append(values)
    count = 12 if quick else 32
    summarised(
        found, {}, f"{count} pairs of areas of held-out e-beam maps per seed, {pixels} px, judged on twice as many"
    )
