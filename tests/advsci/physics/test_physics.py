"""Physics in a game: implicit derivatives, multipliers that price only what binds, and a law that a generator
learns.
"""

import math

import pytest
import torch

from advsci.errors import ConfigError, ShapeError
from advsci.latents import Gaussian
from advsci.linalg import conjugate_gradients
from advsci.nn import MLP
from advsci.physics import (
    Findings,
    Multipliers,
    Physics,
    PhysicsGAN,
    PhysicsInformedDiscriminator,
    augmented_lagrangian,
    implicit_root,
    residual_features,
)
from advsci.solvers import Simultaneous
from advsci.solvers.solver import adam
from advsci.streams import Stream
from advsci.training import Trainer

F64 = torch.float64


def test_implicit_root_gradcheck():
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(3, 4, 4, generator=generator, dtype=F64) * 0.2
    a = (a @ a.mT + torch.eye(4, dtype=F64)).requires_grad_()
    b = torch.randn(3, 4, generator=generator, dtype=F64).requires_grad_()

    def residual(x, a, b):
        return (a @ x[..., None])[..., 0] + 0.1 * x**3 - b

    def solve(a, b, **how):
        x = torch.zeros(3, 4, dtype=F64)
        for _ in range(60):
            jacobian = a.detach() + torch.diag_embed(0.3 * x**2)
            x = x - torch.linalg.solve(jacobian, residual(x, a.detach(), b.detach()))
        return implicit_root(residual, x, a, b, **how)

    assert torch.autograd.gradcheck(solve, (a, b))
    cg = torch.autograd.grad(solve(a, b, solve=lambda p, w: conjugate_gradients(p, w, tolerance=1e-12)).sum(), b)[0]
    assert torch.allclose(cg, torch.autograd.grad(solve(a, b).sum(), b)[0], rtol=1e-9)


def test_implicit_root_refuses_unequal_shapes():
    with pytest.raises(ConfigError, match="as many"):
        implicit_root(lambda x: x[:, :1], torch.zeros(2, 3))


def test_augmented_lagrangian_derivatives():
    g = torch.tensor([-2.0, -0.2, 0.0, 0.5], dtype=F64, requires_grad=True)
    lam = torch.tensor([0.3, 0.3, 0.3, 0.3], dtype=F64, requires_grad=True)
    value = augmented_lagrangian(g, lam, 1.5)
    dg, dlam = torch.autograd.grad(value.sum(), (g, lam))
    assert torch.allclose(dg, (lam + 1.5 * g).clamp_min(0.0))
    assert torch.allclose(dlam, torch.maximum(g, -lam / 1.5))


def test_multipliers_find_the_price_of_a_binding_constraint_and_none_of_a_slack_one():
    """min (x - 2)^2 subject to x <= 1 (price 2) and x <= 5 (price 0)."""
    x = torch.tensor(0.0, requires_grad=True)
    multipliers = Multipliers(["tight", "slack"], rho=1.0)
    down = torch.optim.SGD([x], lr=0.05)
    up = torch.optim.SGD(multipliers.parameters(), lr=1.0)
    for _ in range(25):
        for _ in range(40):
            down.zero_grad()
            terms = multipliers({"tight": (x - 1.0)[None], "slack": (x - 5.0)[None]})
            ((x - 2.0).square() + terms["tight"] + terms["slack"]).backward()
            down.step()
        up.zero_grad()
        terms = multipliers({"tight": (x.detach() - 1.0)[None], "slack": (x.detach() - 5.0)[None]})
        (-terms["tight"] - terms["slack"]).backward()
        up.step()
    assert float(x) == pytest.approx(1.0, abs=1e-4)
    assert float(multipliers.values["tight"]) == pytest.approx(2.0, abs=1e-3)
    assert float(multipliers.values["slack"]) == 0.0


def test_features_are_one_where_the_law_is_obeyed():
    found = Findings({"r": torch.tensor([0.0, -1.0])}, {"c": torch.tensor([-3.0, 2.0])})
    features = residual_features(found)
    assert torch.allclose(features, torch.tensor([[1.0, 1.0], [math.exp(-1.0), math.exp(-2.0)]]))
    assert found.feasible.tolist() == [1.0, 0.0]
    assert torch.allclose(found.violations["c"], torch.tensor([0.0, 4.0]))
    with pytest.raises(ShapeError):
        residual_features(Findings({"r": torch.zeros(2, 3)}))


class Circle(Physics):
    """Points lie on a circle of the radius that the condition asks for; the tolerance is 0.1, and x_0 is positive."""

    evaluations = 0

    @property
    def names(self):
        return ("radius", "side")

    def forward(self, x, condition):
        assert condition is not None
        Circle.evaluations += 1
        radius = (x.square().sum(1) + 1e-9).sqrt()
        return Findings({"radius": (radius - condition[:, 0]) / 0.1}, {"side": -x[:, 0] / 0.1}, {"r": radius})


def circle_game(informed=True, priced=True):
    torch.manual_seed(0)
    judge = PhysicsInformedDiscriminator(MLP(2, 1, 32, 2, condition=3), Circle(), (2,), informed=informed)
    generator = MLP(4, 2, 32, 2, condition=1)
    return PhysicsGAN(generator, judge, Gaussian(4), Multipliers(Circle().names, allowed=0.05) if priced else None)


def circle_data(n=512):
    stream = Stream(1)
    r = 0.5 + stream.at("r").uniform((n, 1))
    angle = math.pi * (stream.at("a").uniform((n, 1)) - 0.5)
    return {"x": torch.cat([r * torch.cos(angle), r * torch.sin(angle)], 1), "condition": r}


def test_game_learns_the_law():
    game = circle_game()
    rates = {"generator": adam(2e-3), "discriminator": adam(2e-3), "multipliers": torch.optim.SGD}
    solver = Simultaneous({**rates, "multipliers": lambda p: torch.optim.SGD(p, lr=0.05)})
    Trainer(steps=400, batch_size=128, quiet=True).fit(game, circle_data(), solver)
    condition = torch.linspace(0.6, 1.4, 200)[:, None]
    with torch.no_grad():
        x = game.generate(Stream(5).normal((200, 4)), condition)
        found = Circle()(x, condition)
    assert float(found.residuals["radius"].square().mean()) < 1.0
    assert float(found.feasible.mean()) > 0.9
    assert float(x[:, 1].std()) > 0.2, "points spread over the half circle"


def test_one_evaluation_of_the_physics_a_simultaneous_step_and_the_players_own_gradients():
    game, data = circle_game(), circle_data(16)
    draw = game.draw(data, Stream(0))
    Circle.evaluations = 0
    shared = game.shared_terms(data, draw)
    assert Circle.evaluations == 1
    for player in game.players:
        parameters = game.parameters_of(player)
        together = torch.autograd.grad(torch.stack(list(shared[player].values())).sum(), parameters, retain_graph=True)
        alone = torch.autograd.grad(game.loss(player, data, draw), parameters)
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(together, alone, strict=True)), player


@pytest.mark.parametrize(("informed", "priced"), [(True, True), (False, True), (True, False), (False, False)])
def test_ablations_reach_the_players_they_should(informed, priced):
    game, data = circle_game(informed, priced), circle_data(16)
    draw = game.draw(data, Stream(0))
    terms = game.terms("generator", data, draw)
    assert ("radius" in terms) == priced and ("multipliers" in game.players) == priced
    findings = game.findings(data, draw)[1]
    assert bool((game.discriminator.features(findings) == 1.0).all()) == (not informed)


def test_game_runs_on_the_meta_device():
    game = circle_game().to("meta")
    data = {key: value.to("meta") for key, value in circle_data(8).items()}
    draw = game.draw(data, Stream(0))
    for player in game.players:
        game.loss(player, data, draw).backward()


def test_named_errors():
    game, data = circle_game(), circle_data(8)
    with pytest.raises(ShapeError, match="shape"):
        game.discriminator.join(torch.zeros(3, 4), torch.zeros(3, 2))
    game.generator = MLP(4, 3, 8, 1, condition=1)
    with pytest.raises(ShapeError):
        game.check(data, game.draw(data, Stream(0)))
    with pytest.raises(ConfigError, match="rho"):
        Multipliers(["a"], rho=0.0)
    with pytest.raises(ConfigError, match="expected"):
        Multipliers(["a"])({"b": torch.zeros(2)})
