r"""Generators of images: R3GAN's game on small networks, with augmentation where images are few.

Relativistic pairing with R1 and R2, :math:`\gamma` from 2 to 0.5 (Huang et al. 2024, arXiv 2501.05441). Real and
generated images are changed alike before they are judged, at a fixed probability (DiffAugment, arXiv 2006.10738) or at
one that follows the discriminator's overfitting (ADA, arXiv 2006.06676). ``"dcgan"`` plays the game of Radford et al.
2016 (arXiv 1511.06434) instead: the non-saturating objective, batch norm, no penalty; their rate is 2e-4.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from advsci.errors import ConfigError
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import AdaptProbability, Augmentation
from advsci.objectives import NonSaturating
from advsci.penalties import R1, R2
from advsci.schedules import Geometric
from advsci.streams import Stream
from advsci.training import Callback
from advsci_images.game.auxiliary import AuxiliaryGAN
from advsci_images.game.generators import Kind, Pair, pair_of
from advsci_images.game.players import Classifier
from advsci_images.game.reading import ReadingJudge
from advsci_images.game.training import Play

__all__ = ["Augmented", "drawn_images", "trained_generator"]

Augmented = Literal["none", "diffaugment", "ada"]

OPERATIONS = ("shift", "scale", "brightness", "contrast", "cutout")
"""What is changed: nothing that would turn one class into another."""


def trained_generator(
    x: Float[Tensor, "n c h w"],
    play: Play,
    *,
    label: "Int[Tensor, ' n'] | None" = None,
    kind: Kind = "strided",
    latent: int = 64,
    width: int = 32,
    augment: Augmented = "none",
    adaptation: int = 20_000,
    auxiliary: float = 0.0,
    callbacks: Sequence[Callback] = (),
) -> nn.Module:
    """Train a generator.

    Parameters
    ----------
    x
        Square images in [-1, 1].
    play
        Steps, rate, seed, device, folder.
    label
        Class of each image (n) for a conditional generator, or None.
    kind
        Of the networks.
    latent
        Length of the latent vectors.
    width
        Channels of the finest layer.
    augment
        What is done against overfitting.
    adaptation
        Images in which ADA's probability may go from 0 to 1.
    auxiliary
        With classes: weight of what the judge reads of them in generated images; 0 for no reading.
    callbacks
        Called at every logging step.

    Returns
    -------
    torch.nn.Module
        The averaged generator, in evaluation mode.

    Raises
    ------
    ConfigError
        The images are not square, or a kind that knows no classes is told some.
    """
    if x.shape[2] != x.shape[3]:
        raise ConfigError(f"got images of {x.shape[2]} x {x.shape[3]}; expected squares. Try: crop or pad them.")
    classes = 0 if label is None else int(label.max()) + 1
    with play.stream("networks").seeded():
        pair = pair_of(kind, x.shape[1], x.shape[2], latent, width, classes)
        reader = None
        if classes and auxiliary:
            reader = Classifier(x.shape[1], (x.shape[2], x.shape[3]), classes, width=16, features=64)
    game = _game(kind, pair, reader, auxiliary, augment)
    adapt = [AdaptProbability(x[:256], play.batch_size, images=adaptation)] if augment == "ada" else []
    if adapt:  # the probability moves at logging steps: few of them would throw it from end to end
        play = replace(play, records=max(play.records, 50))
    data = {"x": x} | ({} if label is None else {"condition": label})
    return play.fit(game, data, callbacks=[*adapt, *callbacks]).averaged("generator").eval()


def _game(kind: Kind, pair: Pair, reader: Classifier | None, auxiliary: float, augment: Augmented) -> GAN:
    """The game of a pair of networks; with a ``reader`` the judge reads classes too."""
    gamma = Geometric(2.0, 0.5)
    rules: dict[str, Any] = {"penalties": (R1(gamma), R2(gamma))}
    if kind == "dcgan":  # as published: the original objective, and batch norm instead of penalties
        rules = {"penalties": (), "objective": NonSaturating()}
    if augment != "none":
        rules["augment"] = Augmentation(0.5 if augment == "diffaugment" else None, OPERATIONS)
    latent = Gaussian(pair.inputs)
    if reader is None:
        return GAN(pair.generator, pair.discriminator, latent, **rules)
    return AuxiliaryGAN(pair.generator, ReadingJudge(pair.discriminator, reader), latent, auxiliary=auxiliary, **rules)


@torch.no_grad()
def drawn_images(
    generator: nn.Module,
    n: int,
    latent: int,
    stream: Stream,
    *,
    label: "Int[Tensor, ' n'] | None" = None,
    truncation: float = 1.0,
) -> Float[Tensor, "k c h w"]:
    """Images of a trained generator.

    Parameters
    ----------
    generator
        From `trained_generator`.
    n
        How many.
    latent
        Length of the vectors that the generator takes.
    stream
        Source of the latent vectors.
    label
        Class of each image (n), for a conditional generator.
    truncation
        Factor on the latent vectors.

    Returns
    -------
    Tensor
        Images in [-1, 1] on the CPU.
    """
    device = next(generator.parameters()).device
    z = truncation * stream.at("latent").normal((n, latent))
    parts = []
    for start in range(0, n, 500):
        rows = slice(start, start + 500)
        condition = () if label is None else (label[rows].to(device),)
        parts.append(generator(z[rows].to(device), *condition).clamp(-1.0, 1.0).cpu())
    return torch.cat(parts)
