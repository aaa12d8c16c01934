"""``advsci-images compare``: a GAN, a VAE, an autoencoder and a diffusion model on the same images."""

import json
from pathlib import Path

from advsci.devices import torch_device
from advsci.metrics import kid, prdc, two_neighbour_dimension
from advsci.report import Report, drawn
from advsci.training import Run
from advsci_images.commands.train import sets
from advsci_images.config import Compare
from advsci_images.data.stack import Stack, write_images
from advsci_images.evaluation.page import training_sections
from advsci_images.evaluation.pictures import gallery
from advsci_images.evaluation.scores import sharpness
from advsci_images.game.training import Play
from advsci_images.systems.models import Made, made_by

__all__ = ["plan", "run"]


def plan(config: Compare) -> dict[str, object]:
    """The images, without training.

    Parameters
    ----------
    config
        Settings of the command.
    """
    learn, held = sets(config)
    return {"images": len(learn), "held out": len(held), "size": learn.size, "models": list(config.models)}


def run(config: Compare, folder: Run) -> Path:
    """Train every model for the same steps, draw from it, score it; write samples, table and page.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The opened run.

    Returns
    -------
    Path
        ``table.json``: one row per model.
    """
    torch_device(config.device)
    learn, held = sets(config)
    n = min(1000, len(held))
    rows, shown, runs = [], {"data": held.images}, {}
    for model in config.models:
        runs[model] = folder.stage(model)
        made = made_by(model, learn.images, held.images[:500], n, Play.of(config, runs[model]))
        rows.append(scored(model, made, held))
        shown[model] = made.images
        names = tuple(f"{model}/{i:04d}" for i in range(min(64, n)))
        write_images(folder.samples, Stack(made.images[:64], learn.form, names))
    path = folder.path / "table.json"
    path.write_text(json.dumps(rows, indent=2), encoding="utf-8")
    with drawn("report"):
        report = Report("Generative models", f"{config.data}, {config.steps:,} steps each")
        best = {"KID": "lower", "precision": "higher", "recall": "higher", "coverage": "higher"}
        report.section("Table").table(rows, best=best)  # type: ignore[arg-type]
        report.text(
            "Sharpness is the mean edge strength of the samples over that of the data. Dimension is the intrinsic "
            "dimension by two neighbours, of the data "
            f"{float(two_neighbour_dimension(held.images.flatten(1)[:n]).value):.1f}."
        )
        report.section("Samples", "Drawn, not chosen.").figure(gallery(shown))
        training_sections(report, runs)
        report.write(folder.report)
    return path


def scored(model: str, made: Made, held: Stack) -> dict[str, object]:
    """One row of the table: what a ``model`` ``made`` against images ``held``."""
    a, b = held.images[: len(made.images)].flatten(1).double(), made.images.flatten(1).double()
    near = prdc(a, b)
    return {
        "model": model,
        "KID": float(kid(a, b).value),
        "precision": float(near.precision),
        "recall": float(near.recall),
        "coverage": float(near.coverage),
        "sharpness": float(sharpness(made.images) / sharpness(held.images)),
        "dimension": float(two_neighbour_dimension(b).value),
        "training [CPU s]": made.seconds,
        "sampling [ms]": made.per_image,
        "memory [MB]": made.megabytes,
        "likelihood bound [bits]": made.bits,
        "reconstruction": made.reconstruction,
    }
