"""Training with 16 bits: every network of the library plays, penalties included, close to single precision."""

from functools import partial

import pytest
import torch
from torch import nn

from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import (
    MLP,
    Augmentation,
    DCGANDiscriminator,
    DCGANGenerator,
    FourierFeatures,
    MinibatchDiscrimination,
    MinibatchStddev,
    Packed,
    ProgressiveDiscriminator,
    ProgressiveGenerator,
    ResidualDiscriminator,
    ResidualGenerator,
    StridedDiscriminator,
    StridedGenerator,
    StyleGenerator,
    Whitening,
    layer_norm,
    spectral_norm,
)
from advsci.objectives import NonSaturating
from advsci.penalties import R1, R2
from advsci.solvers import Alternating, Simultaneous
from advsci.streams import Stream
from advsci.training import Trainer

SIDE = 8
POINTS = Stream(0).normal((16, 2))
IMAGES = Stream(0).uniform((16, 1, SIDE, SIDE)) * 2 - 1
CRITIC = partial(ResidualDiscriminator, 1, SIDE, (4, 6))


def exact_critic():
    layers = [spectral_norm(nn.Conv2d(1, 4, 3, padding=1), size=(SIDE, SIDE), exact=True), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten(), spectral_norm(nn.Linear(4 * SIDE**2, 1)))


def flat_critic(*layers):
    return nn.Sequential(nn.Linear(2, 8), *layers)


GAMES = {
    "MLP": lambda: (MLP(2, 2, 8), MLP(2, 1, 8)),
    "Fourier features": lambda: (MLP(2, 2, 8), nn.Sequential(FourierFeatures(2, 4), nn.Linear(6, 1))),
    "whitening": lambda: (MLP(2, 2, 8), nn.Sequential(Whitening(POINTS), MLP(2, 1, 8))),
    "packing": lambda: (MLP(2, 2, 8), Packed(MLP(4, 1, 8), 2)),
    "minibatch discrimination": lambda: (MLP(2, 2, 8), flat_critic(MinibatchDiscrimination(8, 3, 2), nn.Linear(11, 1))),
    "residual": lambda: (ResidualGenerator(2, 1, SIDE, (6, 4)), CRITIC()),
    "strided": lambda: (StridedGenerator(2, 1, SIDE, (6, 4)), StridedDiscriminator(1, SIDE, (4, 6), 8)),
    "DCGAN": lambda: (DCGANGenerator(2, 1, SIDE, 4), DCGANDiscriminator(1, SIDE, 4, norm=layer_norm)),
    "progressive": lambda: (ProgressiveGenerator(2, 1, (6, 4)), ProgressiveDiscriminator(1, (4, 6))),
    "style": lambda: (StyleGenerator(2, 1, 4, (6, 4), style=4), CRITIC()),
    "batch deviation": lambda: (
        StyleGenerator(2, 1, 4, (6, 4), style=4, modulation="adain"),
        nn.Sequential(MinibatchStddev(), nn.Flatten(), nn.Linear(2 * SIDE**2, 1)),
    ),
    "exact spectral norm": lambda: (ResidualGenerator(2, 1, SIDE, (6, 4)), exact_critic()),
    "augmentation": lambda: (ResidualGenerator(2, 1, SIDE, (6, 4)), CRITIC(), Augmentation(0.9)),
}


@pytest.mark.parametrize("rule", [Alternating, Simultaneous])
@pytest.mark.parametrize("name", GAMES)
def test_every_network_trains_with_16_bits_close_to_single_precision(name, rule):
    def play(precision):
        torch.manual_seed(0)
        generator, discriminator, *augment = GAMES[name]()
        game = GAN(generator, discriminator, Gaussian(2), objective=NonSaturating(), penalties=(R1(0.1), R2(0.1)))
        game.augment = augment[0] if augment else None
        data = POINTS if isinstance(generator, MLP) else IMAGES
        trainer = Trainer(2, 8, precision=precision, quiet=True, device="cpu", log_every=1)
        log = trainer.fit(game, data, rule(partial(torch.optim.SGD, lr=0.01))).log
        assert all(p.dtype == torch.float32 for p in game.parameters())
        return log[-1]

    whole, short = play("float32"), play("bf16")
    for key in ("discriminator/objective", "generator/objective"):
        assert short[key] == pytest.approx(whole[key], abs=0.05), key
    assert short != whole
