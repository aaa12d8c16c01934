"""A judge that reads classes: its terms by hand, in every fast path, and what is left without the adversary."""

import pytest
import torch
from torch import nn

from advsci import Stream, Trainer
from advsci.games import GAN
from advsci.games.switch import switch_off, switched_off
from advsci.latents import Gaussian
from advsci.penalties import R1
from advsci.solvers import Simultaneous, player_gradient
from advsci_images.game.auxiliary import AuxiliaryGAN
from advsci_images.game.reading import ReadingJudge


class Told(nn.Module):
    """A linear network of what it is given and of a class."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.layer, self.outputs = nn.Linear(inputs + 2, outputs), outputs

    def forward(self, x, condition):
        y = self.layer(torch.cat([x, nn.functional.one_hot(condition, 2).to(x.dtype)], 1))
        return y if self.outputs > 1 else y[:, 0]


@pytest.fixture
def game():
    with Stream(0).seeded():
        judge = ReadingJudge(Told(3, 1), nn.Linear(3, 2))
        return AuxiliaryGAN(Told(2, 3), judge, Gaussian(2), auxiliary=0.7, penalties=(R1(0.1),)).double()


@pytest.fixture
def batch():
    weight = torch.tensor([2.0, 0.0, 1.0, 1.0], dtype=torch.float64)
    return {
        "x": Stream(1).normal((4, 3), dtype=torch.float64),
        "condition": torch.tensor([0, 1, 1, 0]),
        "weight": weight,
    }


def test_terms_are_weighted_cross_entropies(game, batch):
    draw = game.draw(batch, Stream(2))
    made = game.samples(batch, draw)
    for player, name, x, factor in (("discriminator", "reading", batch["x"], 1.0), ("generator", "class", made, 0.7)):
        log_p = torch.log_softmax(game.discriminator.reader(x), 1)[torch.arange(4), batch["condition"]]
        expected = -factor * (batch["weight"] * log_p).sum() / 4.0
        torch.testing.assert_close(game.terms(player, batch, draw)[name], expected)


def test_one_pass_for_all_players_is_the_gradient_of_their_terms(game, batch):
    draw = game.draw(batch, Stream(2))
    own = {player: list(module.parameters()) for player, module in game.players.items()}
    _, field = game.shared_field(batch, draw, own)
    for player in own:
        torch.testing.assert_close(list(field[player]), list(player_gradient(game, player, batch, draw)[1]))


def test_without_the_adversary_the_reader_goes_on_to_learn_and_to_teach(game, batch):
    switch_off(game, "adversary")
    draw = game.draw(batch, Stream(2))
    assert set(game.terms("generator", batch, draw)) == {"class"}
    assert set(game.terms("discriminator", batch, draw)) == {"reading", "r1"}
    assert not game.silent and all(p.requires_grad for p in game.parameters())


def test_the_switch_reaches_a_training(batch):
    with Stream(0).seeded():
        game = AuxiliaryGAN(Told(2, 3), ReadingJudge(Told(3, 1), nn.Linear(3, 2)), Gaussian(2))
        plain = GAN(Told(2, 3), Told(3, 1), Gaussian(2))
    data = {"x": batch["x"].float(), "condition": batch["condition"]}
    for which, left in ((game, True), (plain, False)):
        with switched_off("adversary"):
            training = Trainer(2, 4, quiet=True, device="cpu").fit(which, data, Simultaneous())
        assert any("reading" in name for name in training.log[-1]) is left
        assert not any("objective" in name and "generator" in name for name in training.log[-1])
