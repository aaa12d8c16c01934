"""Directions of attributes in the styles of a generator, judged by a reader that took no part."""

from collections.abc import Sequence

import torch
from _images_found import Found
from _images_reader import reader
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from advsci.streams import Stream
from advsci_images.data.scenes import Scenes, scenes
from advsci_images.game.training import Play
from advsci_images.systems.directions import attribute_directions, changes, moved
from advsci_images.systems.generate import trained_generator
from advsci_images.systems.paths import changed

NAMES = ("two digits", "warm ink", "right side")
LATENT = 32


class Binary(nn.Module):
    """Three readers of one yes or no each: positive scores where an image has the attribute."""

    def __init__(self, of: Scenes, share: float):
        super().__init__()
        x = avg_pool2d(of.images, 2)
        self.readers = nn.ModuleList(reader(x, marks, share, norm=False) for marks in binary(of).T)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (n 3) of images ``x``."""
        return torch.stack([logits[:, 1] - logits[:, 0] for logits in (read(x) for read in self.readers)], 1)


def binary(of: Scenes) -> Tensor:
    """Yes or no of the three attributes, (n 3)."""
    count, colour, _, place = of.attributes.T
    return torch.stack([count == 1, (colour == 0) | (colour == 3), place == 1], 1).long()


def direction_rows(seeds: Sequence[int], share: float) -> None:
    """Scenes of 16 x 16 pixels: a straight move of 3 deviations along each attribute, and a path."""
    found = Found("style directions")
    learn, other = (scenes(3000, Stream(0).at(name)) for name in ("scenes", "other scenes"))
    own, judge = Binary(learn, share), Binary(other, share)
    held = scenes(500, Stream(9).at("held"), held=True)
    with torch.no_grad():
        right = (judge(avg_pool2d(held.images, 2)) > 0).long() == binary(held)
    found.add("the judge on real scenes", float(right.float().mean()))
    for seed in seeds:
        play = Play(max(2, int(share * 1500)), 32, 2e-3, seed, "cpu")
        network = trained_generator(avg_pool2d(learn.images, 2), play, kind="style", latent=LATENT, width=16)
        directions = attribute_directions(network, own, Stream(seed).at("fit"))  # type: ignore[arg-type]
        z, styles = Stream(seed).at("held").normal((1000, LATENT)), Stream(seed).at("styles")
        with torch.no_grad():
            before = judge(moved(network, z, directions.along[0], 0.0))  # type: ignore[arg-type]
        for a, name in enumerate(NAMES):
            ways = {
                "straight": moved(network, z, directions.along[a], 3.0),  # type: ignore[arg-type]
                "path": changed(network, z, own, a, styles, start=3.0 * directions.along[a]),  # type: ignore[arg-type]
            }
            for way, images in ways.items():
                with torch.no_grad():
                    got, others = changes(before, judge(images), a)
                found.add(f"attribute changed, {way}, {name}", float(got))
                found.add(f"others changed, {way}, {name}", float(others))
    targets = {f"attribute changed, path, {name}": (0.9, "higher") for name in NAMES}
    found.print(targets | {f"others changed, path, {name}": (0.1, "lower") for name in NAMES}, lower=("others",))
