"""``advsci-images train``: a generator of images."""

from pathlib import Path

import torch

from advsci.devices import torch_device
from advsci.errors import DataError
from advsci.metrics import kid, prdc
from advsci.report import Report, drawn
from advsci.streams import Stream
from advsci.training import Run
from advsci_images.config import Compare, Train
from advsci_images.data.choosing import at_most, split
from advsci_images.data.stack import Stack, read_images, write_images
from advsci_images.evaluation.page import training_sections
from advsci_images.evaluation.pictures import gallery
from advsci_images.game.training import Play
from advsci_images.store import save_generator
from advsci_images.systems.generate import drawn_images, trained_generator

__all__ = ["plan", "run"]

LEAST = 64
"""Images that are needed."""


def sets(config: "Train | Compare") -> tuple[Stack, Stack]:
    """Images that ``config`` names, to learn from, and held-out ones, the last eighth.

    Raises
    ------
    DataError
        The images are not square, or their side cannot be divided by 4.
    """
    stack = at_most(read_images(config.data, least=LEAST), config.limit)
    if stack.size[0] != stack.size[1] or stack.size[0] % 4:
        raise DataError(
            f"got images of {stack.size[0]} x {stack.size[1]} pixels; expected squares of a side divisible by 4. "
            "Try: crop or pad them."
        )
    return split(stack, 0.125, 16)


def plan(config: Train) -> dict[str, object]:
    """The images, without training.

    Parameters
    ----------
    config
        Settings of the command.
    """
    learn, held = sets(config)
    return {"images": len(learn), "held out": len(held), "size": learn.size, "channels": learn.channels}


def run(config: Train, folder: Run) -> Path:
    """Train, draw samples, compare them with held-out images, write the generator and the page.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The opened run.

    Returns
    -------
    Path
        ``generator.safetensors``.
    """
    torch_device(config.device)
    learn, held = sets(config)
    label = learn.require_labels(config.data) if config.conditional else None
    generator = trained_generator(
        learn.images,
        Play.of(config, folder),
        label=label,
        kind=config.networks,
        latent=config.latent,
        width=config.width,
        augment=config.augment,
        auxiliary=config.auxiliary,
    )
    classes = learn.classes if config.conditional else ()
    path = folder.path / "generator.safetensors"
    inputs = getattr(generator, "inputs", config.latent)
    built = {
        "kind": config.networks,
        "channels": learn.channels,
        "size": learn.size[0],
        "latent": config.latent,
        "width": config.width,
        "classes": len(classes),
    }
    save_generator(path, generator, built, learn.form, classes=list(classes), data=config.data, inputs=inputs)
    n = min(1000, len(held))
    wanted = None if label is None else torch.arange(n) % len(classes)
    made = drawn_images(generator, n, inputs, Stream(config.seed).at("samples"), label=wanted)
    names = tuple(f"{i:04d}" for i in range(min(64, n)))
    write_images(folder.samples, Stack(made[:64], learn.form, names))
    with drawn("report"):
        report = Report("Generator of images", f"{len(learn)} images of {config.data}")
        scores = sample_scores(made, held.images)
        for name, value in scores.items():
            report.card(name, value, note="pixels, held-out images")
        report.section("Samples", "Drawn from the averaged generator, not chosen.")
        report.figure(gallery({"data": held.images, "samples": made, "more": made[10:]}))
        report.text(
            "Neighbours and kernel distance are taken between pixels: compare them between runs on these images, with "
            "nothing else."
        )
        training_sections(report, {"GAN": folder})
        report.write(folder.report)
    return path


def sample_scores(made: torch.Tensor, held: torch.Tensor) -> dict[str, float]:
    """Precision, recall, density, coverage (k = 5) and KID of samples ``made`` against images ``held``, in pixels."""
    a, b = held.flatten(1).double(), made.flatten(1).double()
    scores = {name: float(value) for name, value in prdc(a, b)._asdict().items()}
    return scores | {"KID": float(kid(a, b).value)}
