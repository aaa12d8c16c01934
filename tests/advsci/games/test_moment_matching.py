"""Games whose inner maximum is solved: exact gradients, weights, a fit with a closed form; every objective in a GAN."""

from functools import partial

import pytest
import torch
from torch import nn

from advsci import Trainer
from advsci.errors import ShapeError
from advsci.games import GAN, MomentMatching
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.objectives import Hinge, LeastSquares, Minimax, NonSaturating, RelativisticPairing, Wasserstein
from advsci.objectives.divergences import DIVERGENCES, Alpha, FDivergence
from advsci.objectives.imbalance import Focal
from advsci.objectives.moments import KernelMMD, feature_matching, linear_critic, linear_ipm, weighted_mmd
from advsci.solvers import Alternating, Simultaneous, adam
from advsci.streams import Stream


class Powers(nn.Module):
    """The features x and x squared: their means are a Gaussian's sufficient statistics."""

    def forward(self, x):
        return torch.cat([x, x.square()], 1)


class Affine(nn.Module):
    def __init__(self):
        super().__init__()
        self.shift, self.scale = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.ones(1))

    def forward(self, z):
        return self.shift + self.scale * z


def test_equals_the_game_with_the_critic_written_out():
    """With linear critics the gradient is that of a WGAN step whose critic is the optimal one, held fixed."""
    x = Stream(1).normal((40, 1)) + 2.0
    game = MomentMatching(Affine(), Powers(), Gaussian(1), linear_ipm, learn=False)
    assert list(game.players) == ["generator"]
    draw = game.draw({"x": x}, Stream(2))
    parameters = game.parameters_of("generator")
    exact = torch.autograd.grad(game.loss("generator", {"x": x}, draw), parameters)
    real, fake = game.features(x), game.features(game.generator(draw["latent"]))
    w = linear_critic(real, fake).detach()
    by_hand = torch.autograd.grad((real @ w).mean() - (fake @ w).mean(), parameters)
    torch.testing.assert_close(exact, by_hand)


def test_matching_two_moments_fits_a_gaussian():
    """With as many parameters as moments the gap closes, and mean and variance are the data's."""
    x = 0.5 * Stream(3).normal((400, 1), dtype=torch.float64) + 1.5
    game = MomentMatching(Affine(), Powers(), Gaussian(1), feature_matching, learn=False).double()
    draw = game.draw({"x": x}, Stream(4))
    optimizer = torch.optim.LBFGS(game.generator.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = game.loss("generator", {"x": x}, draw)
        loss.backward()
        return loss

    optimizer.step(closure)
    made = game.generator(draw["latent"]).detach()
    assert float(made.mean()) == pytest.approx(float(x.mean()), rel=1e-4)
    assert float(made.std()) == pytest.approx(float(x.std()), rel=1e-3)


def test_features_and_generator_have_opposite_losses_and_weights_count():
    features = nn.Sequential(MLP(1, 4, width=8), nn.Tanh())
    game = MomentMatching(Affine(), features, Gaussian(1), partial(weighted_mmd, sigmas=(1.0,)))
    x, weight = Stream(4).normal((6, 1)), torch.tensor([1.0, 0.0, 1.0, 1.0, 1.0, 0.0])
    draw = game.draw({"x": x}, Stream(5))
    batch = {"x": x, "weight": weight}
    torch.testing.assert_close(game.loss("features", batch, draw), -game.loss("generator", batch, draw))
    moved = {"x": torch.where(weight[:, None] > 0, x, 100.0), "weight": weight}
    torch.testing.assert_close(game.loss("generator", moved, draw), game.loss("generator", batch, draw))
    Trainer(steps=2, batch_size=4, quiet=True, device="cpu").fit(game, x, Alternating(adam(lr=1e-3)))


def test_shapes_that_do_not_fit_are_named():
    x = torch.zeros(4, 3)
    game = MomentMatching(MLP(2, 3, width=4), nn.Unflatten(1, (3, 1)), Gaussian(2), linear_ipm, learn=False)
    with pytest.raises(ShapeError, match="Flatten"):
        game.check({"x": x}, game.draw({"x": x}, Stream(0)))
    with pytest.raises(ShapeError, match="last layer"):
        game.check({"x": x[:, :2]}, game.draw({"x": x}, Stream(0)))


OBJECTIVES = [Minimax(0.1), NonSaturating(0.1), Hinge(), LeastSquares(), Wasserstein(), RelativisticPairing()]
OBJECTIVES += [Focal(), KernelMMD(), FDivergence(Alpha(0.5)), *(FDivergence(name) for name in DIVERGENCES)]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
@pytest.mark.parametrize("solver", [Alternating, Simultaneous])
def test_every_objective_plays_with_weights(objective, solver):
    data = {"x": Stream(6).normal((32, 2)), "weight": Stream(7).uniform((32,)) + 0.1}
    game = GAN(MLP(2, 2, width=8), MLP(2, 1, width=8), Gaussian(2), objective=objective)
    before = {name: [p.detach().clone() for p in game.parameters_of(name)] for name in game.players}
    training = Trainer(steps=2, batch_size=16, quiet=True, device="cpu").fit(game, data, solver(adam(lr=1e-3)))
    assert training.step == 2
    for name in game.players:
        assert any(not torch.equal(p, q) for p, q in zip(game.parameters_of(name), before[name], strict=True))
