"""The networks and games of the full forms, which take hours, make a few steps."""

import pytest
import torch

from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import Packed
from advsci.objectives import NonSaturating
from advsci.papers.pacgan.mixtures import published_networks
from advsci.papers.stacked.digits import METHODS, Stacked, game_of
from advsci.papers.unrolled.modes import solver_of
from advsci.streams import Stream
from advsci.training import Trainer


def stacked() -> Stacked:
    return Stacked(Stream(0).uniform((12, 1, 28, 28)), Stream(1), count=64)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_on_stacked_digits_plays(method):
    data = stacked()
    recipe = game_of(method, data[torch.arange(8)]["x"], seed=0)
    trained = Trainer(2, 8, device="cpu", log_every=1, quiet=True).fit(recipe.game, data, recipe.solver)
    assert all(torch.isfinite(torch.tensor(list(record.values()), dtype=torch.float64)).all() for record in trained.log)
    assert recipe.game.sample(3, Stream(2)).shape == (3, 3, 28, 28)


@pytest.mark.parametrize("k", [0, 1])
def test_unrolled_play_moves_both_players(k):
    data = stacked()
    game = game_of("GAN", data[torch.arange(8)]["x"], seed=0).game
    before = [p.detach().clone() for p in game.parameters()]
    Trainer(1, 8, device="cpu", log_every=1, quiet=True).fit(game, data, solver_of(k, 1e-3, 0.05))
    assert sum(not torch.equal(a, b) for a, b in zip(before, game.parameters(), strict=True)) > len(before) // 2


@pytest.mark.parametrize("m", [1, 3])
def test_the_published_networks_of_pacgan_play(m):
    generator, discriminator = published_networks(m)
    assert sum(p.numel() for p in generator.parameters() if p.ndim == 2) == 2 * 400 + 3 * 400**2 + 400 * 2
    assert discriminator[0].linear.weight.shape == (200 * 5, 2 * m)
    game = GAN(generator, Packed(discriminator, m), Gaussian(2), objective=NonSaturating(), penalties=())
    Trainer(2, 4 * m, device="cpu", log_every=1, quiet=True).fit(game, torch.randn(60, 2), solver_of(0, 1e-4, 0.0))
