"""``advsci-images augment``: images of rare classes, and whether they help."""

import math
from dataclasses import replace
from pathlib import Path

import torch

from advsci.devices import torch_device
from advsci.errors import ConfigError, DataError
from advsci.output import tell
from advsci.report import Report, drawn
from advsci.streams import Stream
from advsci.training import Run
from advsci_images.config import Augment
from advsci_images.data.choosing import at_most, split
from advsci_images.data.stack import Stack, read_images, write_images
from advsci_images.evaluation.intervals import Mean, gain, mean_of
from advsci_images.evaluation.page import training_sections
from advsci_images.evaluation.pictures import gallery
from advsci_images.game.training import Play
from advsci_images.systems.adapt import predict
from advsci_images.systems.generate import drawn_images
from advsci_images.systems.rare import (
    LATENT,
    REMEDIES,
    balanced_accuracy,
    made_rare,
    rare_generator,
    recall,
    trained_with,
)

__all__ = ["plan", "run"]

LEAST = 64
"""Images that are needed."""


def sets(config: Augment) -> tuple[Stack, Stack]:
    """Labelled images that ``config`` names, to learn from, and held-out ones: the last fifth of every class.

    Raises
    ------
    ConfigError
        A class of ``minority`` is none of the data's.
    DataError
        The images are not square, or their side cannot be divided by 4.
    """
    stack = at_most(read_images(config.data, least=LEAST), config.limit)
    stack.require_labels(config.data)
    if wrong := [c for c in config.minority if not 0 <= c < len(stack.classes)]:
        raise ConfigError(
            f"minority: got {wrong}; expected classes from 0 to {len(stack.classes) - 1}. Try: --minority 0."
        )
    if stack.size[0] != stack.size[1] or stack.size[0] % 4:
        raise DataError(
            f"got images of {stack.size[0]} x {stack.size[1]} pixels; expected squares of a side divisible by 4. "
            "Try: crop or pad them."
        )
    return split(stack, 0.2, 16)


def plan(config: Augment) -> dict[str, object]:
    """How many images of each class there are, without training.

    Parameters
    ----------
    config
        Settings of the command.
    """
    learn, held = sets(config)
    rare = made_rare(learn, config.minority, config.keep, config.seed)
    counts = torch.bincount(rare.require_labels(config.data), minlength=len(rare.classes)).tolist()
    return {"images": dict(zip(rare.classes, counts, strict=True)), "held out": len(held)}


def run(config: Augment, folder: Run) -> Path:
    """Train a generator and a classifier under every remedy, over seeds; write images, table and page.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The opened run.

    Returns
    -------
    Path
        The folder of made images of the rare classes.
    """
    torch_device(config.device)
    learn, held = sets(config)
    truth = held.require_labels(config.data)
    of = torch.isin(truth, torch.tensor(config.minority))
    recalls: dict[str, list[float]] = {r: [] for r in REMEDIES}
    balanced: dict[str, list[float]] = {r: [] for r in REMEDIES}
    runs: dict[str, Run] = {}
    made: dict[str, torch.Tensor] = {}
    for turn in range(config.seeds):
        seed = config.seed + turn
        rare = made_rare(learn, config.minority, config.keep, seed)
        label = rare.require_labels(config.data)
        stage = folder.stage(f"generator-{turn}")
        runs[f"generator, seed {seed}"] = stage
        generator = rare_generator(rare.images, label, replace(Play.of(config, stage), seed=seed))
        if turn == 0:
            made = _made(config, rare, generator, folder)
        for remedy in REMEDIES:
            name = remedy.lower().replace(" ", "-")
            play = replace(
                Play.of(config, folder.stage(f"{name}-{turn}")), steps=config.classifier_steps, seed=seed, quiet=True
            )
            classifier = trained_with(remedy, rare.images, label, play, generator)
            recalls[remedy].append(recall(predict(classifier, held.images), truth, of))
            balanced[remedy].append(balanced_accuracy(classifier, held.images, truth))
    table = [
        {
            "remedy": r,
            "recall of rare classes": str(mean_of(recalls[r])),
            "balanced accuracy": str(mean_of(balanced[r])),
        }
        for r in REMEDIES
    ]
    words = verdict(recalls)
    tell(words, {"verdict": words, "remedies": table})
    with drawn("report"):
        report = Report("Rare classes", f"{config.data}, classes {config.minority}, {config.seeds} seeds")
        report.section("Does it help?").table(table)
        report.note(words, "good" if words.startswith("Images of the generator help") else "watch")
        report.section("Made images", "Drawn, not chosen.").figure(gallery(made))
        training_sections(report, dict(list(runs.items())[:1]))
        report.write(folder.report)
    return folder.samples


def verdict(recalls: dict[str, list[float]]) -> str:
    """Whether the generator's images help, in words, from the ``recalls`` of every remedy over the seeds."""
    rivals = {r: mean_of(values).value for r, values in recalls.items() if r != "GAN"}
    rivals = {r: value for r, value in rivals.items() if math.isfinite(value)}
    if not rivals or not all(map(math.isfinite, recalls["GAN"])):
        return "Whether images of the generator help is not known: a recall is undefined. Try: more held-out images."
    best = max(rivals, key=rivals.__getitem__)
    more: Mean = gain(recalls["GAN"], recalls[best])
    told = f"the recall of rare classes is {more.value:+.3f} (± {more.half:.3f}) against {best}, the best other remedy"
    if more.value - more.half > 0.0:
        return f"Images of the generator help: {told}."
    if more.value + more.half < 0.0:
        return f"Images of the generator do not help: {told}. Take {best}."
    return f"Whether images of the generator help is not decided by {len(recalls['GAN'])} seeds: {told}. Take {best}."


def _made(config: Augment, rare: Stack, generator: torch.nn.Module, folder: Run) -> dict[str, torch.Tensor]:
    """Draw 100 images of each rare class, write them, and show them beside the data."""
    shown = {}
    for c in config.minority:
        name = rare.classes[c]
        images = drawn_images(generator, 100, LATENT, Stream(config.seed).at("made", c), label=torch.full((100,), c))
        write_images(folder.samples, Stack(images, rare.form, tuple(f"{name}/{i:05d}" for i in range(100))))
        shown |= {f"{name}: data": rare.images[rare.labels == c], f"{name}: made": images}
    return shown
