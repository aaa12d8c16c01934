"""Residual convolutional nets and resampling."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradgradcheck

from advsci.errors import ConfigError
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import ResidualBlock, ResidualDiscriminator, ResidualGenerator
from advsci.nn.resampling import downsample, upsample
from advsci.streams import Stream


@settings(max_examples=10, deadline=None)
@given(
    n=st.integers(1, 3),
    channels=st.integers(1, 3),
    stages=st.integers(1, 3),
    base=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    condition=st.sampled_from([0, 4]),
)
def test_images_of_any_size_and_channels(n, channels, stages, base, condition):
    widths = (8, 6, 4)[:stages]
    size = (base[0] * 2 ** (stages - 1), base[1] * 2 ** (stages - 1))
    generator = ResidualGenerator(5, channels, size, widths, groups=2, condition=condition)
    discriminator = ResidualDiscriminator(channels, size, widths[::-1], groups=2, condition=condition)
    c = (torch.randint(4, (n,)),) if condition else ()
    x = generator(torch.randn(n, 5), *c)
    assert x.shape == (n, channels, *size)
    assert discriminator(x, *c).shape == (n,)


@pytest.mark.parametrize("size", [28, 32, 64])
def test_the_whole_game_runs_on_the_meta_device(size):
    widths = (8, 8, 4) if size == 28 else (8, 8, 4, 4)
    with torch.device("meta"):
        game = GAN(ResidualGenerator(4, 1, size, widths), ResidualDiscriminator(1, size, widths[::-1]), Gaussian(4))
    batch = {"x": torch.empty(2, 1, size, size, device="meta")}
    draw = game.draw(batch, Stream(0))
    for player in game.players:
        game.loss(player, batch, draw).backward()


def test_blocks_start_as_the_identity_and_the_discriminator_as_a_linear_map():
    x, y = torch.randn(2, 3, 8, 8, 8, dtype=torch.double)
    torch.testing.assert_close(ResidualBlock(8, blocks=3).double()(x), x)
    net = ResidualDiscriminator(8, 8, (4, 6)).double()
    torch.testing.assert_close(net(2.0 * x - y), 2.0 * net(x) - net(y))


def test_a_new_generator_and_discriminator_are_of_unit_size():
    torch.manual_seed(0)
    x = ResidualGenerator(64, 3, 32)(torch.randn(256, 64))
    assert 0.2 < float(x.detach().std()) < 3.0


def test_resampling_is_exact_on_constants_and_ramps():
    ones = torch.ones(1, 1, 6, 4, dtype=torch.double)
    torch.testing.assert_close(upsample(ones), torch.ones(1, 1, 12, 8, dtype=torch.double))
    torch.testing.assert_close(downsample(ones), torch.ones(1, 1, 3, 2, dtype=torch.double))
    ramp = torch.arange(8.0, dtype=torch.double).expand(1, 1, 8, 8)
    fine = torch.arange(16.0, dtype=torch.double) / 2 - 0.25
    torch.testing.assert_close(upsample(ramp)[0, 0, 5, 1:-1], fine[1:-1])
    torch.testing.assert_close(downsample(ramp)[0, 0, 2, 1:-1], torch.tensor([2.5, 4.5], dtype=torch.double))


def test_resampling_filters_are_adjoint_away_from_the_border():
    coarse = torch.zeros(1, 1, 8, 8, dtype=torch.double)
    coarse[..., 3:5, 3:5] = torch.randn(2, 2, dtype=torch.double)
    fine = torch.randn(1, 1, 16, 16, dtype=torch.double)
    torch.testing.assert_close((upsample(coarse) * fine).sum(), 4.0 * (coarse * downsample(fine)).sum())


@pytest.mark.parametrize("layer", [upsample, downsample])
def test_resampling_differentiates_twice(layer):
    assert gradgradcheck(layer, torch.randn(1, 1, 4, 4, dtype=torch.double, requires_grad=True))


def test_errors_say_what_was_expected():
    with pytest.raises(ConfigError, match="divisible by 8"):
        ResidualGenerator(4, 1, 28)
    with pytest.raises(ConfigError, match="groups"):
        ResidualBlock(3, 1, groups=2)
