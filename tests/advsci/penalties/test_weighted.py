"""Penalties under sample weights: weights count as repeated samples, and nonsense is refused by name."""

import pytest
import torch
from torch import nn

from advsci.errors import DataError
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import MLP, ResidualDiscriminator, ResidualGenerator
from advsci.objectives import NonSaturating, refuse_weights, weighted_mean
from advsci.penalties import (
    DRAGAN,
    R1,
    R2,
    WGANGP,
    ApproximateR1,
    Consistency,
    DirectionalR2,
    Jitter,
    LeCam,
    zero_centred,
)
from advsci.solvers import Simultaneous
from advsci.streams import Stream
from advsci.training import Trainer

REAL = torch.float64
PENALTIES = [
    R1(0.3),
    R2(0.2),
    WGANGP(1.0),
    ApproximateR1(0.3),
    DirectionalR2(0.3),
    Consistency(Jitter(0.1), fake=1.0),
    LeCam(0.3),
]


def normal(*shape, name="x"):
    return Stream(0).at(name).normal(shape, dtype=REAL)


def game(*penalties) -> GAN:
    torch.manual_seed(0)
    return GAN(
        nn.Linear(2, 2, dtype=REAL),
        MLP(2, 1, 4, activation=nn.Tanh).to(REAL),
        Gaussian(2),
        objective=NonSaturating(),
        penalties=penalties,
    ).double()


@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda p: p.name)
def test_weights_count_as_repeated_samples(penalty):
    played, repeats = game(penalty), torch.tensor([0, 1, 1, 3])
    batch = {"x": normal(4, 2), "weight": torch.tensor([1.0, 2.0, 0.0, 1.0], dtype=REAL)}
    draw = played.draw(batch, Stream(1))
    repeated = {"x": batch["x"][repeats]}
    again = {key: value[repeats] for key, value in draw.items()}
    for player in played.players:
        weighted, plain = played.terms(player, batch, draw), played.terms(player, repeated, again)
        for name in weighted:
            torch.testing.assert_close(weighted[name], plain[name], rtol=1e-10, atol=1e-12)


def test_r1_is_the_weighted_expectation_of_the_squared_slope():
    played = game(R1(0.02))
    weight = (torch.arange(32) < 4).to(REAL)
    batch = {"x": normal(32, 2), "weight": weight}
    found = played.terms("discriminator", batch, played.draw(batch, Stream(1)))["r1"]
    assert float(found) == pytest.approx(0.5 * 0.02 * float(zero_centred(played.discriminator, batch["x"][:4])))


def test_a_batch_of_weights_zero_has_no_loss_and_no_gradient():
    x = normal(4).requires_grad_()
    mean = weighted_mean(x, torch.zeros(4, dtype=REAL))
    assert float(mean) == 0.0 and float(torch.autograd.grad(mean, x)[0].abs().max()) == 0.0


@pytest.mark.parametrize(
    ("weight", "says"),
    [([1.0, -2.0, 1.0], "weight -2 at sample 1"), ([1.0, float("nan"), 1.0], "at sample 1"), ([0.0] * 3, "all 0")],
)
def test_weights_that_no_mean_can_be_taken_with_are_named_before_training(weight, says):
    with pytest.raises(DataError, match=says):
        refuse_weights(torch.tensor(weight))
    data = {"x": normal(3, 2), "weight": torch.tensor(weight, dtype=REAL)}
    if weight[1] == weight[1]:
        with pytest.raises(DataError, match=says):
            Trainer(2, 2, quiet=True, device="cpu").fit(game(), data, Simultaneous())


def conditional() -> GAN:
    torch.manual_seed(0)
    nets = ResidualGenerator(4, 1, 4, (8,), condition=3), ResidualDiscriminator(1, 4, (8,), condition=3)
    return GAN(*nets, Gaussian(4))


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (torch.tensor([0, 1, 2, 3, 0, 0]), "label 3 at sample 3"),
        (torch.tensor([0, 1, 2, 0, 0, -1]), "label -1 at sample 5"),
        (torch.tensor([0, 1, 2, 0, 0, 1], dtype=torch.uint8), "integer labels from 0 to 2"),
        (torch.tensor([True, False, True, False, True, False]), "integer labels from 0 to 2"),
    ],
)
def test_labels_that_no_network_knows_are_named_before_training(labels, says):
    data = {"x": torch.randn(6, 1, 4, 4), "condition": labels}
    with pytest.raises(DataError, match=says):
        Trainer(1, 4, quiet=True, device="cpu").fit(conditional(), data, Simultaneous())


def test_small_integer_labels_are_labels_and_unused_keys_are_an_error():
    data = {"x": torch.randn(6, 1, 4, 4), "condition": torch.tensor([0, 1, 2, 0, 1, 2], dtype=torch.int32)}
    Trainer(1, 4, quiet=True, device="cpu").fit(conditional(), data, Simultaneous())
    data = {"x": normal(8, 2), "label": torch.zeros(8)}
    with pytest.raises(DataError, match="'label'"):
        Trainer(1, 4, quiet=True, device="cpu").fit(game(), data, Simultaneous())


def test_dragan_stands_around_the_data_with_their_weights():
    played = game(DRAGAN(1.0))
    batch = {"x": normal(4, 2), "weight": torch.tensor([0.0, 0.0, 1.0, 0.0], dtype=REAL)}
    draw = played.draw(batch, Stream(1))
    x = (batch["x"] + 0.5 * batch["x"].std() * draw["dragan/uniform"])[2:3].requires_grad_()
    slope = torch.autograd.grad(played.discriminator(x).sum(), x)[0].norm()
    found = played.terms("discriminator", batch, draw)["dragan"]
    assert float(found) == pytest.approx(float((slope - 1.0).square()), rel=1e-6)
