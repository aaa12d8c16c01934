"""Scenes that a caption describes in full: how many digits, of which colour and kind, on which side."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_images.data.examples import held_out
from advsci_images.data.stack import read_images

__all__ = ["ATTRIBUTES", "SIDE", "Scenes", "WORDS", "caption", "parsed", "scenes"]

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "count": ("one", "two"),
    "colour": ("red", "green", "blue", "yellow"),
    "digit": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "place": ("left", "right"),
}
"""What a caption says, in this order, and the words for it."""

WORDS = sum(len(values) for values in ATTRIBUTES.values())
"""Length of the vector that marks the words of a caption."""

SIDE = 32
"""Side of the scenes [pixels]."""

_COLOURS = torch.tensor([[1.0, 0.2, 0.2], [0.2, 1.0, 0.3], [0.3, 0.4, 1.0], [1.0, 0.9, 0.1]])


class Scenes(NamedTuple):
    """Colour images in [-1, 1] (n 3 32 32), and the number of each attribute's word (n 4)."""

    images: Float[Tensor, "n 3 h w"]
    attributes: Int[Tensor, "n 4"]

    @property
    def marks(self) -> Float[Tensor, "n words"]:
        """1 at each word of the caption, 0 elsewhere (n `WORDS`)."""
        return marked(self.attributes)


def marked(attributes: Int[Tensor, "n 4"]) -> Float[Tensor, "n words"]:
    """The words of ``attributes`` as vectors of zeros and ones."""
    sizes = [len(values) for values in ATTRIBUTES.values()]
    parts = [torch.nn.functional.one_hot(a, size) for a, size in zip(attributes.T, sizes, strict=True)]
    return torch.cat(parts, 1).float()


def caption(attributes: Int[Tensor, " 4"]) -> str:
    """The words of one scene's ``attributes``.

    Examples
    --------
    >>> caption(torch.tensor([1, 0, 7, 0]))
    'two red sevens left'
    """
    count, colour, digit, place = (values[int(a)] for values, a in zip(ATTRIBUTES.values(), attributes, strict=True))
    plural = "" if count == "one" else "es" if digit == "six" else "s"
    return f"{count} {colour} {digit}{plural} {place}"


def parsed(text: str) -> Int[Tensor, " 4"]:
    """The attributes of a caption.

    Parameters
    ----------
    text
        Count, colour, digit, place; plurals are understood.

    Returns
    -------
    Tensor
        The number of each attribute's word (4).

    Raises
    ------
    DataError
        A word is missing or unknown.

    Examples
    --------
    >>> parsed("two red sevens left").tolist()
    [1, 0, 7, 0]
    """
    words = text.lower().split()
    if len(words) != len(ATTRIBUTES):
        raise DataError(
            f"got the caption {text!r} of {len(words)} words; expected count, colour, digit, place. "
            "Try: 'two red sevens left'."
        )
    numbers = []
    for word, (name, values) in zip(words, ATTRIBUTES.items(), strict=True):
        forms = (word, word.removesuffix("s"), word.removesuffix("es"))
        found = next((values.index(form) for form in forms if form in values), None)
        if found is None:
            raise DataError(
                f"got {word!r} in the caption {text!r}; expected a {name}: {', '.join(values)}. "
                "Try: 'two red sevens left'."
            )
        numbers.append(found)
    return torch.tensor(numbers)


def scenes(n: int, stream: Stream, *, held: bool = False) -> Scenes:
    """Random scenes of real digits.

    Parameters
    ----------
    n
        How many.
    stream
        Source of the attributes and of the choice of digits.
    held
        Take held-out digits.

    Returns
    -------
    Scenes
        Attributes are independent and uniform.
    """
    digits = held_out("digits") if held else read_images("digits")
    labels = digits.require_labels("digits")
    small = torch.nn.functional.avg_pool2d(digits.images, 2) / 2.0 + 0.5  # 14 x 14 in [0, 1]
    columns = [stream.at(k).integers(len(v), (n,)) for k, v in ATTRIBUTES.items()]
    attributes = torch.stack(columns, 1)
    of = [(labels == c).nonzero().flatten() for c in range(10)]
    grey = torch.zeros(n, SIDE, SIDE)
    for turn in range(2):
        pick = stream.at("pick", turn).uniform((n,))
        for i in range(n):
            count, _, digit, place = attributes[i].tolist()
            if turn > count:
                continue
            row = 9 if count == 0 else 1 + 16 * turn
            column = 1 + 16 * place
            rows = of[digit]
            grey[i, row : row + 14, column : column + 14] = small[rows[int(pick[i] * len(rows))], 0]
    colours = _COLOURS[attributes[:, 1]][:, :, None, None]
    return Scenes(2.0 * grey[:, None] * colours - 1.0, attributes)
