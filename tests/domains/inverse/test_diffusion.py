"""Guided diffusion on Gaussian images, whose denoiser and posterior are known."""

import pytest
import torch

from advsci.streams import Stream
from advsci_inverse.baselines import diffpir, dps
from advsci_inverse.baselines.diffusion import falling_levels
from advsci_inverse.operators import Inpainting

COUNT, SIGMA, SPREAD = 1000, 0.05, 0.5
SEEN = torch.zeros(2, 2)
SEEN[0] = 1.0
OPERATOR = Inpainting(SEEN)
VALUE = torch.tensor([0.4, -0.3])


def _denoise(x, level):
    """The exact posterior mean of white images of this spread."""
    s = level[:, None, None].square()
    return x * SPREAD**2 / (SPREAD**2 + s)


def _samples(way: str) -> torch.Tensor:
    y = OPERATOR(torch.cat([VALUE, torch.zeros(2)]).reshape(1, 2, 2).expand(COUNT, 2, 2))
    if way == "diffpir":
        return diffpir(OPERATOR, y, _denoise, SIGMA, Stream(0), steps=40)
    return dps(OPERATOR, y, _denoise, Stream(0), steps=100, weight=0.5)


@pytest.mark.parametrize("way", ["diffpir", "dps"])
def test_seen_pixels_are_explained_and_hidden_ones_follow_the_prior(way):
    x = _samples(way)
    torch.testing.assert_close(x.mean(0)[0], VALUE, rtol=0.0, atol=0.08)
    torch.testing.assert_close(x.mean(0)[1], torch.zeros(2), rtol=0.0, atol=0.05)
    assert float(x[:, 0].std(0).max()) < 0.25  # what is seen hardly varies
    hidden = x[:, 1].std(0)
    assert 0.5 * SPREAD < float(hidden.min()) and float(hidden.max()) < 1.3 * SPREAD
    again = _samples(way)
    torch.testing.assert_close(again, x)  # a pure function of the stream


def test_levels_fall_to_the_least():
    levels = falling_levels(10, 2.0, 0.01)
    assert levels[0] == pytest.approx(2.0) and levels[-1] == pytest.approx(0.01)
    assert all(a > b for a, b in zip(levels, levels[1:], strict=False))
