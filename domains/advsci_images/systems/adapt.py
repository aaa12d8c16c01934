r"""A classifier for images without labels, from labelled images of another domain.

Methods: ``dann`` and ``cdan`` (`advsci_images.game.aligned`), ``adda`` (`advsci_images.game.adda`), ``pixelda``
(`advsci_images.game.pixelda`); and ``source``, the network without an adversary, which each is compared with.
"""

import copy
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from advsci.errors import ConfigError, ShapeError
from advsci_images.data.pairing import Unpaired
from advsci_images.game.adda import ADDA
from advsci_images.game.aligned import aligned_game
from advsci_images.game.pixelda import PixelDA
from advsci_images.game.players import Classifier, Judge, Painter
from advsci_images.game.supervised import Supervised
from advsci_images.game.training import Play

__all__ = ["ENTROPY", "METHODS", "Method", "adapt", "adapt_with_painter", "predict", "supervised"]

Method = Literal["source", "dann", "cdan", "adda", "pixelda"]
METHODS: tuple[Method, ...] = ("source", "dann", "cdan", "adda", "pixelda")
ENTROPY = {"pixelda": 0.1}
"""Weight of the entropy where none is named; 0 for the other methods."""


def adapt(
    method: Method,
    x: Float[Tensor, "n c h w"],
    label: Int[Tensor, " n"],
    target: Float[Tensor, "m k y x"],
    play: Play,
    *,
    strength: float = 1.0,
    eta: "float | None" = None,
    recolour: bool = False,
) -> Classifier:
    r"""Train a classifier for the domain of ``target``.

    Parameters
    ----------
    method
        One of `METHODS`.
    x, label
        Images (n, channels, height, width) in [-1, 1] and their classes (n).
    target
        Images (m, channels, height, width) of the domain without labels.
    play
        Steps, rate, seed, device, folder.
    strength
        Weight of the adversary: :math:`\lambda` of DANN and CDAN, :math:`\alpha` of PixelDA; 0 leaves it out.
    eta
        Weight of the entropy on unlabelled images. None: `ENTROPY` of the method.
    recolour
        ``source``, ``dann`` and ``cdan``: show the labelled images in random colours.

    Returns
    -------
    Classifier
        In evaluation mode.

    Raises
    ------
    ConfigError
        The method is unknown, or colours are asked of one that has none.
    ShapeError
        The domains differ in channels or size.
    """
    if method not in METHODS:
        raise ConfigError(f"got method {method!r}; expected one of {', '.join(METHODS)}. Try: 'dann'.")
    if recolour and method in ("adda", "pixelda"):
        raise ConfigError(f"got recolour for {method}; expected source, dann or cdan. Try: --method dann.")
    eta = ENTROPY.get(method, 0.0) if eta is None else eta
    if method == "pixelda":
        return adapt_with_painter(x, label, target, play, eta=eta, strength=strength)[0]
    check_domains(x, target)
    classifier = _new_classifier(x, label, play, groups=method != "adda")
    if method == "adda":
        return _adda(classifier, x, label, target, play)
    if method == "source" and not recolour:
        return supervised(classifier, x, label, play)
    if method == "source":
        strength = eta = 0.0
    with play.stream("adversary").seeded():
        game = aligned_game(classifier, conditional=method == "cdan", strength=strength, eta=eta, recolour=recolour)
    training = play.fit(game, Unpaired([{"x": x, "label": label}, {"target": target}], play.seed), ("task",))
    return training.averaged("task").classifier.eval()  # type: ignore[union-attr, return-value]


def adapt_with_painter(
    x: Float[Tensor, "n c h w"],
    label: Int[Tensor, " n"],
    target: Float[Tensor, "m k y x"],
    play: Play,
    *,
    eta: float = 0.1,
    strength: float = 1.0,
) -> tuple[Classifier, Painter]:
    """PixelDA: the classifier, and the painter that gives labelled images the look of the others.

    Parameters
    ----------
    x, label, target, play, eta, strength
        As in `adapt`.

    Returns
    -------
    Classifier, Painter
        Both in evaluation mode.
    """
    check_domains(x, target)
    channels = x.shape[1]
    classifier = _new_classifier(x, label, play)
    with play.stream("painter").seeded():
        painter, judge = Painter(channels), Judge(channels, (x.shape[2], x.shape[3]))
    game = PixelDA(painter, classifier, judge, eta=eta, adversarial=strength)
    training = play.fit(game, Unpaired([{"source": x, "label": label}, {"x": target}], play.seed))
    networks = training.averaged("generator").eval()
    return networks["classifier"], networks["painter"]  # type: ignore[index, return-value]


def supervised(
    classifier: Classifier,
    x: Float[Tensor, "n c h w"],
    label: Int[Tensor, " n"],
    play: Play,
    *,
    weights: "Tensor | None" = None,
    mixup: float = 0.0,
) -> Classifier:
    """Train a classifier on labelled images alone.

    Parameters
    ----------
    classifier
        A new network.
    x, label
        Images in [-1, 1] and their classes.
    play
        Steps, rate, seed, device, folder.
    weights
        Weight of each class, or None.
    mixup
        Parameter of the Beta law of mixup; 0 for none.

    Returns
    -------
    Classifier
        The averaged network, in evaluation mode.
    """
    game = Supervised(classifier, weights=weights, mixup=mixup)
    training = play.fit(game, {"x": x, "label": label}, ("classifier",))
    return training.averaged("classifier").eval()  # type: ignore[return-value]


@torch.no_grad()
def predict(classifier: Classifier, x: Float[Tensor, "n c h w"], batch_size: int = 500) -> Float[Tensor, "n classes"]:
    """Class logits that ``classifier`` gives images ``x`` (n c h w), ``batch_size`` at a time, on the CPU."""
    device = next(classifier.parameters()).device
    return torch.cat([classifier(part.to(device)).cpu() for part in x.split(batch_size)])


def _new_classifier(x: Tensor, label: Tensor, play: Play, *, groups: bool = True) -> Classifier:
    """The network of a method; ADDA's, whose head is fixed before it meets the target, learns better without groups."""
    with play.stream("networks").seeded():
        return Classifier(x.shape[1], (x.shape[2], x.shape[3]), int(label.max()) + 1, groups=groups)


def check_domains(x: Tensor, target: Tensor) -> None:
    """Raise a `ShapeError` where images ``x`` and ``target`` differ in channels or size.

    Raises
    ------
    ShapeError
        The images of both domains differ in shape.
    """
    if x.shape[1:] != target.shape[1:]:
        raise ShapeError(
            f"got images of {tuple(x.shape[1:])} and {tuple(target.shape[1:])} (channels, height, width); expected one "
            "shape in both domains. Try: resize them, or repeat a grey channel three times."
        )


def _adda(classifier: Classifier, x: Tensor, label: Tensor, target: Tensor, play: Play) -> Classifier:
    source = supervised(classifier, x, label, play.stage("source", share=0.5))
    with torch.no_grad():
        features = torch.cat([source.features(part.to(next(source.parameters()).device)) for part in x.split(500)])
    moved = copy.deepcopy(source).requires_grad_(True)
    with play.stream("adversary").seeded():
        adda = ADDA(moved)
    second = play.stage("target", share=0.5)
    training = second.fit(adda, Unpaired([{"x": features.cpu()}, {"target": target}], play.seed))
    return training.averaged("generator").eval()  # type: ignore[return-value]
