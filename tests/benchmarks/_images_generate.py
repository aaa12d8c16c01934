"""Generators: rare classes, few images, and four models of the same images."""

from collections.abc import Sequence

import torch
from _images_adapt import mean, spread
from _images_translate import reader
from _row import row

from advsci.metrics import kid, likelihood_dimension, prdc, two_neighbour_dimension
from advsci.streams import Stream
from advsci_images.data.examples import held_out
from advsci_images.data.stack import read_images
from advsci_images.data.textured import textured
from advsci_images.evaluation.intervals import gain
from advsci_images.evaluation.scores import sharpness
from advsci_images.game.training import Play
from advsci_images.systems.adapt import predict
from advsci_images.systems.generate import drawn_images, trained_generator
from advsci_images.systems.models import MODELS, made_by
from advsci_images.systems.rare import (
    LATENT,
    REMEDIES,
    balanced_accuracy,
    made_rare,
    rare_generator,
    recall,
    trained_with,
)

RARE = [8]


def rare_rows(seeds: Sequence[int], share: float) -> None:
    """One of a hundred eights is kept: recall of eights under every remedy."""
    recalls: dict[str, list[float]] = {r: [] for r in REMEDIES}
    balanced: dict[str, list[float]] = {r: [] for r in REMEDIES}
    agreed: list[float] = []
    digits, test = read_images("digits"), held_out("digits")
    truth = test.require_labels("digits")
    for seed in seeds:
        rare = made_rare(digits, RARE, 0.01, seed)
        label = rare.require_labels("digits")
        generator = rare_generator(rare.images, label, Play(max(2, int(share * 500)), 32, 2e-3, seed, "cpu"))
        judge = reader(digits.images, seed, share, 10, digits.require_labels("digits"))
        wanted = torch.arange(500) % 10
        made = drawn_images(generator, 500, LATENT, Stream(seed).at("judged"), label=wanted)
        agreed.append(float((predict(judge, made).argmax(1) == wanted).float().mean()))
        for remedy in REMEDIES:
            play = Play(max(2, int(share * 250)), 32, 2e-3, seed, "cpu")
            network = trained_with(remedy, rare.images, label, play, generator)
            recalls[remedy].append(recall(predict(network, test.images), truth, truth == RARE[0]))
            balanced[remedy].append(balanced_accuracy(network, test.images, truth))
    row("conditional GAN: class as wanted", mean(agreed), 0.97, "higher", **spread(agreed))
    for remedy in REMEDIES:
        row(f"rare digit 1:100: recall, {remedy}", mean(recalls[remedy]), None, "higher", **spread(recalls[remedy]))
        values = balanced[remedy]
        row(f"rare digit 1:100: balanced accuracy, {remedy}", mean(values), None, "higher", **spread(values))
    rivals = {r: mean(v) for r, v in recalls.items() if r != "GAN"}
    best = max(rivals, key=rivals.__getitem__)
    more = gain(recalls["GAN"], recalls[best])
    ends = (more.value - more.half, more.value + more.half) if len(agreed) > 1 else None
    row(f"rare digit 1:100: recall, GAN less {best}", more.value, 0.0, "higher", seeds=len(agreed), interval=ends)


def few_rows(seeds: Sequence[int], share: float) -> None:
    """A generator from 200 images, with and without adaptive augmentation."""
    found: dict[str, list[float]] = {"none": [], "ada": []}
    digits, test = read_images("digits"), held_out("digits")
    for seed in seeds:
        judge = reader(digits.images, seed, share, 10, digits.require_labels("digits"))
        with torch.no_grad():
            real = judge.features(test.images).double()
        few = digits.images[200 * seed : 200 * seed + 200]
        for augment in ("none", "ada"):
            play = Play(max(2, int(share * 800)), 32, 2e-3, seed, "cpu")
            network = trained_generator(few, play, latent=32, width=16, augment=augment)
            made = drawn_images(network, 1000, 32, Stream(seed).at("judged"))
            with torch.no_grad():
                found[augment].append(float(kid(real, judge.features(made).double()).value))
    row("200 images: KID, no augmentation", mean(found["none"]), None, "lower", **spread(found["none"]))
    half = 0.5 * mean(found["none"])
    row("200 images: KID, ADA", mean(found["ada"]), half, "lower", **spread(found["ada"]))


def compare_rows(seeds: Sequence[int], share: float) -> None:
    """The table of GAN, VAE, autoencoder and diffusion."""
    digits, test = read_images("digits"), held_out("digits")
    found: dict[str, list[float]] = {}
    for seed in seeds:
        judge = reader(digits.images, seed, share, 10, digits.require_labels("digits"))
        with torch.no_grad():
            real = judge.features(test.images).double()
        for model in MODELS:
            play = Play(max(2, int(share * 800)), 32, 2e-3, seed, "cpu")
            made = made_by(model, digits.images, test.images[:500], 1000, play)
            with torch.no_grad():
                fake = judge.features(made.images).double()
            near = prdc(real, fake)
            scores = {
                "KID": float(kid(real, fake).value),
                "precision": float(near.precision),
                "recall": float(near.recall),
                "coverage": float(near.coverage),
                "sharpness": float(sharpness(made.images) / sharpness(test.images)),
                "training [CPU s]": made.seconds,
                "sampling [ms]": made.per_image,
                "memory [MB]": made.megabytes,
                "likelihood bound [bits]": made.bits,
                "reconstruction": made.reconstruction,
            }
            for name, value in scores.items():
                if value is not None:
                    found.setdefault(f"{model} {name}", []).append(value)
    for name, values in found.items():
        better = "higher" if name.split(" ", 1)[1] in ("precision", "recall", "coverage", "sharpness") else "lower"
        row(f"digits, 800 steps: {name}", mean(values), None, better, **spread(values))


def dimension_rows(seeds: Sequence[int], share: float) -> None:
    """Intrinsic dimension of image sets, which are written in 784 to 2,352 numbers, and of noise of the same size."""
    n = max(50, int(2000 * share))
    digits = read_images("digits")[:n].images
    sets = {
        "digits": digits,
        "fashion": read_images("fashion")[:n].images,
        "digits on textures": textured(digits / 2.0 + 0.5, Stream(0)),
        "noise": Stream(1).uniform(tuple(digits.shape)),
    }
    for name, x in sets.items():
        two, many = two_neighbour_dimension(x.flatten(1)), likelihood_dimension(x.flatten(1), 20)
        ends = (float(two.value - 1.96 * two.error), float(two.value + 1.96 * two.error))
        note = f"{x[0].numel()} numbers per image; 20 neighbours: {float(many.value):.1f}"
        row(f"intrinsic dimension, {name}", float(two.value), None, "lower", interval=ends, note=note)
