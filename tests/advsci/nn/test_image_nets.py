"""DCGAN, progressive growing and the style-based generator."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import conv2d
from torch.utils.flop_counter import FlopCounterMode

from advsci.errors import ConfigError
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import (
    AdaIN,
    DCGANDiscriminator,
    DCGANGenerator,
    Growth,
    ModulatedConv2d,
    ProgressiveDiscriminator,
    ProgressiveGenerator,
    ResidualDiscriminator,
    StyleGenerator,
    layer_norm,
)
from advsci.solvers import Simultaneous
from advsci.streams import Stream
from advsci.training import Trainer

DOUBLE = torch.double


@pytest.mark.parametrize("size", [8, 16, 32, 64])
def test_dcgan_doubles_with_stride_2_up_to_its_size(size):
    generator, discriminator = DCGANGenerator(10, 2, size, 2), DCGANDiscriminator(2, size, 2, norm=layer_norm)
    x = generator(torch.randn(3, 10))
    assert x.shape == (3, 2, size, size)
    assert float(x.detach().abs().max()) < 1.0
    assert discriminator(x).shape == (3,)
    strides = [m.stride for m in generator.modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    assert strides == [(1, 1)] + [(2, 2)] * (size // 8).bit_length()


def test_dcgan_at_64_has_the_published_number_of_parameters():
    # widths 1024-512-256-128 with latent 100: 4 x 4 kernels, batch norm, a bias at the image only
    widths = [100, 1024, 512, 256, 128]
    expected = sum(a * b * 16 + 2 * b for a, b in zip(widths, widths[1:], strict=False)) + 128 * 3 * 16 + 3
    with torch.device("meta"):
        assert sum(p.numel() for p in DCGANGenerator(width=128).parameters()) == expected


def test_dcgan_refuses_other_sizes():
    with pytest.raises(ConfigError, match="8, 16, 32"):
        DCGANGenerator(size=28)


@settings(max_examples=8, deadline=None)
@given(n=st.integers(2, 4), stages=st.integers(1, 3), channels=st.integers(1, 2), progress=st.floats(0, 1))
def test_progressive_nets_have_their_shapes_at_any_growth(n, stages, channels, progress):
    widths = (6, 5, 4)[:stages]
    generator = ProgressiveGenerator(3, channels, widths)
    discriminator = ProgressiveDiscriminator(channels, widths[::-1])
    for net in (generator, discriminator):
        net.growth.progress.fill_(progress)
    x = generator(torch.randn(n, 3))
    assert x.shape == (n, channels, 4 * 2 ** (stages - 1), 4 * 2 ** (stages - 1))
    assert discriminator(x).shape == (n,)


def test_growth_starts_coarse_and_ends_full():
    growth = Growth(3, until=0.6)
    expected = {0.0: [1.0, 0.0, 0.0], 0.25: [1.0, 0.5, 0.0], 0.3: [1.0, 1.0, 0.0], 0.6: [1.0, 1.0, 1.0], 1.0: [1.0] * 3}
    for progress, weights in expected.items():
        growth.progress.fill_(progress)
        torch.testing.assert_close(growth(), torch.tensor(weights))


def test_a_coarse_stage_makes_enlarged_images_and_judges_only_their_means():
    generator, discriminator = ProgressiveGenerator(3, 1, (6, 5)), ProgressiveDiscriminator(1, (5, 6))
    x = generator(torch.randn(2, 3)).detach()
    blocks = x.reshape(2, 4, 2, 4, 2)
    torch.testing.assert_close(blocks, blocks[:, :, :1, :, :1].expand_as(blocks))
    ripple = torch.tensor([1.0, -1.0]).repeat(4) * torch.ones(8, 8)
    torch.testing.assert_close(discriminator(x), discriminator(x + ripple))


@pytest.mark.parametrize("progress", [0.0, 0.15, 0.2, 0.25, 0.39, 0.4, 0.45, 0.6, 1.0])
def test_stages_that_are_not_in_are_left_out_and_nothing_changes(progress):
    """Values and gradients to the last bit; at the start less than a tenth of the operations."""
    torch.manual_seed(0)
    generator, discriminator = ProgressiveGenerator(3, 1, (6, 5, 4)), ProgressiveDiscriminator(1, (4, 5, 6))
    z, nets, found = torch.randn(4, 3), (generator, discriminator), []
    for told in (None, progress):
        for net in nets:
            net.growth.progress.fill_(progress)
            net.growth.keep_time(told)
        with FlopCounterMode(display=False) as counted:
            x = generator(z)
            logits = discriminator(x)
            gradients = torch.autograd.grad(
                logits.square().sum(), [p for net in nets for p in net.parameters()], materialize_grads=True
            )
        found.append((x, logits, *gradients, counted.get_total_flops()))
    for a, b in zip(*found, strict=True):
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else b <= a
    if progress == 0.0:
        assert found[1][-1] < 0.1 * found[0][-1]
    generator.eval().growth.progress.fill_(1.0)  # whoever looks on sees all stages
    assert generator.growth.computed == 3


def test_a_training_that_grows_is_the_same_with_all_stages_computed(monkeypatch):
    def play():
        torch.manual_seed(0)
        nets = ProgressiveGenerator(3, 1, (6, 5)), ProgressiveDiscriminator(1, (5, 6))
        game = GAN(*nets, Gaussian(3))
        Trainer(6, 4, quiet=True, device="cpu").fit(game, Stream(0).normal((8, 1, 8, 8)), Simultaneous(sgd))
        assert nets[0].growth.computed == 2
        return torch.cat([p.detach().reshape(-1) for p in game.parameters()])

    sgd = partial(torch.optim.SGD, lr=0.1)
    grown = play()
    monkeypatch.setattr(Growth, "keep_time", lambda self, progress: None)
    assert torch.equal(play(), grown)


def test_adain_sets_mean_and_standard_deviation():
    layer = AdaIN(3, 4).to(DOUBLE)
    w = torch.randn(2, 4, dtype=DOUBLE)
    y = layer(7.0 + 3.0 * torch.randn(2, 3, 8, 8, dtype=DOUBLE), w)
    scale, shift = layer.affine(w).chunk(2, dim=1)
    torch.testing.assert_close(y.mean((2, 3)), shift)
    torch.testing.assert_close(y.std((2, 3), unbiased=False), (1.0 + scale).abs())


@pytest.mark.parametrize("demodulate", [True, False])
def test_modulated_convolution_equals_one_convolution_a_sample(demodulate):
    layer = ModulatedConv2d(3, 5, 4, demodulate=demodulate).to(DOUBLE)
    x, w = torch.randn(2, 3, 6, 6, dtype=DOUBLE), torch.randn(2, 4, dtype=DOUBLE)
    for i, style in enumerate(layer.affine(w)):
        weight = layer.weight * layer.weight[0].numel() ** -0.5 * style[:, None, None]
        if demodulate:
            weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        torch.testing.assert_close(layer(x, w)[i], conv2d(x[i : i + 1], weight, layer.bias, padding=1)[0])


@pytest.mark.parametrize("modulation", ["weight", "adain"])
def test_style_mixing_takes_coarse_layers_from_one_vector_and_fine_ones_from_the_other(modulation):
    generator = StyleGenerator(4, 1, 4, (6, 5), style=8, modulation=modulation, mixing=1.0).to(DOUBLE)
    z = torch.randn(1, generator.inputs, dtype=DOUBLE)
    a, b = generator.mapping(z[:, :4]), generator.mapping(z[:, 4:-1])
    for u, crossover in ((-3.0, 1), (0.0, 2), (3.0, 3)):  # Phi(u) falls into the 1st, 2nd, 3rd third
        z[:, -1] = u
        torch.testing.assert_close(generator(z), generator.synthesise([a] * crossover + [b] * (4 - crossover)))
    generator.eval()
    torch.testing.assert_close(generator(z), generator.synthesise([a] * 4))


def test_truncation_ends_at_the_mean_style_and_at_the_image_itself():
    generator = StyleGenerator(4, 1, 4, (6, 5), style=8).to(DOUBLE)
    z = torch.randn(3, 4, dtype=DOUBLE)
    mean = generator.mapping(torch.randn(100, 4, dtype=DOUBLE)).mean(0).expand(3, -1)
    torch.testing.assert_close(generator.truncated(z, mean, 1.0), generator(z))
    torch.testing.assert_close(generator.truncated(z, mean, 0.0), generator.synthesise([mean] * 4))


@pytest.mark.parametrize("modulation", ["weight", "adain"])
def test_style_gan_plays_conditionally_and_on_the_meta_device(modulation):
    with torch.device("meta"):
        generator = StyleGenerator(4, 1, 4, (6, 5), style=8, modulation=modulation, mixing=0.5, condition=3)
        game = GAN(generator, ResidualDiscriminator(1, 8, (5, 6), condition=3), Gaussian(generator.inputs))
    batch = {"x": torch.empty(2, 1, 8, 8, device="meta"), "condition": torch.empty(2, dtype=torch.int64, device="meta")}
    for player in game.players:
        game.loss(player, batch, game.draw(batch, Stream(0))).backward()


def test_progressive_and_dcgan_games_run_on_the_meta_device():
    with torch.device("meta"):
        games = [
            GAN(ProgressiveGenerator(4, 1, (6, 5)), ProgressiveDiscriminator(1, (5, 6)), Gaussian(4)),
            GAN(DCGANGenerator(4, 1, 8, 2), DCGANDiscriminator(1, 8, 2), Gaussian(4)),
        ]
    batch = {"x": torch.empty(2, 1, 8, 8, device="meta")}
    for game in games:
        for player in game.players:
            game.loss(player, batch, game.draw(batch, Stream(0))).backward()
