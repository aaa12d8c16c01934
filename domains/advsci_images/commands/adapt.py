"""``advsci-images adapt``: a classifier for images without labels."""

import csv
from pathlib import Path

from torch import Tensor

from advsci.devices import torch_device
from advsci.errors import DataError
from advsci.report import Report, drawn
from advsci.training import Run
from advsci_images.config import Adapt
from advsci_images.data.choosing import at_most
from advsci_images.data.examples import textured_digits
from advsci_images.data.stack import Stack, read_images
from advsci_images.evaluation.page import training_sections
from advsci_images.evaluation.pictures import gallery
from advsci_images.game.training import Play
from advsci_images.store import save_network
from advsci_images.systems.adapt import adapt, check_domains, predict

__all__ = ["plan", "run"]

LEAST = 32
"""Images of each domain that are needed."""


def domains(config: Adapt) -> tuple[Stack, Stack, Stack]:
    """Labelled images, target images, and target images to judge on (the target itself where there are no others), as
    ``config`` names them.

    Raises
    ------
    DataError
        The classes differ, or the example target is asked for with other data than digits.
    """
    if config.target == "textured":
        if config.data != "digits":
            raise DataError(
                f"got data {config.data!r} with the example target 'textured'; expected 'digits'. "
                "Try: a folder for --target."
            )
        example = textured_digits(config.limit, config.seed)
        return example.labelled, example.target, example.held
    source = at_most(read_images(config.data, least=LEAST), config.limit)
    target = at_most(read_images(config.target, least=LEAST), config.limit)
    source.require_labels(config.data)
    check_domains(source.images, target.images)
    if target.labels is not None and target.classes != source.classes:
        raise DataError(
            f"got classes {list(target.classes)} in {config.target} and {list(source.classes)} in {config.data}; "
            "expected the same. Try: equal names of subfolders, or target images without subfolders."
        )
    return source, target, target


def plan(config: Adapt) -> dict[str, object]:
    """Both domains, without training.

    Parameters
    ----------
    config
        Settings of the command.
    """
    source, target, _ = domains(config)
    return {"labelled": len(source), "classes": len(source.classes), "target": len(target), "size": source.size}


def run(config: Adapt, folder: Run) -> Path:
    """Train with and without the adversary; write predictions, the classifier and the page.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The opened run.

    Returns
    -------
    Path
        ``predictions.csv``: name, class and its probability for every target image.
    """
    torch_device(config.device)
    source, target, held = domains(config)
    labels = source.require_labels(config.data)
    stages = {"without adversary": folder.stage("source"), config.method: folder.stage("adapted")}
    x = (source.images, labels, target.images)
    plain = adapt("source", *x, Play.of(config, stages["without adversary"]))
    play = Play.of(config, stages[config.method])
    adapted = adapt(config.method, *x, play, strength=config.strength, eta=config.entropy, recolour=config.recolour)
    scores: list[dict[str, object]] = []
    if held.labels is not None:
        scores = [
            {
                "classifier": "labelled domain only",
                "accuracy on the target": accuracy(predict(plain, held.images), held),
            },
            {"classifier": config.method, "accuracy on the target": accuracy(predict(adapted, held.images), held)},
        ]
    probabilities = predict(adapted, target.images).softmax(1)
    path = write_predictions(folder.path / "predictions.csv", target, source.classes, probabilities)
    arguments = {
        "channels": source.channels,
        "size": source.size,
        "classes": len(source.classes),
        "groups": adapted.groups,
    }
    card = {"classes": list(source.classes), "data": config.data, "target": config.target, "method": config.method}
    save_network(folder.path / "classifier.safetensors", adapted, arguments, target.form, **card, scores=scores)
    with drawn("report"):
        report = Report("Domain adaptation", f"{config.data} with labels, {config.target} without, by {config.method}")
        for row in scores:
            report.card(str(row["classifier"]), row["accuracy on the target"], note="share of held-out images")
        report.section("Images", "What has labels, and what the classifier is for.")
        report.figure(gallery({"with labels": source.images, "target": target.images}))
        if scores:
            report.table(scores, best={"accuracy on the target": "higher"})
        else:
            report.note("The target has no labels, so nothing here is measured. A few dozen labels would do.", "watch")
        training_sections(report, stages)
        report.write(folder.report)
    return path


def accuracy(logits: Tensor, held: Stack) -> float:
    """Share of the images ``held`` whose class the ``logits`` name."""
    return float((logits.argmax(1) == held.labels).float().mean())


def write_predictions(path: Path, target: Stack, classes: tuple[str, ...], probabilities: Tensor) -> Path:
    """Write name, class (of ``classes``) and its probability for every image of ``target`` to ``path``, which is given
    back; ``probabilities`` are (n classes).

    Returns
    -------
    Path
        ``path``.
    """
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["name", "class", "probability"])
        for name, p in zip(target.names, probabilities, strict=True):
            best = int(p.argmax())
            rows.writerow([name, classes[best], f"{float(p[best]):.4f}"])
    return path
