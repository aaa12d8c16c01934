"""Enlargement: least squares beats bicubic in pixels, the adversary is sharper, networks blend between the two."""

import torch

from advsci_images.data.examples import held_out
from advsci_images.evaluation.scores import psnr, sharpness
from advsci_images.game.training import Play
from advsci_images.systems.translate import translated
from advsci_images.systems.upscale import bicubic, blended, enlarger, shrunk

DIGITS = torch.nn.functional.avg_pool2d(held_out("digits").images[:400], 2)[:, :, 1:13, 1:13]


def test_least_squares_is_nearer_and_the_adversary_is_sharper():
    x, held = DIGITS[:320], DIGITS[320:]
    small = shrunk(held, 4)
    squares = enlarger(x, 4, Play(200, 32, 3e-3, device="cpu"), adversarial=0.0, perceptual=0.0)
    sharp = enlarger(x, 4, Play(150, 32, 2e-3, device="cpu"), adversarial=0.3, pixels=3.0, start=squares)
    a, b, c = (f for f in (bicubic(small, 4), translated(squares, small), translated(sharp, small)))
    assert float(psnr(b, held).mean()) > float(psnr(a, held).mean()) + 1.0
    truth = float(sharpness(held))
    assert abs(float(sharpness(c)) - truth) < abs(float(sharpness(b)) - truth)


def test_blends_end_at_their_networks():
    x = DIGITS[:64]
    first = enlarger(x, 2, Play(2, 8, device="cpu"), adversarial=0.0)
    second = enlarger(x, 2, Play(2, 8, device="cpu"), adversarial=0.5, start=first)
    small = shrunk(x[:4], 2)
    torch.testing.assert_close(translated(blended(first, second, 0.0), small), translated(first, small))
    torch.testing.assert_close(translated(blended(first, second, 1.0), small), translated(second, small))


def test_shrinking_undoes_nothing_but_detail():
    flat = torch.full((2, 1, 8, 8), 0.3)
    torch.testing.assert_close(bicubic(shrunk(flat, 4), 4), flat)
