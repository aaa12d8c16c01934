"""Adaptation from grey digits to digits on coloured textures."""

from collections.abc import Sequence

import torch
from _images_found import Found
from torch.nn.functional import normalize

from advsci_images.data.examples import textured_digits
from advsci_images.data.stack import Stack
from advsci_images.evaluation.scores import structure
from advsci_images.game.training import Play
from advsci_images.systems.adapt import Method, adapt, predict

STEPS = 600
"""Steps of every training."""

ADVERSARIAL: dict[str, tuple[Method, ...]] = {"adapt": ("dann", "pixelda"), "aligned": ("cdan", "adda")}


def accuracy(classifier: torch.nn.Module, held: Stack) -> float:
    """Share of held-out images that get their own class."""
    return float((predict(classifier, held.images).argmax(1) == held.labels).float().mean())  # type: ignore[arg-type]


def nearest_edges(labelled: Stack, held: Stack) -> float:
    """Accuracy without learning: the class of the labelled image whose edges are nearest."""
    a, b = (normalize(structure(part.images).sqrt().flatten(1), dim=1) for part in (held, labelled))
    nearest = (a @ b.T).argmax(1)
    return float((labelled.require_labels("digits")[nearest] == held.labels).float().mean())  # type: ignore[arg-type]


def adapt_rows(seeds: Sequence[int], share: float, part: str = "adapt") -> None:
    """Accuracy on the target, and the share of the gap that each method closes, with and without its adversary."""
    found = Found("textured digits, accuracy")
    example = textured_digits()
    labels = example.labelled.require_labels("digits")
    truth = example.target.require_labels("textured")
    x = (example.labelled.images, labels, example.target.images)
    methods = ADVERSARIAL[part]
    for seed in seeds:
        play = Play(max(2, int(share * STEPS)), 32, 2e-3, seed, "cpu")
        found.add("source only", accuracy(adapt("source", *x, play), example.held))
        found.add("target only", accuracy(adapt("source", x[2], truth, x[2], play), example.held))
        for method in methods:
            found.add(method, accuracy(adapt(method, *x, play), example.held))
            if method != "adda":  # which has no loss but the adversary's
                off = adapt(method, *x, play, strength=0.0)
                found.add(f"{method}, adversary off", accuracy(off, example.held))
    found.add("nearest edges, no learning", nearest_edges(example.labelled, example.held))
    closed = Found("textured digits, gap closed")
    for name in [n for n in found.values if n.split(",")[0] in methods]:
        triples = zip(found.values[name], found.values["source only"], found.values["target only"], strict=True)
        closed.values[name] = [(own - low) / (high - low) for own, low, high in triples]
    found.print()
    closed.print({m: (0.9, "higher") for m in methods}, note="from source only to target only; MNIST-M, DANN: .53")


def aligned_rows(seeds: Sequence[int], share: float) -> None:
    """The same for CDAN and ADDA."""
    adapt_rows(seeds, share, "aligned")
