"""Scenes show what their captions say, and captions are read back."""

import pytest
import torch

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_images.data.scenes import ATTRIBUTES, WORDS, caption, parsed, scenes


def test_captions_are_read_back():
    for attributes in torch.cartesian_prod(*(torch.arange(len(v)) for v in ATTRIBUTES.values())):
        assert parsed(caption(attributes)).tolist() == attributes.tolist()


@pytest.mark.parametrize(("text", "word"), [("two pink sevens left", "pink"), ("seven", "1 words"), ("", "0 words")])
def test_unknown_words_are_named(text, word):
    with pytest.raises(DataError, match=word):
        parsed(text)


def test_scenes_show_place_count_and_colour():
    made = scenes(60, Stream(0), held=True)
    assert made.images.shape == (60, 3, 32, 32) and made.marks.shape == (60, WORDS)
    assert bool((made.marks.sum(1) == len(ATTRIBUTES)).all())
    ink = (made.images + 1.0).sum(1)
    side = ink[:, :, 16:].sum((1, 2)) > ink[:, :, :16].sum((1, 2))
    assert bool((side.long() == made.attributes[:, 3]).all())
    middle = ink[:, 15:17].sum((1, 2)) > 0
    assert bool((~middle[made.attributes[:, 0] == 1]).all())  # two digits leave the middle free
    red = made.attributes[:, 1] == 0
    strongest = made.images.amax((2, 3)).argmax(1)
    assert bool((strongest[red] == 0).all())
