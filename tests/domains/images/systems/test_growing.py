"""Growing goes on where the resolution below ended, computes nothing finer, and ends at the full size."""

import pytest
import torch
from torch.nn.functional import avg_pool2d, interpolate

from advsci.errors import ConfigError
from advsci.nn import ProgressiveGenerator
from advsci.streams import Stream
from advsci_images.data.form import Form
from advsci_images.game.generators import doubled_side, framed, generator_of, pair_of, progressive_widths
from advsci_images.game.training import Play
from advsci_images.store import load_generator, save_generator
from advsci_images.systems.generate import drawn_images, trained_generator
from advsci_images.systems.growing import grow, stage_names


def test_a_new_stage_begins_as_the_resolution_below():
    z, x = Stream(0).normal((6, 5)), Stream(1).normal((6, 1, 16, 16))
    below = grow(None, 5, 1, (8, 8))
    for network in below:
        network.growth.progress.fill_(1.0)
    above = grow(below, 5, 1, (8, 8, 4))
    torch.testing.assert_close(above[0](z), interpolate(below[0](z), scale_factor=2.0))
    torch.testing.assert_close(above[1](x), below[1](avg_pool2d(x, 2)))
    for network in above:
        network.growth.progress.fill_(0.5)
    assert float((above[0](z) - interpolate(below[0](z), scale_factor=2.0)).abs().max()) > 1e-3


def test_coarse_trainings_compute_no_finer_pixel(monkeypatch):
    sides = []
    forward = ProgressiveGenerator.forward

    def watched(self, z):
        """Note the side of what is made."""
        images = forward(self, z)
        sides.append(images.shape[2])
        return images

    monkeypatch.setattr(ProgressiveGenerator, "forward", watched)
    x = torch.zeros(40, 1, 12, 12)
    net = trained_generator(x, Play(12, 8, device="cpu"), kind="progressive", latent=4, width=8)
    assert sides == sorted(sides) and set(sides) == {4, 8, 16}
    assert sides.count(4) == sides.count(8) < sides.count(16)
    assert net(torch.zeros(2, 4)).shape == (2, 1, 12, 12)
    assert stage_names(12) == ["side-4", "side-8", "side-16"]


@pytest.mark.parametrize(("kind", "steps", "rate", "width"), [("progressive", 200, 5e-3, 8), ("dcgan", 250, 2e-3, 16)])
def test_what_is_learnt_is_where_the_data_are(kind, steps, rate, width, tmp_path):
    upper = Stream(0).at("half").uniform((300,)) < 0.5
    x = -0.9 * torch.ones(300, 1, 8, 8)
    x[upper, :, 1:4, 2:6] = 0.9
    x[~upper, :, 5:8, 2:6] = 0.9
    net = trained_generator(x, Play(steps, 16, rate, device="cpu"), kind=kind, latent=8, width=width)
    made = drawn_images(net, 200, 8, Stream(1))
    top, bottom = made[:, 0, 1:4, 2:6].mean((1, 2)), made[:, 0, 5:8, 2:6].mean((1, 2))
    one = ((top > 0) != (bottom > 0)).float().mean()
    # neither half of a mean image is bright: it would score 0
    assert float(one) > 0.5 and 0.15 < float((top > bottom).float().mean()) < 0.85
    built = {"kind": kind, "channels": 1, "size": 8, "latent": 8, "width": width}
    save_generator(tmp_path / "g.safetensors", net, built, Form(".png", "uint8"))
    again, _, _ = load_generator(tmp_path / "g.safetensors")
    torch.testing.assert_close(drawn_images(again, 5, 8, Stream(1)), made[:5])


def test_sides_and_frames():
    assert [doubled_side(n) for n in (8, 12, 16, 28, 32, 36)] == [8, 16, 16, 32, 32, 64]
    assert progressive_widths(32, 16) == (32, 32, 16, 8)
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    wide = framed(x, 8)
    assert bool((wide[:, :, 2:6, 2:6] == x).all()) and float(wide[0, 0, 0, 0]) == 0 and float(wide[0, 0, 7, 7]) == 15


def test_what_these_networks_cannot_do_is_named():
    with pytest.raises(ConfigError, match="networks style"):
        trained_generator(torch.zeros(4, 1, 8, 8), Play(1), kind="progressive", augment="ada")
    with pytest.raises(ConfigError, match="3 classes for dcgan"):
        generator_of("dcgan", 1, 8, 4, 8, 3)
    with pytest.raises(ConfigError, match="grown_generator"):
        pair_of("progressive", 1, 8, 4, 8)
