"""``advsci-images translate``: images of one kind as images of another."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from advsci.devices import torch_device
from advsci.errors import DataError
from advsci.output import tell
from advsci.report import Report, drawn
from advsci.training import Run
from advsci_images.config import Translate
from advsci_images.data.choosing import at_most, chosen_rows, split, split_rows
from advsci_images.data.examples import INKS, inked, paired_example
from advsci_images.data.stack import Stack, read_images, write_images
from advsci_images.evaluation.hallucination import examine
from advsci_images.evaluation.page import training_sections
from advsci_images.evaluation.pictures import gallery
from advsci_images.game.training import Play
from advsci_images.store import save_network
from advsci_images.systems.translate import between_classes, by_contrast, from_pairs, translated, without_pairs

__all__ = ["plan", "run"]

LEAST = 32
"""Images of each kind that are needed."""


class Sets(NamedTuple):
    """Images to learn from, and held-out pairs to judge by, where there are pairs."""

    source: Stack
    target: Stack
    held_source: Stack
    held_target: "Stack | None"
    paired: bool


def sets(config: Translate) -> Sets:
    """The images that ``config`` names; of folders the last eighth of the pairs is held out.

    Raises
    ------
    DataError
        There is no target, or the method needs pairs and the names of the images differ.
    """
    if config.data in ("stained", "low-dose"):
        return Sets(*paired_example(config.data, config.limit, config.seed), paired=True)
    if not config.target:
        raise DataError(f"got no target for {config.data}; expected images of the other kind. Try: --target FOLDER.")
    source, target = (read_images(name, least=LEAST) for name in (config.data, config.target))
    paired = source.names == target.names
    rows = chosen_rows(source, config.limit)
    source, target = source.rows(rows), target.rows(rows) if paired else at_most(target, config.limit)
    if not paired and config.method in ("pix2pix", "regression"):
        raise DataError(
            f"got {len(source)} and {len(target)} images of different names; expected pairs for {config.method}. "
            "Try: equal names in both folders, or --method cyclegan."
        )
    if not paired:
        return Sets(source, target, source, None, paired)
    learn, held = split_rows(source, 0.125, 2)
    return Sets(source.rows(learn), target.rows(learn), source.rows(held), target.rows(held), paired)


def of_classes(config: Translate) -> Stack:
    """Images of several classes that ``config`` names: a labelled set, or digits in coloured inks."""
    if config.data == "inks" or (config.data == "stained" and not config.target):
        digits = read_images("digits")[: config.limit]
        ink = torch.arange(len(digits)) % len(INKS)
        form = replace(digits.form, layout="last")
        return replace(digits, images=inked(digits.images, ink), labels=ink, classes=INKS, form=form)
    stack = at_most(read_images(config.data, least=LEAST), config.limit)
    stack.require_labels(config.data)
    return stack


def plan(config: Translate) -> dict[str, object]:
    """The images, without training.

    Parameters
    ----------
    config
        Settings of the command.
    """
    if config.method == "stargan":
        stack = of_classes(config)
        return {"images": len(stack), "classes": list(stack.classes), "size": stack.size}
    found = sets(config)
    return {"images": len(found.source), "target": len(found.target), "pairs": found.paired, "size": found.source.size}


def run(config: Translate, folder: Run) -> Path:
    """Train a translator, translate, examine it on pairs where there are some, and write the page.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The opened run.

    Returns
    -------
    Path
        The folder of translated images, in the format and bit depth of the target.
    """
    torch_device(config.device)
    if config.method == "stargan":
        return _between_classes(config, folder)
    found = sets(config)
    x, y, play = found.source.images, found.target.images, Play.of(config, folder)
    back, held = None, found.held_source.images
    if config.method == "cyclegan":
        there, back = without_pairs(x, y, play, cycle=config.cycle, identity=config.identity, noise=config.noise)
    elif config.method == "cut":
        x, held = (same_channels(part.images, y.shape[1]) for part in (found.source, found.held_source))
        there = by_contrast(x, y, play, contrast=config.contrast)
    else:
        weight = float(config.method == "pix2pix")
        there = from_pairs(x, y, play, adversarial=weight, distance=config.distance)
    made = translated(there, held)
    labels = found.held_source.labels
    stack = Stack(made, found.target.form, found.held_source.names, labels, found.held_source.classes)
    write_images(folder.samples / "translated", stack)
    returned = None if back is None else translated(back, made)
    cycle = None if returned is None else float((returned - held).abs().mean()) / 2.0
    seen = None if found.held_target is None else examine(made, found.held_target.images)
    arguments = {"inputs": held.shape[1], "outputs": found.target.channels}
    card = {"method": config.method, "data": config.data, "target": config.target}
    save_network(folder.path / "translator.safetensors", there, arguments, found.target.form, **card)
    with drawn("report"):
        report = Report("Translation", f"{config.data} to {config.target or 'its pairs'} by {config.method}")
        if cycle is not None:
            report.card("Cycle error", cycle, note="mean absolute, share of the range")
        rows = {"original": found.held_source.images, "translated": made}
        if seen is not None and found.held_target is not None:
            rows["truth"] = found.held_target.images
            report.card("PSNR", seen.psnr, note="dB, held-out pairs")
            report.card("Invented", seen.invented, note="0 none, 1 as an unrelated image")
        report.section("Held-out images").figure(gallery(rows))
        for line in seen.warnings() if seen is not None else []:
            report.note(line, "bad")
        if seen is None:
            report.note("There are no pairs: whether the translation invents or swaps colours is not known.", "watch")
        training_sections(report, {config.method: folder})
        report.write(folder.report)
    for line in seen.warnings() if seen is not None else []:
        tell(f"warning: {line}", {"warnings": list(seen.warnings()) if seen else []})
    return folder.samples / "translated"


def same_channels(x: torch.Tensor, channels: int) -> torch.Tensor:
    """Grey images ``x`` (n 1 h w) repeated in ``channels``; images of more channels as they are."""
    return x.expand(-1, channels, -1, -1) if x.shape[1] == 1 else x


def _between_classes(config: Translate, folder: Run) -> Path:
    stack = of_classes(config)
    learn, held = split(stack, 0.125, 2)
    translator = between_classes(
        learn.images, learn.require_labels(config.data), Play.of(config, folder), cycle=config.cycle
    )
    rows = {"original": held.images}
    for index, name in enumerate(stack.classes):
        made = translated(translator, held.images, torch.full((len(held),), index))
        rows[name] = made
        write_images(folder.samples / "translated" / name, replace(held, images=made, labels=None))
    arguments = {"inputs": stack.channels, "outputs": stack.channels, "condition": len(stack.classes)}
    card = {"method": config.method, "data": config.data, "classes": list(stack.classes)}
    save_network(folder.path / "translator.safetensors", translator, arguments, stack.form, **card)
    with drawn("report"):
        report = Report("Translation between classes", f"{config.data}: {', '.join(stack.classes)}")
        report.section("Held-out images", "Each row shows the same images in another class.").figure(gallery(rows))
        training_sections(report, {"StarGAN": folder})
        report.write(folder.report)
    return folder.samples / "translated"
