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

PARTS: dict[str, dict[str, tuple[Method, dict]]] = {
    "adapt": {
        "source only, recoloured": ("source", {"recolour": True}),
        "dann": ("dann", {}),
        "dann, recoloured": ("dann", {"recolour": True}),
    },
    "painted": {"pixelda": ("pixelda", {}), "pixelda, adversary off": ("pixelda", {"strength": 0.0})},
    "aligned": {
        "cdan": ("cdan", {}),
        "cdan, recoloured": ("cdan", {"recolour": True}),
        "adda": ("adda", {}),
    },
}
"""Part -> what is trained beside source only and target only. DANN and CDAN without adversary are source only."""


def accuracy(classifier: torch.nn.Module, held: Stack) -> float:
    """Share of held-out images that get their own class."""
    return float((predict(classifier, held.images).argmax(1) == held.labels).float().mean())  # type: ignore[arg-type]


def nearest_edges(labelled: Stack, held: Stack) -> float:
    """Accuracy without learning: the class of the labelled image whose edges are nearest."""
    a, b = (normalize(structure(part.images).sqrt().flatten(1), dim=1) for part in (held, labelled))
    nearest = (a @ b.T).argmax(1)
    return float((labelled.require_labels("digits")[nearest] == held.labels).float().mean())  # type: ignore[arg-type]


def adapt_rows(seeds: Sequence[int], share: float, part: str = "adapt") -> None:
    """Accuracy on the target, and the share of the gap that each method closes."""
    found = Found("textured digits, accuracy")
    example = textured_digits()
    labels = example.labelled.require_labels("digits")
    truth = example.target.require_labels("textured")
    x = (example.labelled.images, labels, example.target.images)
    for seed in seeds:
        play = Play(max(2, int(share * STEPS)), 32, 2e-3, seed, "cpu")
        found.add("source only", accuracy(adapt("source", *x, play), example.held))
        found.add("target only", accuracy(adapt("source", x[2], truth, x[2], play), example.held))
        for name, (method, settings) in PARTS[part].items():
            found.add(name, accuracy(adapt(method, *x, play, **settings), example.held))
    found.add("nearest edges, no learning", nearest_edges(example.labelled, example.held))
    closed = Found("textured digits, gap closed")
    for name in PARTS[part]:
        triples = zip(found.values[name], found.values["source only"], found.values["target only"], strict=True)
        closed.values[name] = [(own - low) / (high - low) for own, low, high in triples]
    found.print()
    best = [name for name in closed.values if "off" not in name and not name.startswith("source")]
    closed.print(dict.fromkeys(best, (0.9, "higher")), note="from source only to target only; MNIST-M, DANN: .53")


def painted_rows(seeds: Sequence[int], share: float) -> None:
    """The same for PixelDA."""
    adapt_rows(seeds, share, "painted")


def aligned_rows(seeds: Sequence[int], share: float) -> None:
    """The same for CDAN and ADDA."""
    adapt_rows(seeds, share, "aligned")
