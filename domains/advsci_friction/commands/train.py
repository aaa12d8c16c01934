"""The command ``advsci-friction train``: library, game, model file."""

import time
from pathlib import Path

import torch

from advsci.streams import Stream
from advsci.training import Run
from advsci_friction.band import Band
from advsci_friction.config import Train
from advsci_friction.designer import Designer
from advsci_friction.examination import examine
from advsci_friction.library import build_library
from advsci_friction.model_file import save_designer
from advsci_friction.physics import Fabrication
from advsci_friction.training import train_players

__all__ = ["plan", "run", "train_designer"]


def train_designer(config: Train, folder: Run | None = None, quiet: bool = False) -> tuple[Designer, dict[str, float]]:
    """Build the library, play the game, and give the averaged generator as a `Designer`, with the CPU seconds that
    each part took.
    """
    if config.quick:
        quick = {"shapes": 200, "first_steps": 300, "steps": 300, "batch_size": 24, "pixels": 64, "library_pixels": 64}
        config = config.model_copy(update=quick)
    band, fabrication = Band(), Fabrication(config.max_slope, config.max_depth)
    start = time.process_time()
    stream = Stream(config.seed).at("library")
    library = build_library(config.shapes, stream, band, pixels=config.library_pixels).usable()
    built = time.process_time()
    generator = train_players(
        library,
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
    designer = examine(Designer.of(generator, band, fabrication, library), Stream(config.seed).at("examination"))
    seconds = {"library": built - start, "game": played - built, "examination": time.process_time() - played}
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
        "library": f"{config.shapes} shapes, 12 loads each, {config.library_pixels} x {config.library_pixels}",
        "game": f"{config.first_steps} steps without solves, {config.steps} steps of {2 * config.batch_size} solves, "
        f"{config.pixels} x {config.pixels}",
        "model": str(config.folder("friction") / "model.safetensors"),
    }
