"""New maps of a process by the game, each teacher on and off on one budget, beside image quilting: several seeds.

Every way gives its draws, of each request the nearest of four, to the same solver steps (`edit`), and is judged by what
no training sees: a random forest on features of the maps against held-out maps of the process.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from _friction_maps import libraries, loads_of, same_band
from _row import interval, row
from torch import Tensor

from advsci.streams import Stream
from advsci_friction.design.edit import edit
from advsci_friction.design.property import Areas
from advsci_friction.evaluation.judge import copy_scores, likeness
from advsci_friction.game.new_training import NewMapsTraining, Start, Teacher
from advsci_friction.surfaces.pressed import log_areas
from advsci_friction.surfaces.process import fourier_resample
from advsci_friction.surfaces.processes import find_process
from advsci_friction.surfaces.quilting import quilt

__all__ = ["new_maps"]


class Way(NamedTuple):
    """What the generator starts from, who teaches it in the first game and in the second, and what its critic sees."""

    start: Start
    before: tuple[Teacher, ...]
    teachers: tuple[Teacher, ...]
    halvings: int = 3


WAYS = {
    "from quilts: critic and physics": Way("quilts", ("critic",), ("critic", "physics")),
    "from quilts: critic off": Way("quilts", ("critic",), ("physics",)),
    "from quilts: penalties instead": Way("quilts", ("penalties",), ("penalties", "physics")),
    "from quilts: critic, penalties, physics": Way("quilts", ("critic",), ("critic", "penalties", "physics")),
    "from quilts, patches of 20 px: critic and physics": Way("quilts", ("critic",), ("critic", "physics"), 2),
    "from quilts, patches of 10 px: critic and physics": Way("quilts", ("critic",), ("critic", "physics"), 1),
    "from noise: critic and physics": Way("noise", ("critic",), ("critic", "physics")),
    "from noise: critic off": Way("noise", ("critic",), ("physics",)),
    "from noise: penalties instead": Way("noise", ("penalties",), ("penalties", "physics")),
    "from noise: physics off": Way("noise", ("critic",), ("critic",)),
}

QUILTS = "quilting, nothing trained"
POOL = 4
MEASURES = {
    "as drawn, median error": "relative",
    "median error": "relative",
    "95th percentile of the error": "relative",
    "judge's AUC": "",
    "W": "deviations",
    "copy score": "",
    "area that keeps the rule": "",
    "CPU seconds per design, training apart": "s",
    "CPU seconds of the training": "s",
}


class Requests:
    """Areas of held-out maps at two loads, and what ways are judged against."""

    def __init__(self, count: int, quick: bool, seed: int, pixels: int):
        self.library, held, self.band = libraries(quick, seed, ("e-beam",), pixels)["e-beam"]
        self.strain = loads_of(self.library, (0.08, 0.25))
        self.wanted = log_areas(fourier_resample(held[:count], 2 * held.shape[-1]), self.strain)
        self.held, self.seed = held[count:], seed
        self.own = float(copy_scores(self.held[:8], self.library.maps[:128]).median())

    def judged(self, draw: Callable[[Tensor, Stream], Tensor], trained: float) -> dict[str, float]:
        """What a way's draws amount to, the nearest of each request met by solver steps."""
        begin, count = time.process_time(), len(self.wanted)
        asked = self.wanted.repeat_interleave(POOL, 0)
        maps = same_band(draw(asked, Stream(self.seed).at("draws")))
        away = (log_areas(maps, self.strain, 1e-4) - asked).abs().amax(1).reshape(count, POOL)
        picked = maps[away.argmin(1) + POOL * torch.arange(count)]
        library = self.library
        made = edit(picked, self.wanted, Areas(self.strain), torch.arange(count), self.band)
        each = (time.process_time() - begin) / count
        said = likeness(self.held, made.maps, self.seed)
        values = (
            float(away[:, 0].expm1().median()), float(made.error.median()), float(made.error.quantile(0.95)),
            said.auc, said.distance, float(copy_scores(made.maps[:8], library.maps[:128]).median()),
            1.0 - float(find_process("e-beam").broken(made.maps).mean()), each, trained,
        )  # fmt: skip
        return dict(zip(MEASURES, values, strict=True))


def quilted(requests: Requests) -> Callable[[Tensor, Stream], Tensor]:
    """Draws by quilting alone: the nearest of as many patchworks as a trained way starts from."""
    begin = quilt(requests.library.maps, NewMapsTraining.PATCHWORKS, Stream(requests.seed).at("quilts"))
    own = log_areas(begin, requests.strain, 1e-4)

    def draw(asked: Tensor, stream: Stream) -> Tensor:
        order = torch.cdist(asked, own).topk(8, largest=False).indices
        return begin[order.gather(1, stream.integers(8, (len(asked), 1)))[:, 0]]

    return draw


def new_maps(
    quick: bool, seeds: Sequence[int] = (0, 1, 2), steps: tuple[int, int] = (150, 30), ways: str = "", pixels: int = 32
) -> None:
    """Every way on every seed, then its mean and interval.

    Ways that share start and first teachers share the first game, which is the same for them, bit for bit.
    """
    count, (first, second) = (12, (20, 4)) if quick else (32, steps)
    found: dict[str, list[dict[str, float]]] = {}
    chosen = {name: way for name, way in WAYS.items() if ways in name}
    for seed in seeds:
        requests, games = Requests(count, quick, seed, pixels), {}
        row("new maps: copy score of held-out maps", requests.own, None, note=f"seed {seed}")
        if ways in QUILTS:
            begin = time.process_time()
            draw = quilted(requests)
            found.setdefault(QUILTS, []).append(requests.judged(draw, time.process_time() - begin))
        for name, way in chosen.items():
            begin, shared = time.process_time(), (way.start, way.before, way.halvings)
            if shared not in games:
                strain = tuple(requests.strain.tolist())
                settings = {"start": way.start, "halvings": way.halvings, "seed": seed, "quiet": True}
                game = NewMapsTraining(requests.library, strain, **settings)
                game.first(first, way.before)
                games[shared] = game, time.process_time() - begin
                begin = time.process_time()
            game, spent = games[shared]
            trained = game.second(second, way.teachers)
            values = requests.judged(trained.draw, spent + time.process_time() - begin)
            found.setdefault(name, []).append(values)
            said = "; ".join(f"{k} {v:.3g}" for k, v in values.items())
            row(f"new maps, {name}: seed {seed}", values["W"], None, unit="W", note=f"{first} + {second} steps; {said}")
    for name, rows in found.items():
        for measure, unit in MEASURES.items():
            values = [r[measure] for r in rows]
            row(
                f"new maps, {name}: {measure}", statistics.fmean(values), None, unit=unit, seeds=len(values),
                interval=interval(values) if len(values) > 1 else None,
                note=f"{count} requests per seed, e-beam, {pixels} px, judged on twice as many",
            )  # fmt: skip
