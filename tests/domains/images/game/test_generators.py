"""Networks whose sides double are framed and cropped to any side; growing computes no finer pixel than it trains."""

import pytest
import torch

from advsci.errors import ConfigError
from advsci.nn import EqualisedConv2d
from advsci.streams import Stream
from advsci_images.data.form import Form
from advsci_images.game.generators import doubled_side, framed, generator_of, progressive_widths
from advsci_images.game.training import Play
from advsci_images.store import load_generator, save_generator
from advsci_images.systems.generate import drawn_images, trained_generator


def test_growing_begins_with_coarse_stages_and_ends_at_the_full_side(monkeypatch):
    sides: list[int] = []
    forward = EqualisedConv2d.forward

    def watched(self, x):
        """Note the side of what a convolution of 3 x 3 works on."""
        if torch.is_grad_enabled() and self.weight.shape[2] == 3:
            sides.append(x.shape[2])
        return forward(self, x)

    monkeypatch.setattr(EqualisedConv2d, "forward", watched)
    x = torch.zeros(40, 1, 12, 12)
    net = trained_generator(x, Play(12, 8, device="cpu"), kind="progressive", latent=4, width=8)
    begin, whole = sides.index(8), sides.index(16)
    assert 0 < begin < whole and set(sides[:begin]) == {4} and set(sides) == {4, 8, 16}
    assert net(torch.zeros(2, 4)).shape == (2, 1, 12, 12)


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


@pytest.mark.parametrize("kind", ["dcgan", "progressive"])
def test_classes_are_refused_by_name(kind):
    with pytest.raises(ConfigError, match=f"3 classes for {kind}"):
        generator_of(kind, 1, 8, 4, 8, 3)
