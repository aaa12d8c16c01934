"""``advsci-images sample``: images from a trained generator."""

from pathlib import Path

import torch

from advsci.devices import torch_device
from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci.training import Run
from advsci_images.config import Sample
from advsci_images.data.stack import Stack, write_images
from advsci_images.store import load_generator
from advsci_images.systems.generate import drawn_images

__all__ = ["plan", "run"]


def plan(config: Sample) -> dict[str, object]:
    """What the generator was trained on, without sampling.

    Parameters
    ----------
    config
        Settings of the command.
    """
    _, form, card = load_generator(config.model)
    return {"data": card["data"], "classes": card["classes"], "format": form.suffix, "number type": form.dtype}


def run(config: Sample, folder: Run) -> Path:
    """Draw images and write them in the format of the data.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The opened run.

    Returns
    -------
    Path
        The folder of images.

    Raises
    ------
    ConfigError
        A class is wanted that the generator does not know.
    """
    generator, form, card = load_generator(config.model)
    classes = card["classes"]
    if config.label is not None and config.label >= len(classes):
        known = f"0 to {len(classes) - 1}" if classes else "no class: the generator was trained without"
        raise ConfigError(f"label: got {config.label}; expected {known}. Try: train --conditional.")
    label = None
    if classes:
        label = torch.arange(config.count) % len(classes)
        label = label if config.label is None else torch.full((config.count,), config.label)
    generator = generator.to(torch_device(config.device))
    made = drawn_images(
        generator, config.count, card["inputs"], Stream(config.seed), label=label, truncation=config.truncation
    )
    prefix = [""] * config.count if label is None else [f"{classes[int(c)]}/" for c in label]
    names = tuple(f"{p}{i:05d}" for i, p in enumerate(prefix))
    write_images(folder.samples, Stack(made, form, names))
    return folder.samples
