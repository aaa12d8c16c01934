"""Examples that need no files: digits on textures, stained digits, digits in coloured inks, CT slices at low dose."""

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci_images.data.form import Form
from advsci_images.data.low_dose import low_dose
from advsci_images.data.stack import Stack, read_images
from advsci_images.data.textured import textured

__all__ = ["INKS", "PairedExample", "TexturedDigits", "inked", "paired_example", "stained", "textured_digits"]

INKS = ("red", "green", "blue", "yellow")
"""Names of the inks of `inked`."""

_COLOURS = torch.tensor([[1.0, -0.6, -0.6], [-0.7, 0.7, -0.5], [-0.6, -0.3, 1.0], [0.9, 0.8, -0.8]])


class PairedExample(NamedTuple):
    """Source and target images, row by row pairs: to learn from, and held out."""

    source: Stack
    target: Stack
    held_source: Stack
    held_target: Stack


class TexturedDigits(NamedTuple):
    """Grey digits with labels, other digits on textures without, and held-out ones on textures."""

    labelled: Stack
    target: Stack
    held: Stack


def held_out(name: str) -> Stack:
    """The test images of the registered set ``name``."""
    from advsci_datasets.images import load_images

    images = load_images(name)
    names = tuple(f"{i:05d}" for i in range(len(images.test)))
    labels = images.test_labels
    classes = () if labels is None else tuple(str(c) for c in range(int(labels.max()) + 1))
    return Stack(2.0 * images.test - 1.0, Form(".png", "uint8"), names, labels, classes)


def colour(stack: Stack, images: Tensor) -> Stack:
    """The stack with colour ``images`` (n 3 h w) in place of its own."""
    return replace(stack, images=images, form=replace(stack.form, layout="last"))


def textured_digits(limit: int = 9000, seed: int = 0) -> TexturedDigits:
    """Half of the embedded digits in grey with labels, the other half on coloured textures.

    Parameters
    ----------
    limit
        Most images of both halves together.
    seed
        Key of the textures.

    Returns
    -------
    TexturedDigits
        All in three channels; the target's labels are there to train the network that adaptation is measured against.
    """
    digits, test = read_images("digits")[:limit], held_out("digits")
    half, stream = len(digits) // 2, Stream(seed).at("textured digits")
    first, second = digits[:half], digits[half:]

    def on_textures(stack: Stack, name: str) -> Stack:
        """The images of ``stack`` on textures of their own, keyed by ``name``."""
        return colour(stack, 2.0 * textured(stack.images / 2.0 + 0.5, stream.at(name)) - 1.0)

    grey = colour(first, first.images.expand(-1, 3, -1, -1))
    return TexturedDigits(grey, on_textures(second, "target"), on_textures(test[:1000], "held"))


def stained(images: Tensor) -> Tensor:
    r"""Grey images (n 1 h w) as fluorescence in three channels: a blur by 3 x 3 pixels, then a curve for each channel.

    Both steps can be undone, so the truth of a way back is known.
    """
    kernel = torch.tensor([1.0, 4.0, 1.0])
    kernel = (kernel[:, None] * kernel[None, :]) / 36.0
    soft = torch.nn.functional.conv2d(images, kernel[None, None].to(images), padding=1)
    d = (soft + 1.0) / 2.0
    return 2.0 * torch.cat([0.9 * d, 0.6 * d.square(), d.sqrt() - 0.4 * d], 1) - 1.0


def inked(images: Tensor, ink: Tensor) -> Tensor:
    """Grey images (n 1 h w) in coloured inks on black: classes ``ink`` (n) name the colours of `INKS`."""
    d = (images + 1.0) / 2.0
    return d * _COLOURS[ink][:, :, None, None] - (1.0 - d)


def paired_example(name: str, limit: int = 9000, seed: int = 0) -> PairedExample:
    """Pairs of an example.

    Parameters
    ----------
    name
        ``"stained"``: digits to fluorescence in three channels. ``"low-dose"``: head CT at low dose to full dose,
        32 x 32 pixels; needs the registered set head-ct.
    limit
        Most training pairs.
    seed
        Key of the noise.

    Returns
    -------
    PairedExample
        Training and held-out pairs.

    Raises
    ------
    ConfigError
        There is no such example.
    """
    if name == "stained":
        train, test = read_images("digits")[:limit], held_out("digits")
        return PairedExample(train, colour(train, stained(train.images)), test, colour(test, stained(test.images)))
    if name == "low-dose":
        train, test = read_images("head-ct")[:limit], held_out("head-ct")
        full = [replace(part, images=torch.nn.functional.avg_pool2d(part.images, 2)) for part in (train, test)]
        stream = Stream(seed).at("low dose")
        low = [replace(part, images=low_dose(part.images, stream.at("part", i))) for i, part in enumerate(full)]
        return PairedExample(low[0], full[0], low[1], full[1])
    raise ConfigError(f"got the example {name!r}; expected stained or low-dose. Try: a folder for --data and --target.")
