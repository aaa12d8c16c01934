"""The examples are what they say: digits inverted into textures, stains that can be undone, noise of a low dose."""

import torch

from advsci.streams import Stream
from advsci_images.data.examples import INKS, inked, stained
from advsci_images.data.low_dose import low_dose
from advsci_images.data.textured import textured, textures


def test_a_stroke_inverts_its_texture():
    digits = torch.zeros(3, 1, 16, 16)
    digits[:, :, 4:8] = 1.0
    made, patch = textured(digits, Stream(0)), textures(3, (16, 16), Stream(0))
    torch.testing.assert_close(made[:, :, :4], patch[:, :, :4])
    torch.testing.assert_close(made[:, :, 4:8], 1.0 - patch[:, :, 4:8])


def test_textures_have_the_spectrum_of_natural_images():
    patch = textures(200, (32, 32), Stream(0))
    assert 0.0 <= float(patch.min()) and float(patch.max()) <= 1.0
    window = torch.hann_window(32)[:, None] * torch.hann_window(32)
    power = torch.fft.rfft2((patch - patch.mean((2, 3), keepdim=True)) * window).abs().square().mean((0, 1))[:16, 0]
    k = torch.arange(2.0, 14.0)
    slope = torch.linalg.lstsq(torch.stack([k.log(), torch.ones(12)], 1), power[2:14].log()[:, None]).solution[0]
    assert -4.5 < float(slope) < -2.0  # amplitude exponents of 1 to 2 are powers of -2 to -4


def test_stains_keep_what_was_there():
    digits = torch.rand(5, 1, 16, 16) * 2 - 1
    channels = stained(digits)
    assert channels.shape == (5, 3, 16, 16)
    d = (channels[:, 0] + 1.0) / 1.8  # the first channel is linear in the blurred digit
    kernel = torch.outer(torch.tensor([1.0, 4, 1]), torch.tensor([1.0, 4, 1])) / 36
    wanted = torch.nn.functional.conv2d(digits, kernel[None, None], padding=1) / 2 + 0.5
    torch.testing.assert_close(d, wanted[:, 0], atol=1e-5, rtol=0)


def test_inks_colour_strokes_and_leave_the_ground_black():
    digits = torch.tensor([-1.0, 1.0]).reshape(1, 1, 1, 2).expand(len(INKS), 1, 4, 2)
    made = inked(digits, torch.arange(len(INKS)))
    assert bool((made[..., 0] == -1).all())
    assert made[:, :, 0, 1].argmax(1).tolist()[:3] == [0, 1, 2]


def test_noise_of_a_low_dose_is_unbiased_and_falls_with_the_root_of_the_photons():
    x = torch.zeros(40, 1, 16, 16) - 0.2
    errors = {n: low_dose(x, Stream(0), photons=n) - x for n in (1e5, 4e5)}
    assert abs(float(errors[1e5].mean())) < 0.1 * float(errors[1e5].std())
    assert 1.8 < float(errors[1e5].std() / errors[4e5].std()) < 2.2


def test_back_projection_undoes_projection():
    from advsci_images.data.low_dose import operators

    radon, inverse = operators(24, 60)
    grid = torch.arange(24.0) - 11.5
    blob = torch.exp(-(grid[:, None].square() + grid.square()) / 18.0)
    again = (radon @ blob.flatten()) @ inverse.T
    assert float((again.reshape(24, 24) - blob).abs().max()) < 0.12
