"""The command ``advsci-friction train``: catalogue, game, model file."""

import time
from pathlib import Path

from advsci.devices import torch_device
from advsci.output import note
from advsci.report import Report, drawn, verdict_section
from advsci.streams import Stream
from advsci.training import Run
from advsci_friction.config import Train
from advsci_friction.design.designer import Designer
from advsci_friction.design.examination import examine
from advsci_friction.game.training import train_players
from advsci_friction.store import load_catalogue, save_catalogue, save_designer
from advsci_friction.surfaces.band import Band
from advsci_friction.surfaces.catalogue import Catalogue, build_catalogue
from advsci_friction.surfaces.fabrication import Fabrication

__all__ = ["plan", "run", "train_designer"]

QUICK = {"shapes": 200, "first_steps": 300, "steps": 300, "batch_size": 24, "pixels": 64, "catalogue_pixels": 64}


def train_designer(config: Train, folder: Run | None = None, quiet: bool = False) -> tuple[Designer, dict[str, float]]:
    """Build the catalogue, play the game, and examine the averaged generator.

    Parameters
    ----------
    config
        The command's settings.
    folder
        The run, for catalogue, records and checkpoints; None keeps all in memory.
    quiet
        Show no progress.

    Returns
    -------
    tuple
        The designer, and the CPU seconds that each part took in this process.
    """
    if config.quick:
        config = config.model_copy(update=QUICK)
    band, fabrication = Band(), Fabrication(config.max_slope, config.max_depth)
    start = time.process_time()
    catalogue = _catalogue(config, band, folder)
    built = time.process_time()
    generator = train_players(
        catalogue.usable(),
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
        device=torch_device(config.device),
    )
    played = time.process_time()
    designer = Designer.of(generator.cpu(), band, fabrication, catalogue.usable())
    designer = examine(designer, Stream(config.seed).at("examination"))
    seconds = {"catalogue": built - start, "game": played - built, "examination": time.process_time() - played}
    return designer, seconds


def _catalogue(config: Train, band: Band, folder: Run | None) -> Catalogue:
    """The solved catalogue: read from the run folder where it is there, written there otherwise."""
    path = folder.path / "catalogue.safetensors" if folder is not None else None
    if path is not None and path.exists():
        return load_catalogue(path)
    catalogue = build_catalogue(config.shapes, Stream(config.seed).at("library"), band, pixels=config.catalogue_pixels)
    if path is not None:
        save_catalogue(catalogue, path)
    return catalogue


def run(config: Train, folder: Run) -> Path:
    """Train, write the model, then the page.

    Parameters
    ----------
    config
        The command's settings.
    folder
        The run.

    Returns
    -------
    Path
        The model file.
    """
    designer, seconds = train_designer(config, folder)
    path = folder.path / "model.safetensors"
    save_designer(designer, path, config.model_dump(mode="json", exclude={"out"}) | {"seconds": seconds})
    note(", ".join(f"{part} {value:.0f} s" for part, value in seconds.items()) + " of CPU time")
    with drawn("report"):
        report = Report("Texture designer", f"{config.shapes} shapes, {config.steps} steps with physics")
        report.card("Contacts known", len(designer.known["area"]), note="characters that the generator honours")
        verdict_section(report, folder.path)
        report.write(folder.report)
    return path


def plan(config: Train) -> dict[str, object]:
    """What a run would do.

    Parameters
    ----------
    config
        The command's settings.

    Returns
    -------
    dict
        Sizes of catalogue and game.
    """
    return {
        "catalogue": f"{config.shapes} shapes, 12 loads each, {config.catalogue_pixels} x {config.catalogue_pixels}",
        "game": f"{config.first_steps} steps without solves, {config.steps} steps of {2 * config.batch_size} solves, "
        f"{config.pixels} x {config.pixels}",
    }
