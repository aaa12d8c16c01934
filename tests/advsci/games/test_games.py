"""The vector fields of games: closed forms, sharing, gradient reversal, the meta device, named errors."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from advsci.errors import DataError, ShapeError
from advsci.games import GAN, Adversary, DomainAdversarial, Task
from advsci.latents import Gaussian
from advsci.objectives import Hinge, LeastSquares, Minimax, NonSaturating, RelativisticPairing, Wasserstein
from advsci.penalties import R1, R2, WGANGP, JacobianConditioning
from advsci.solvers import Alternating, Simultaneous, adam, player_gradient, vector_field
from advsci.streams import Stream

REAL = torch.float64
OBJECTIVES = [Minimax(), NonSaturating(), Hinge(), LeastSquares(), Wasserstein(), RelativisticPairing()]


def close(a: torch.Tensor | None, b: torch.Tensor | None, rtol: float = 1e-10) -> bool:
    return a is not None and b is not None and torch.allclose(a, b, rtol=rtol, atol=1e-12)


def normal(*shape, seed=0, dtype=REAL):
    return Stream(seed).normal(shape, dtype=dtype)


class Conditional(nn.Module):
    """A network of its input and a condition."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(inputs, 6), nn.Tanh(), nn.Linear(6, outputs)).to(REAL)

    def forward(self, x, condition):
        return self.net(torch.cat([x, condition], 1))


def make_gan(objective, penalties=(), generator_penalties=()) -> GAN:
    torch.manual_seed(0)
    return GAN(
        Conditional(3, 2),
        Conditional(3, 1),
        Gaussian(2),
        objective=objective,
        penalties=penalties,
        generator_penalties=generator_penalties,
    )


def make_batch(n: int = 7) -> dict:
    return {"x": normal(n, 2), "condition": normal(n, 1, seed=1), "weight": normal(n, seed=2).square()}


@pytest.mark.parametrize("penalties", [(), (WGANGP(1.0),), (R1(0.3), R2(0.2))], ids=["none", "wgan_gp", "r1 r2"])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
def test_shared_pass_gives_each_player_its_own_gradient(objective, penalties):
    game, batch = make_gan(objective, penalties, (JacobianConditioning(0.2),)), make_batch()
    draw = game.draw(batch, Stream(3))
    shared_terms, shared = vector_field(game, batch, draw)
    for player in game.players:
        terms, gradient = player_gradient(game, player, batch, draw)
        for name, value in terms.items():
            assert torch.allclose(shared_terms[player][name], value, rtol=1e-10)
        for a, b in zip(shared[player], gradient, strict=True):
            assert close(a, b, 1e-9)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("level", [-300.0, 300.0])
def test_one_backward_pass_is_exact_where_the_discriminator_is_saturated(objective, level):
    """Its slope at the fakes underflows there; the generator's signal must not."""
    torch.manual_seed(0)
    critic = nn.Linear(2, 1, dtype=torch.float32)
    torch.nn.init.constant_(critic.bias, level)
    game = GAN(nn.Linear(2, 2), critic, Gaussian(2), objective=objective, penalties=())
    batch = {"x": normal(6, 2).float()}
    draw = game.draw(batch, Stream(3))
    _, shared = vector_field(game, batch, draw)
    for player in game.players:
        _, gradient = player_gradient(game, player, batch, draw)
        for a, b in zip(shared[player], gradient, strict=True):
            assert a is not None and b is not None
            assert torch.allclose(a, b, rtol=1e-4, atol=1e-9)


def test_a_discriminator_that_couples_its_batch_shares_nothing_across_samples():
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 1)).to(REAL)
    game = GAN(nn.Linear(2, 2, dtype=REAL), critic, Gaussian(2), objective=NonSaturating(), penalties=(R2(0.5),))
    batch = {"x": normal(6, 2)}
    draw = game.draw(batch, Stream(3))
    _, shared = vector_field(game, batch, draw)
    for player in game.players:
        _, gradient = player_gradient(game, player, batch, draw)
        for a, b in zip(shared[player], gradient, strict=True):
            assert close(a, b, 1e-8)


def test_equal_point_masses_have_the_value_of_the_game_and_no_signal():
    """p = q and D = 1/2: V = -2 log 2, and the saturating generator's gradient is -D dD/dx."""
    critic = nn.Linear(1, 1, dtype=REAL)
    nn.init.zeros_(critic.weight)
    nn.init.zeros_(critic.bias)
    generator = nn.Linear(1, 1, dtype=REAL)
    game = GAN(generator, critic, Gaussian(1), objective=Minimax(), penalties=())
    batch = {"x": normal(50, 1)}
    terms, gradients = vector_field(game, batch, game.draw(batch, Stream(0)))
    assert float(terms["discriminator"]["objective"]) == pytest.approx(2 * math.log(2))
    assert all(g is not None and float(g.abs().max()) == 0.0 for g in gradients["generator"])


def test_weights_count_as_repeated_samples():
    game = make_gan(NonSaturating())
    batch = make_batch(4)
    batch["weight"] = torch.tensor([1.0, 2.0, 0.0, 1.0], dtype=REAL)
    draw = game.draw(batch, Stream(3))
    index = torch.tensor([0, 1, 1, 3])
    repeated = {key: value[index] for key, value in batch.items()} | {"weight": torch.ones(4, dtype=REAL)}
    for player in game.players:
        a = game.loss(player, batch, draw)
        b = game.loss(player, repeated, {"latent": draw["latent"][index]})
        assert torch.allclose(a, b)


def test_in_a_players_step_only_its_own_parameters_require_gradients():
    game, seen = make_gan(NonSaturating()), {}
    game.generator.register_forward_hook(lambda m, i, output: seen.update(fake=output.requires_grad))
    batch = make_batch()
    player_gradient(game, "discriminator", batch, game.draw(batch, Stream(0)))
    assert seen["fake"] is False
    player_gradient(game, "generator", batch, game.draw(batch, Stream(0)))
    assert seen["fake"] is True
    assert all(p.requires_grad for p in game.parameters()) and all(p.grad is None for p in game.parameters())


class Regression(Task):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(3, 4), nn.Tanh()).to(REAL)
        self.head = nn.Linear(4, 1, dtype=REAL)

    def draw(self, batch, stream):
        return {}

    def forward(self, batch, draw):
        features = self.encoder(batch["x"])
        return features, {"regression": (self.head(features)[:, 0] - batch["y"]).square().mean()}


class Reader(Adversary):
    def __init__(self, key: str):
        super().__init__()
        self.key = key
        self.net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1)).to(REAL)

    def forward(self, features, batch):
        return (self.net(features)[:, 0] - batch[self.key]).square().mean()


def make_domain_game(device="cpu") -> tuple[DomainAdversarial, dict]:
    torch.manual_seed(0)
    game = DomainAdversarial(
        Regression(), {"batch": Reader("batch"), "donor": Reader("donor")}, {"batch": 0.7, "donor": lambda t: 2.0 * t}
    )
    game.progress.fill_(0.25)
    batch = {"x": normal(8, 3)} | {key: normal(8, seed=s) for s, key in enumerate(("y", "batch", "donor"), 1)}
    return game.to(device), {key: value.to(device) for key, value in batch.items()}


def test_gradient_reversal_is_the_vector_field_of_all_players():
    """One backward pass of the joint scalar against a backward pass for each player's own loss."""
    game, batch = make_domain_game()
    _, joint = vector_field(game, batch, {})
    for player in game.players:
        _, own = player_gradient(game, player, batch, {})
        for a, b in zip(joint[player], own, strict=True):
            assert close(a, b)


def test_the_features_descend_the_task_and_ascend_the_adversaries():
    """By hand: grad task - 0.7 grad batch - 2 * 0.25 grad donor, in the encoder's weights."""
    game, batch = make_domain_game()
    features, terms = game.task(batch, {})
    adversaries = dict(game.adversaries.items())
    loss = terms["regression"] - 0.7 * adversaries["batch"](features, batch)
    loss = loss - 0.5 * adversaries["donor"](features, batch)
    expected = torch.autograd.grad(loss, game.parameters_of("task"))
    _, field = vector_field(game, batch, {})
    own = torch.autograd.grad(
        torch.stack(list(game.terms("task", batch, {}).values())).sum(), game.parameters_of("task")
    )
    for a, c, b in zip(field["task"], own, expected, strict=True):  # schedules are evaluated in single precision
        assert a is not None and torch.allclose(a, b, atol=1e-7) and torch.allclose(c, b, atol=1e-7)


def test_domain_adversarial_steps_run_on_the_meta_device():
    for rule in (Simultaneous, partial(Alternating, moves={"donor": 2})):
        game, batch = make_domain_game("meta")
        solver = rule(adam())
        solver.bind(game)
        terms = solver.step(game, lambda batch=batch: (batch, {}))
        assert all(value.device.type == "meta" for part in terms.values() for value in part.values())


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
def test_gan_steps_run_on_the_meta_device(objective):
    for rule in (Simultaneous, Alternating):
        game = make_gan(objective, (R1(1.0),)).to("meta")
        solver = rule(adam())
        solver.bind(game)
        batch = {key: value.to("meta") for key, value in make_batch().items()}
        solver.step(game, lambda game=game, batch=batch: (batch, game.draw(batch, Stream(0))))


def test_what_does_not_fit_is_named_before_training():
    def check(generator, critic, batch):
        game = GAN(generator, critic, Gaussian(2), penalties=())
        game.check(batch, game.draw(batch, Stream(0)))

    good, x = nn.Linear(2, 2, dtype=REAL), normal(5, 2)
    check(good, nn.Linear(2, 1, dtype=REAL), {"x": x})
    with pytest.raises(ShapeError, match="one logit a sample"):
        check(good, nn.Linear(2, 3, dtype=REAL), {"x": x})
    with pytest.raises(ShapeError, match="expected the data's shape"):
        check(nn.Linear(2, 3, dtype=REAL), nn.Linear(2, 1, dtype=REAL), {"x": x})
    with pytest.raises(ShapeError, match="one non-negative weight per sample"):
        check(good, nn.Linear(2, 1, dtype=REAL), {"x": x, "weight": normal(5, 1)})
    with pytest.raises(DataError, match="expected 'x'"):
        check(good, nn.Linear(2, 1, dtype=REAL), {"y": x})
