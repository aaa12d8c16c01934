"""Strided nets: sizes, scales at the start, independence of a batch's samples."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from advsci.errors import ConfigError
from advsci.nn import StridedDiscriminator, StridedGenerator, group_norm, layer_norm, no_norm


@settings(max_examples=10, deadline=None)
@given(n=st.integers(1, 3), channels=st.integers(1, 3), halvings=st.integers(1, 3), base=st.integers(1, 5))
def test_images_of_any_size_and_channels(n, channels, halvings, base):
    widths, size = (6, 5, 4)[:halvings], base * 2**halvings
    x = StridedGenerator(3, channels, size, widths)(torch.randn(n, 3))
    assert x.shape == (n, channels, size, size) and x.abs().max() < 1.0
    assert StridedDiscriminator(channels, size, widths, hidden=7)(x).shape == (n,)


def test_signals_keep_their_size_at_the_start():
    torch.manual_seed(0)
    generator, discriminator = StridedGenerator(64, 3, 32, (128, 64, 32)), StridedDiscriminator(3, 32, (32, 64, 128))
    spread = torch.atanh(generator(torch.randn(200, 64)).double()).std()
    assert 0.1 < float(spread) < 0.6  # a linear range of tanh
    assert 0.3 < float(discriminator(torch.randn(200, 3, 32, 32)).std()) < 3.0


@pytest.mark.parametrize("norm", [no_norm, layer_norm])
def test_samples_do_not_see_each_other(norm):
    generator = StridedGenerator(4, 1, 8, (6, 5), norm=norm)
    discriminator = StridedDiscriminator(1, 8, (5, 6), hidden=7)
    z = torch.randn(5, 4)
    alone = torch.cat([discriminator(generator(one[None])) for one in z])
    torch.testing.assert_close(discriminator(generator(z)), alone)


def test_a_norm_makes_the_images_independent_of_the_size_of_the_hidden_signals():
    generator = StridedGenerator(4, 1, 8, (8, 16), norm=group_norm(4))
    z = torch.randn(3, 4)
    before = generator(z)
    with torch.no_grad():
        generator.layers[0].weight.mul_(100.0)
    torch.testing.assert_close(generator(z), before, rtol=1e-3, atol=1e-3)


def test_sizes_that_do_not_halve_are_refused():
    with pytest.raises(ConfigError, match="divisible by 8"):
        StridedGenerator(4, 1, 28, (8, 8, 8))
    with pytest.raises(ConfigError, match="divisible by 4"):
        StridedDiscriminator(1, 30, (8, 8))


def test_groups_share_the_latent_vector_and_the_hidden_units_alone():
    torch.manual_seed(0)
    generator = StridedGenerator(4, 3, 8, (12, 6), norm=group_norm(6), groups=3).double()
    units = generator.layers[:2](torch.randn(2, 4, dtype=torch.float64)).detach().requires_grad_()
    for channel in range(3):
        (gradient,) = torch.autograd.grad(generator.layers[2:](units)[:, channel].sum(), units)
        touched = gradient.abs().sum((0, 2, 3)).reshape(3, 4).sum(1) > 0
        assert touched.tolist() == [k == channel for k in range(3)]
    discriminator = StridedDiscriminator(3, 8, (6, 12), hidden=7, groups=3).double()
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    other = x.clone()
    other[:, 1] += 1.0
    found, moved = discriminator.layers[:4](x), discriminator.layers[:4](other)
    assert (found != moved).flatten(2).any(2).tolist() == [[4 <= c < 8 for c in range(12)]] * 2
    assert not torch.equal(discriminator(x), discriminator(other))


def test_signals_keep_their_size_in_groups():
    torch.manual_seed(0)
    discriminator = StridedDiscriminator(3, 32, (33, 66), groups=3)
    assert 0.3 < float(discriminator(torch.randn(200, 3, 32, 32)).std()) < 3.0


def test_groups_that_do_not_divide_are_refused():
    with pytest.raises(ConfigError, match="divisor"):
        StridedGenerator(4, 3, 8, (8, 6), groups=3)
    with pytest.raises(ConfigError, match="divisor"):
        StridedDiscriminator(2, 8, (6, 6), groups=3)
