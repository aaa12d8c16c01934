"""Generators: rare classes, few images, and how many dimensions images have."""

from collections.abc import Sequence

import torch
from _images_found import Found, mean
from _images_reader import agrees, digit_reader, features
from _row import row

from advsci.games import switched_off
from advsci.metrics import kid, likelihood_dimension, two_neighbour_dimension
from advsci.streams import Stream
from advsci_images.data.examples import held_out
from advsci_images.data.stack import read_images
from advsci_images.data.textured import textured
from advsci_images.evaluation.intervals import gain
from advsci_images.game.training import Play
from advsci_images.systems.adapt import predict
from advsci_images.systems.generate import Augmented, drawn_images, trained_generator
from advsci_images.systems.models import made_by
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
    found = Found("rare digit 1:100")
    digits, test = read_images("digits"), held_out("digits")
    truth = test.require_labels("digits")
    for seed in seeds:
        rare = made_rare(digits, RARE, 0.01, seed)
        label = rare.require_labels("digits")
        generator = rare_generator(rare.images, label, Play(max(2, int(share * 1500)), 32, 2e-3, seed, "cpu"))
        with switched_off("adversary"):
            taught = rare_generator(rare.images, label, Play(max(2, int(share * 1500)), 32, 2e-3, seed, "cpu"))
        wanted = torch.arange(500) % 10
        for name, network in (("conditional GAN", generator), ("adversary off", taught)):
            made = drawn_images(network, 500, LATENT, Stream(seed).at("judged"), label=wanted)
            found.add(f"{name}: class as wanted", agrees(digit_reader(share), made, wanted))
            found.add(f"{name}: eights as wanted", agrees(digit_reader(share), made[8::10], wanted[8::10]))
            looks = kid(features(digit_reader(share), test.images), features(digit_reader(share), made))
            found.add(f"{name}: KID", float(looks.value))
        ways = [(remedy, remedy, generator) for remedy in REMEDIES] + [("GAN, adversary off", "GAN", taught)]
        for name, remedy, source in ways:
            play = Play(max(2, int(share * 250)), 32, 2e-3, seed, "cpu")
            network = trained_with(remedy, rare.images, label, play, source)
            found.add(f"recall, {name}", recall(predict(network, test.images), truth, truth == RARE[0]))
            found.add(f"balanced accuracy, {name}", balanced_accuracy(network, test.images, truth))
    found.print({"conditional GAN: class as wanted": (0.97, "higher")}, lower=("KID",))
    best = max((r for r in REMEDIES if r != "GAN"), key=lambda r: found.mean(f"recall, {r}"))
    more = gain(found.values["recall, GAN"], found.values[f"recall, {best}"])
    ends = (more.value - more.half, more.value + more.half) if len(seeds) > 1 else None
    row(f"rare digit 1:100: recall, GAN less {best}", more.value, 0.0, "higher", seeds=len(seeds), interval=ends)


def few_rows(seeds: Sequence[int], share: float) -> None:
    """A generator from 200 images, with and without augmentation; a VAE, and the 200 images themselves."""
    found = Found("200 images, KID")
    digits, judge = read_images("digits").images, digit_reader(share)
    real = features(judge, held_out("digits").images)
    ways: tuple[Augmented, ...] = ("none", "ada")
    for seed in seeds:
        few = digits[200 * seed : 200 * seed + 200]
        play = Play(max(2, int(share * 400)), 32, 2e-3, seed, "cpu")
        for augment in ways:
            network = trained_generator(few, play, latent=32, width=16, augment=augment, adaptation=10_000)
            made = drawn_images(network, 1000, 32, Stream(seed).at("judged"))
            found.add(f"GAN, {augment}", float(kid(real, features(judge, made)).value))
        made = made_by("vae", few, few, 1000, play).images
        found.add("VAE, no adversary", float(kid(real, features(judge, made)).value))
        found.add("the images themselves, no learning", float(kid(real, features(judge, few)).value))
    half = 0.5 * mean(found.values["GAN, none"])
    found.print({"GAN, ada": (half, "lower")}, lower=("",))


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
