"""Images from captions: what an independent reader finds in them."""

from collections.abc import Sequence

import torch
from _images_found import Found

from advsci.metrics import kid
from advsci.streams import Stream
from advsci_images.data.scenes import Scenes, scenes
from advsci_images.game.training import Play
from advsci_images.systems.caption import (
    LATENT,
    agreement,
    painter_of_captions,
    r_precision,
    reader_of_attributes,
)


def caption_rows(seeds: Sequence[int], share: float) -> None:
    """Captions of count, colour, digit and place, painted with and without the judges."""
    found = Found("captions")
    held = scenes(1000, Stream(9).at("held"), held=True)
    learn, other = (scenes(max(500, int(9000 * share)), Stream(0).at(name)) for name in ("scenes", "other scenes"))
    reading = max(2, int(share * 1200))
    judge = reader_of_attributes(other, Play(reading, 32, 2e-3, 900, "cpu"))
    with torch.no_grad():
        real = judge.features(held.images).double()

    def score(name: str, x: torch.Tensor, captions: Scenes) -> None:
        """Keep what the judge reads, and how far the images are from real ones."""
        for attribute, value in agreement(judge, x, captions.attributes).items():
            found.add(f"{attribute} right, {name}", float(value))
        found.add(f"R-precision, {name}", float(r_precision(judge, x, captions.marks, Stream(0).at("others"))))
        with torch.no_grad():
            found.add(f"KID, {name}", float(kid(real, judge.features(x).double()).value))

    again = scenes(1000, Stream(9).at("again"), held=True)
    score("other real scenes, held out", again.images, again)
    for seed in seeds:
        readers = [reader_of_attributes(learn, Play(reading, 32, 2e-3, seed, "cpu"), i) for i in range(2)]
        play = Play(max(2, int(share * 1500)), 32, 2e-3, seed, "cpu")
        for name, weight in (("with the judges", 1.0), ("adversary off", 0.0)):
            painter = painter_of_captions(learn, readers, play, adversarial=weight)
            with torch.no_grad():
                made = painter(Stream(seed).at("painted").normal((1000, LATENT)), held.marks)
            score(name, made, held)
    found.print({"all right, with the judges": (0.9, "higher")}, lower=("KID",))
