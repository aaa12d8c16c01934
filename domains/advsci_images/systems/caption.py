"""Images from captions: readers of attributes, and the two stages that they help to train.

One reader alone is led astray by what the generator learns to show it; what several readers agree on, another one sees
too. The judges are R3GAN's (`advsci_images.systems.generate`), told the caption by projection.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy, interpolate

from advsci.games import Batch, Draw, Game
from advsci.games.game import require
from advsci.nn import Projection, StridedDiscriminator
from advsci.penalties import R1, R2, Lazy
from advsci.schedules import Geometric
from advsci.streams import Stream
from advsci_images.data.scenes import ATTRIBUTES, SIDE, WORDS, Scenes
from advsci_images.game.attngan import CaptionGAN, OtherCaption, Repainter
from advsci_images.game.generators import ConditionalStrided
from advsci_images.game.players import Classifier
from advsci_images.game.training import Play

__all__ = ["LATENT", "agreement", "painter_of_captions", "r_precision", "reader_of_attributes"]

LATENT = 32
"""Length of the noise vectors."""

WIDTH, HIDDEN = 24, 128
"""Channels of the finest layer of stage one, and the units in which the judges compare image and caption."""


class Reading(Game):
    """A reader of all attributes at once learns from real scenes.

    Parameters
    ----------
    reader
        Images to `WORDS` logits, one group per attribute.
    """

    def __init__(self, reader: nn.Module):
        super().__init__()
        self.reader = reader

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"reader": self.reader}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """No random numbers: the losses on ``batch`` need none of ``stream``."""
        return {}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Misfit of the captions of ``batch``; there is one ``player``, and ``draw`` is empty."""
        return {"match": misfit(self.reader(batch["x"]), batch["condition"]).mean()}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        require(batch, "condition", "Reading")
        self.terms("reader", batch, draw)


def misfit(logits: Float[Tensor, "n words"], marks: Float[Tensor, "n words"]) -> Float[Tensor, " n"]:
    """Cross-entropy of the attributes that ``logits`` read against the words in ``marks``, summed per image (n)."""
    sizes = [len(values) for values in ATTRIBUTES.values()]
    pairs = zip(logits.split(sizes, 1), marks.split(sizes, 1), strict=True)
    return torch.stack([cross_entropy(a, b, reduction="none") for a, b in pairs]).sum(0)


def reader_of_attributes(scenes: Scenes, play: Play, number: int = 0) -> Classifier:
    """Train a reader of count, colour, digit and place.

    Parameters
    ----------
    scenes
        Real scenes with their attributes.
    play
        Steps, rate, seed, device, folder.
    number
        Of the reader, where several learn from the same scenes: each begins with parameters of its own.

    Returns
    -------
    Classifier
        Images to `WORDS` logits, in evaluation mode and fixed.
    """
    with play.stream("reader").at("number", number).seeded():
        reader = Classifier(3, (SIDE, SIDE), WORDS, width=16, features=64, norm=False)
    training = play.fit(Reading(reader), {"x": scenes.images, "condition": scenes.marks}, ("reader",))
    return training.averaged("reader").eval().requires_grad_(False)  # type: ignore[return-value]


def painter_of_captions(
    scenes: Scenes,
    readers: Sequence[Classifier],
    play: Play,
    *,
    attention: bool = True,
    adversarial: float = 1.0,
) -> Repainter:
    """Train both stages, one after the other.

    Parameters
    ----------
    scenes
        Real scenes with their attributes.
    readers
        From `reader_of_attributes`, which teach together; judge the result by another one.
    play
        Steps of each stage, rate, seed, device, folder.
    attention
        Let stage two read single words.
    adversarial
        Weight of the judges; 0 leaves them out, and the readers alone teach.

    Returns
    -------
    Repainter
        Called as ``painter(z, marks)`` with z of length `LATENT`; in evaluation mode.
    """

    def matcher(x: Tensor, marks: Tensor) -> Tensor:
        """How badly images ``x`` of either stage fit the captions ``marks``, on average over the readers."""
        full = x if x.shape[2] == SIDE else interpolate(x, scale_factor=2, mode="bilinear")
        return torch.stack([misfit(reader(full), marks) for reader in readers]).mean(0)

    def trained(stage: str, network: nn.Module, judge: nn.Module, x: Tensor) -> nn.Module:
        """The averaged ``network`` after its ``stage`` against a ``judge`` of images ``x``."""
        gamma = Geometric(2.0, 0.5)
        penalties = (Lazy(R1(gamma), 4), Lazy(R2(gamma), 4), OtherCaption())
        game = CaptionGAN(network, judge, LATENT, matcher, penalties=penalties, adversarial=adversarial)
        return play.stage(stage).fit(game, {"x": x, "condition": scenes.marks}).averaged("generator").eval()

    half = SIDE // 2
    with play.stream("networks").seeded():
        first = ConditionalStrided(LATENT, 3, half, (2 * WIDTH, WIDTH), WORDS)
        judges = [_judge(half, (WIDTH // 2, 2 * WIDTH)), _judge(SIDE, (WIDTH // 2, WIDTH, 2 * WIDTH))]
    coarse = trained("coarse", first, judges[0], avg_pool2d(scenes.images, 2))
    with play.stream("second").seeded():
        second = Repainter(coarse, WORDS, attention=attention)
    return trained("fine", second, judges[1], scenes.images)  # type: ignore[return-value]


def _judge(side: int, widths: tuple[int, ...]) -> Projection:
    """A judge of images of ``side`` pixels and their captions, which sees the whole image: places are told too."""
    return Projection(StridedDiscriminator(3, side, widths, HIDDEN).layers[:-1], HIDDEN, WORDS)


@torch.no_grad()
def agreement(
    reader: Classifier, x: Float[Tensor, "n c h w"], attributes: Int[Tensor, "n 4"]
) -> dict[str, Float[Tensor, ""]]:
    """Share of images in which a reader finds what the caption says, per attribute and ``all`` at once.

    Parameters
    ----------
    reader
        One that took no part in the training.
    x
        Images in [-1, 1].
    attributes
        What their captions say.

    Returns
    -------
    dict
        Attribute -> share.
    """
    sizes = [len(values) for values in ATTRIBUTES.values()]
    read = torch.stack([part.argmax(1) for part in reader(x).split(sizes, 1)], 1)
    right = read == attributes
    shares = {name: right[:, i].float().mean() for i, name in enumerate(ATTRIBUTES)}
    return shares | {"all": right.all(1).float().mean()}


@torch.no_grad()
def r_precision(
    reader: Classifier,
    x: Float[Tensor, "n c h w"],
    marks: Float[Tensor, "n words"],
    stream: Stream,
    others: int = 99,
) -> Float[Tensor, ""]:
    """Share of images whose own caption fits best among ``others`` random captions (AttnGAN, section 4).

    Parameters
    ----------
    reader
        One that took no part in the training.
    x, marks
        Images and the marked words of their captions.
    stream
        Source of the other captions.
    others
        How many.

    Returns
    -------
    Tensor
        Ties with an equal caption count as right.
    """
    logits = reader(x)
    own = misfit(logits, marks)
    best = torch.full_like(own, torch.inf)
    for i in range(others):
        best = torch.minimum(best, misfit(logits, marks[stream.at("other", i).permutation(len(marks))]))
    return (own <= best).float().mean()
