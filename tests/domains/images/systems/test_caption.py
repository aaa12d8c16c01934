"""A painter of captions paints what they say, and its judge is told which caption is another image's."""

import math

import pytest
import torch

from advsci.penalties.scores import Scores
from advsci.streams import Stream
from advsci_images.data.scenes import ATTRIBUTES, WORDS, scenes
from advsci_images.game.attngan import OtherCaption
from advsci_images.game.training import Play
from advsci_images.systems.caption import LATENT, agreement, painter_of_captions, reader_of_attributes


def test_another_reader_finds_what_the_caption_says():
    learn, other, held = (scenes(n, Stream(k)) for k, n in enumerate((600, 600, 200)))
    play = Play(60, 16, 5e-3, device="cpu")
    readers = [reader_of_attributes(learn, play, i) for i in range(2)]
    painter = painter_of_captions(learn, readers, play)
    with torch.no_grad():
        made = painter(Stream(5).normal((200, LATENT)), held.marks)
    assert made.shape == held.images.shape
    found = agreement(reader_of_attributes(other, play, 7), made, held.attributes)
    assert min(float(found[name]) for name in ("count", "colour", "place")) > 0.8, found


def test_readers_of_other_numbers_begin_with_other_parameters():
    learn = scenes(16, Stream(0))
    first, second = (reader_of_attributes(learn, Play(1, 8, 1e-9, device="cpu"), i).head.weight for i in range(2))
    assert float((first - second).abs().max()) > 0.01


class Colour(torch.nn.Module):
    """Judges whether the colour of an image is its caption's."""

    def forward(self, x, marks):
        """Logits of images ``x`` under their captions ``marks``."""
        red = x.mean((2, 3))[:, 0]
        return red * (2.0 * marks[:, len(ATTRIBUTES["count"])] - 1.0)


def test_a_judge_of_captions_pays_for_the_neighbours_caption():
    x, marks = torch.zeros(4, 3, 8, 8), torch.zeros(4, WORDS)
    x[:, 0] = torch.tensor([5.0, -5.0, 5.0, -5.0])[:, None, None]
    marks[::2, len(ATTRIBUTES["count"])] = 1.0  # every second scene is red, so each neighbour's caption is wrong
    penalty, none = OtherCaption(), torch.zeros(())
    knows = penalty(Scores(Colour(), x, x, marks, together=False), none)
    assert float(knows) == pytest.approx(math.log1p(math.exp(-10.0)), rel=1e-3)
    wrong = penalty(Scores(Colour(), x, x, 1.0 - marks, together=False), none)
    assert float(wrong) == pytest.approx(10.0, rel=1e-3)
