"""Independent classifiers, which no game saw: what results are judged by."""

from functools import cache

import torch
from torch import Tensor

from advsci.streams import Stream
from advsci_images.data.stack import read_images
from advsci_images.game.players import Classifier
from advsci_images.game.training import Play
from advsci_images.systems.adapt import predict, supervised

__all__ = ["agrees", "digit_reader", "features", "reader"]


def reader(x: Tensor, labels: Tensor, share: float, *, norm: bool = True) -> Classifier:
    """A classifier of images ``x`` and their ``labels``; other data begin from other parameters."""
    with Stream(900).at("reader", len(x), int(1e6 * float(x.mean().abs())), int(labels.sum())).seeded():
        network = Classifier(x.shape[1], (x.shape[2], x.shape[3]), int(labels.max()) + 1, width=16, norm=norm)
    return supervised(network, x, labels, Play(max(2, int(400 * share)), 64, 2e-3, 900, "cpu"))


@cache
def digit_reader(share: float) -> Classifier:
    """The reader of digits that all parts of the benchmark share."""
    digits = read_images("digits")
    return reader(digits.images, digits.require_labels("digits"), share)


@torch.no_grad()
def features(network: Classifier, x: Tensor) -> Tensor:
    """Feature vectors of images ``x`` in float64, in which distances between sets are taken."""
    return torch.cat([network.features(part) for part in x.split(500)]).double()


def agrees(network: Classifier, x: Tensor, wanted: Tensor) -> float:
    """Share of images ``x`` that the ``network`` gives the ``wanted`` class."""
    return float((predict(network, x).argmax(1) == wanted).float().mean())
