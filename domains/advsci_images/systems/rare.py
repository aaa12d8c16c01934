"""Rare classes: images made by a conditional generator, against what is usually done."""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_images.baselines.imbalance import class_weights, oversampled, smote
from advsci_images.data.stack import Stack
from advsci_images.game.players import Classifier
from advsci_images.game.training import Play
from advsci_images.systems.adapt import predict, supervised
from advsci_images.systems.generate import drawn_images, trained_generator

__all__ = [
    "LATENT",
    "REMEDIES",
    "Remedy",
    "balanced_accuracy",
    "made_rare",
    "rare_generator",
    "recall",
    "remedied",
    "trained_with",
]

Remedy = Literal["nothing", "class weights", "oversampling", "SMOTE", "mixup", "GAN"]
REMEDIES: tuple[Remedy, ...] = ("nothing", "class weights", "oversampling", "SMOTE", "mixup", "GAN")

LATENT = 32
"""Length of the generator's latent vectors."""


def made_rare(stack: Stack, minority: "list[int]", keep: float, seed: int) -> Stack:
    """The images with only a share of some classes.

    Parameters
    ----------
    stack
        Labelled images.
    minority
        Classes that become rare.
    keep
        Share of their images that stays, at least two each.
    seed
        Key of the choice.

    Returns
    -------
    Stack
        In the old order.

    Raises
    ------
    DataError
        A class is not there or has no images.
    """
    label = stack.require_labels("images")
    chosen = torch.ones(len(stack), dtype=torch.bool)
    for c in minority:
        rows = (label == c).nonzero().flatten()
        if len(rows) < 2:
            raise DataError(
                f"got {len(rows)} images of class {c}; expected at least 2. Try: classes below {len(stack.classes)}."
            )
        order = Stream(seed).at("rare", c).permutation(len(rows))
        chosen[rows[order[max(2, round(keep * len(rows))) :]]] = False
    names = tuple(name for name, kept in zip(stack.names, chosen.tolist(), strict=True) if kept)
    return Stack(stack.images[chosen], stack.form, names, label[chosen], stack.classes)


def trained_with(
    remedy: Remedy, x: Float[Tensor, "n c s s"], label: Int[Tensor, " n"], play: Play, generator: "nn.Module | None"
) -> Classifier:
    """Train a classifier under one of `REMEDIES`.

    Parameters
    ----------
    remedy
        What is done about rare classes.
    x, label
        Images in [-1, 1] and their classes.
    play
        Of the classifier.
    generator
        A conditional generator of these images, for ``"GAN"``.

    Returns
    -------
    Classifier
        In evaluation mode.
    """
    classes = int(label.max()) + 1
    with play.stream("classifier").seeded():
        classifier = Classifier(x.shape[1], (x.shape[2], x.shape[3]), classes, width=16, features=64)
    weights = class_weights(label) if remedy == "class weights" else None
    x, label = remedied(remedy, x, label, play.stream("remedy"), generator)
    return supervised(classifier, x, label, play, weights=weights, mixup=0.4 if remedy == "mixup" else 0.0)


def remedied(
    remedy: Remedy, x: Float[Tensor, "n c s s"], label: Int[Tensor, " n"], stream: Stream, generator: "nn.Module | None"
) -> tuple[Tensor, Tensor]:
    """Images and labels as a classifier gets them.

    Parameters
    ----------
    remedy
        One of `REMEDIES`; weights and mixup leave the images alone.
    x, label
        Images and their classes.
    stream
        Source of all randomness.
    generator
        For ``"GAN"``.

    Returns
    -------
    Tensor, Tensor
        With as many images of each class as of the most frequent, where the remedy adds images.
    """
    if remedy == "oversampling":
        rows = oversampled(label, stream)
        return x[rows], label[rows]
    if remedy not in ("SMOTE", "GAN"):
        return x, label
    counts = torch.bincount(label)
    images, labels = [x], [label]
    for c, count in enumerate(counts.tolist()):
        missing = int(counts.max()) - count
        if not missing:
            continue
        wanted = torch.full((missing,), c)
        if remedy == "SMOTE":
            images.append(smote(x[label == c], missing, stream.at("class", c)))
        else:
            assert generator is not None
            images.append(drawn_images(generator, missing, LATENT, stream.at("class", c), label=wanted))
        labels.append(wanted)
    return torch.cat(images), torch.cat(labels)


def rare_generator(x: Float[Tensor, "n c s s"], label: Int[Tensor, " n"], play: Play) -> nn.Module:
    """A conditional generator that saw rare classes as often as the others, with augmentation and a judge that reads.

    Parameters
    ----------
    x, label
        Images in [-1, 1] and their classes.
    play
        Steps, rate, seed, device, folder.

    Returns
    -------
    torch.nn.Module
        Called as ``generator(z, labels)`` with latent vectors of length `LATENT`.
    """
    rows = oversampled(label, play.stream("rows"))
    return trained_generator(
        x[rows], play, label=label[rows], latent=LATENT, width=16, augment="diffaugment", auxiliary=1.0
    )


def recall(logits: Float[Tensor, "n classes"], label: Int[Tensor, " n"], of: Bool[Tensor, " n"]) -> float:
    """Share of the images ``of`` (a mask) that the ``logits`` give their own ``label``."""
    return float((logits.argmax(1) == label)[of].float().mean())


def balanced_accuracy(classifier: Classifier, x: Float[Tensor, "n c s s"], label: Int[Tensor, " n"]) -> float:
    """Mean over the classes of the share that ``classifier`` gets right among images ``x`` with their ``label``."""
    logits = predict(classifier, x)
    return sum(recall(logits, label, label == c) for c in label.unique().tolist()) / len(label.unique())
