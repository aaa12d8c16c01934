"""The command ``advsci-friction train``: library, game, model file."""

import time
from pathlib import Path

import torch

from advsci.streams import Stream
from advsci.training import Run
from advsci_friction.band import Band
from advsci_friction.config import Train
from advsci_friction.designer import Designer
from advsci_friction.generator import TextureGenerator
from advsci_friction.library import build_library
from advsci_friction.physics import Fabrication
from advsci_friction.training import Tasks, make_game, train_game

__all__ = ["plan", "run", "train_designer"]


def train_designer(config: Train, folder: Run | None = None, quiet: bool = False) -> tuple[Designer, dict[str, float]]:
    """Build the library, play the game, and give the averaged generator as a `Designer`, with the seconds each part
    took.
    """
    if config.quick:
        config = config.model_copy(update={"shapes": 100, "steps": 150, "batch_size": 16, "library_pixels": 64})
    band, fabrication = Band(), Fabrication(config.max_slope, config.max_depth)
    stream = Stream(config.seed)
    start = time.perf_counter()
    library = build_library(config.shapes, stream.at("library"), band, pixels=config.library_pixels).usable()
    built = time.perf_counter()
    game = make_game(band, fabrication, config.pixels, ablation=config.ablation, seed=config.seed)
    tasks = Tasks(library, band, fabrication, config.seed)
    training = train_game(
        game, tasks, steps=config.steps, batch_size=config.batch_size, seed=config.seed, run=folder, quiet=quiet
    )
    generator = training.averaged("generator")
    assert isinstance(generator, TextureGenerator)
    seconds = {"library": built - start, "game": time.perf_counter() - built}
    return Designer.of(generator, band, fabrication, library), seconds


def run(config: Train) -> Path:
    """Train and write the run folder; returns the model file."""
    torch.set_default_dtype(torch.float32)
    folder = Run(config.folder("friction"))
    folder.describe(config.model_dump(mode="json"))
    designer, seconds = train_designer(config, folder)
    path = folder.path / "model.safetensors"
    designer.save(path)
    print(f"library {seconds['library']:.0f} s, game {seconds['game']:.0f} s")
    return path


def plan(config: Train) -> dict[str, object]:
    """What a run would do."""
    return {
        "library": f"{config.shapes} shapes, 8 loads each, {config.library_pixels} x {config.library_pixels}",
        "game": f"{config.steps} steps of {config.batch_size} solves, {config.pixels} x {config.pixels}",
        "model": str(config.folder("friction") / "model.safetensors"),
    }
