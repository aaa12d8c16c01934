"""The command ``advsci-friction train``: catalogue, game, model file."""

import time
from pathlib import Path

import torch

from advsci.streams import Stream
from advsci.training import Run
from advsci_friction.config import Train
from advsci_friction.design.designer import Designer
from advsci_friction.design.examination import examine
from advsci_friction.game.training import train_players
from advsci_friction.store import save_designer
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.catalogue import build_catalogue
from advsci_friction.surfaces.fabrication import Fabrication

__all__ = ["plan", "run", "train_designer"]


def train_designer(config: Train, folder: Run | None = None, quiet: bool = False) -> tuple[Designer, dict[str, float]]:
    """Build the catalogue, play the game, and give the averaged generator as a `Designer`, with the CPU seconds that
    each part took.
    """
    if config.quick:
        quick = {
            "shapes": 200,
            "first_steps": 300,
            "steps": 300,
            "batch_size": 24,
            "pixels": 64,
            "catalogue_pixels": 64,
        }
        config = config.model_copy(update=quick)
    band, fabrication = Band(), Fabrication(config.max_slope, config.max_depth)
    start = time.process_time()
    stream = Stream(config.seed).at("library")
    catalogue = build_catalogue(config.shapes, stream, band, pixels=config.catalogue_pixels).usable()
    built = time.process_time()
    generator = train_players(
        catalogue,
        band,
        fabrication,
        pixels=config.pixels,
        first_steps=config.first_steps,
        steps=config.steps,
        batch_size=config.batch_size,
        ablation=config.ablation,
        seed=config.seed,
        run=folder,
        quiet=quiet,
    )
    played = time.process_time()
    designer = examine(Designer.of(generator, band, fabrication, catalogue), Stream(config.seed).at("examination"))
    seconds = {"catalogue": built - start, "game": played - built, "examination": time.process_time() - played}
    return designer, seconds


def run(config: Train) -> Path:
    """Train and write the run folder; returns the model file."""
    torch.set_default_dtype(torch.float32)
    folder = Run(config.folder("friction"))
    folder.describe(config.model_dump(mode="json"))
    designer, seconds = train_designer(config, folder)
    path = folder.path / "model.safetensors"
    save_designer(designer, path, config.model_dump(mode="json", exclude={"out"}) | {"seconds": seconds})
    print(", ".join(f"{part} {value:.0f} s" for part, value in seconds.items()) + " of CPU time")
    return path


def plan(config: Train) -> dict[str, object]:
    """What a run would do."""
    return {
        "catalogue": f"{config.shapes} shapes, 12 loads each, {config.catalogue_pixels} x {config.catalogue_pixels}",
        "game": f"{config.first_steps} steps without solves, {config.steps} steps of {2 * config.batch_size} solves, "
        f"{config.pixels} x {config.pixels}",
        "model": str(config.folder("friction") / "model.safetensors"),
    }
