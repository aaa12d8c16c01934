"""Penalties against closed forms, hand-written versions and each other; all differentiable twice."""

import math

import pytest
import torch
from torch import nn

from advsci.errors import ConfigError
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.objectives import NonSaturating, Wasserstein
from advsci.penalties import (
    DRAGAN,
    R1,
    R2,
    WGANGP,
    ApproximateR1,
    ApproximateR2,
    Consistency,
    Damping,
    DirectionalR1,
    DirectionalR2,
    Jitter,
    LeCam,
    OrthogonalRegularisation,
    Penalty,
    WeightClipping,
    ZeroCentred,
    difference_penalty,
    directional_penalty,
    gradient_penalty,
    interpolate,
    lecam,
    norm_penalty,
    orthogonality,
    zero_centred,
)
from advsci.penalties.scores import Scores, couples_batch
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream

REAL = torch.float64


def normal(*shape, seed=0):
    return Stream(seed).normal(shape, dtype=REAL)


def linear(d: int = 3) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(d, 1, dtype=REAL)


def smooth(d: int = 3) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(d, 5), nn.Tanh(), nn.Linear(5, 1)).to(REAL)


def flat(network: nn.Module):
    return lambda x: network(x).reshape(-1)


def test_a_linear_critic_has_the_penalty_of_its_weight():
    """R1 = R2 = |w|^2, WGAN-GP = DRAGAN = (|w| - 1)^2, whatever the points."""
    critic, x = linear(), normal(7, 3)
    w2 = float(critic.weight.detach().square().sum())
    scores = Scores(critic, x, 2.0 * x, gradients=True, draw={"wgan_gp/uniform": normal(7), "dragan/uniform": x})
    now = torch.zeros((), dtype=REAL)
    slope = (math.sqrt(w2) - 1.0) ** 2
    for penalty, value in ((R1(2.0), w2), (R2(2.0), w2), (WGANGP(1.0), slope), (DRAGAN(1.0), slope)):
        assert float(penalty(scores, now).detach()) == pytest.approx(value, rel=1e-9), penalty.name
    assert float(gradient_penalty(flat(critic), x, -x, normal(7), target=0.0).detach()) == pytest.approx(w2)
    one_sided = norm_penalty(flat(critic), x, target=10.0, one_sided=True)
    assert float(one_sided.detach()) == 0.0


def test_quadratic_critic_by_hand():
    """D = |x|^2 / 2 has the gradient x."""
    x = normal(6, 4)

    def critic(x):
        return 0.5 * x.square().sum(1)

    assert torch.allclose(zero_centred(critic, x), x.square().sum(1).mean())
    norms = x.norm(dim=1)
    assert torch.allclose(norm_penalty(critic, x, 1.0), (norms - 1).square().mean())
    u = normal(6, 4, seed=1)
    assert torch.allclose(directional_penalty(critic, x, u), (x * u).sum(1).square().mean())
    # D(x + s u) - D(x) = s x.u + s^2 |u|^2 / 2
    sigma = 0.1
    expected = ((x * u).sum(1) + 0.5 * sigma * u.square().sum(1)).square().mean()
    assert torch.allclose(difference_penalty(critic(x), critic, x, u, sigma), expected)


def test_interpolates_take_one_number_a_sample():
    real, fake = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)
    points = interpolate(real, fake, torch.tensor([0.25, 1.0]))
    assert torch.equal(points[0], torch.full((3, 4), 0.75)) and torch.equal(points[1], torch.zeros(3, 4))


def test_directional_and_difference_penalties_estimate_the_exact_one():
    critic, x = smooth(), normal(1, 3).repeat(40000, 1)
    exact = float(zero_centred(flat(critic), x[:1]).detach())
    u = normal(40000, 3)
    directional = float(directional_penalty(flat(critic), x, u).detach())
    difference = float(difference_penalty(flat(critic)(x), flat(critic), x, u, 1e-3).detach())
    # the estimate has the standard deviation sqrt(2/n) of its mean: 5 of them
    assert directional == pytest.approx(exact, rel=5 * math.sqrt(2 / 40000))
    assert difference == pytest.approx(directional, rel=1e-2)


def make_gan(penalties, generator_penalties=(), critic=None) -> GAN:
    torch.manual_seed(1)
    generator = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 3)).to(REAL)
    return GAN(
        generator,
        critic or smooth(),
        Gaussian(2),
        objective=Wasserstein(),
        penalties=penalties,
        generator_penalties=generator_penalties,
    )


EVERY = [
    R1(0.7),
    R2(0.7),
    ZeroCentred(lambda s: 0.5 * (s.real + s.fake), 0.3),
    WGANGP(2.0),
    DRAGAN(2.0),
    ApproximateR1(0.5, sigma=0.1),
    ApproximateR2(0.5, sigma=0.1),
    DirectionalR1(0.5),
    DirectionalR2(0.5),
    LeCam(0.4),
    Consistency(Jitter(0.1), 1.0, 1.0),
    OrthogonalRegularisation(0.1),
    Damping(0.1),
]


@pytest.mark.parametrize("penalty", EVERY, ids=lambda p: p.name)
def test_gradients_are_exact_to_second_order(penalty: Penalty):
    """The whole discriminator loss as a function of its first weight: gradcheck, and gradgradcheck."""
    game = make_gan((penalty,)).double()
    batch = {"x": normal(3, 3)}
    draw = game.draw(batch, Stream(2))
    weight = game.discriminator.get_parameter("0.weight").detach().clone().requires_grad_()

    def loss(weight):
        terms = torch.func.functional_call(game, {"discriminator.0.weight": weight}, ("discriminator", batch, draw))
        return torch.stack(list(terms.values())).sum()

    assert torch.autograd.gradcheck(loss, weight)
    assert torch.autograd.gradgradcheck(loss, weight)


@pytest.mark.parametrize("penalties", [(), (R1(0.5),), (R1(0.5), R2(0.5), WGANGP(1.0), LeCam(0.1))])
def test_one_pass_over_both_sets_equals_two_passes(penalties, monkeypatch):
    batch, gradients = {"x": normal(6, 3)}, []
    for together in (True, False):
        game = make_gan(penalties)
        monkeypatch.setattr(game, "_apart_on", set() if together else {"cpu"})
        loss = game.loss("discriminator", batch, game.draw(batch, Stream(2)))
        gradients.append(torch.autograd.grad(loss, game.parameters_of("discriminator")))
    for a, b in zip(*gradients, strict=True):
        assert torch.allclose(a, b, rtol=1e-10)


def test_batch_norm_is_never_given_a_mixed_batch():
    coupled = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).to(REAL)
    assert couples_batch(coupled) and not couples_batch(smooth())
    game = make_gan((), critic=coupled)
    batch = {"x": normal(6, 3)}
    draw = game.draw(batch, Stream(2))
    real, _ = game.logits(batch, draw)
    expected = coupled(batch["x"]).reshape(-1)
    assert torch.allclose(real, expected)


def test_lecam_by_hand_and_its_running_means():
    game = make_gan((LeCam(2.0, decay=0.9),))
    penalty = game.penalties[0]
    assert isinstance(penalty, LeCam)
    batch = {"x": normal(6, 3)}
    draw = game.draw(batch, Stream(2))
    real, fake = (a.detach() for a in game.logits(batch, draw))
    first = game.terms("discriminator", batch, draw)["lecam"].detach()
    assert torch.allclose(first, 2.0 * (real.square().mean() + fake.square().mean()))  # the means start at zero
    assert torch.allclose(game.terms("discriminator", batch, draw)["lecam"].detach(), first)  # and wait for a move
    game.moved("discriminator")
    means = torch.stack([0.1 * real.mean(), 0.1 * fake.mean()])
    assert torch.allclose(penalty.means.to(REAL), means, rtol=1e-5)
    second = game.terms("discriminator", batch, draw)["lecam"].detach()
    assert torch.allclose(second, 2.0 * lecam(real, fake, means[0], means[1]), rtol=1e-5)
    assert "discriminator_lecam.means" in game.state_dict()


def test_consistency_with_an_invariant_critic_is_zero():
    class Flip:
        def draw(self, x, stream):
            return {}

        def __call__(self, x, draw):
            return -x

    def penalty_of(critic):
        game = make_gan((Consistency(Flip(), 1.0, 1.0),), critic=critic)
        batch = {"x": normal(6, 3)}
        return float(game.terms("discriminator", batch, game.draw(batch, Stream(2)))["consistency"].detach())

    class Even(nn.Module):
        def forward(self, x):
            return x.square().sum(1)

    assert penalty_of(Even()) == 0.0
    critic = linear()
    nn.init.zeros_(critic.bias)
    game = make_gan((Consistency(Flip(), 1.0, 0.0),), critic=critic)
    x = normal(6, 3)
    value = game.terms("discriminator", {"x": x}, game.draw({"x": x}, Stream(2)))["consistency"]
    assert torch.allclose(value, 4.0 * critic(x).square().mean())


def test_orthogonality_vanishes_for_orthogonal_weights():
    Q = torch.linalg.qr(normal(4, 4))[0]
    assert float(orthogonality(Q[:3])) == pytest.approx(0.0, abs=1e-24)
    assert float(orthogonality(2.0 * Q, diagonal=False)) == pytest.approx(0.0, abs=1e-24)
    assert float(orthogonality(2.0 * Q)) == pytest.approx(4 * 9.0)
    W = normal(2, 3, 2, 2)
    gram = W.flatten(1) @ W.flatten(1).T
    assert torch.allclose(orthogonality(W), (gram - torch.eye(2)).square().sum())


def test_weight_clipping_projects():
    network = smooth()
    before = [p.detach().clone() for p in network.parameters()]
    WeightClipping(0.1)(network)
    assert all(torch.equal(p, b.clamp(-0.1, 0.1)) for p, b in zip(network.parameters(), before, strict=True))


@pytest.mark.parametrize("penalty", EVERY, ids=lambda p: p.name)
def test_steps_run_on_the_meta_device(penalty):
    game = make_gan((penalty,)).to("meta")
    solver = Simultaneous(adam())
    solver.bind(game)
    batch = {"x": torch.empty(5, 3, dtype=REAL, device="meta")}
    terms = solver.step(game, lambda: (batch, game.draw(batch, Stream(0))))
    assert terms["discriminator"][penalty.name].device.type == "meta"


def test_what_does_not_fit_is_named():
    with pytest.raises(ConfigError, match="clash"):
        make_gan((R1(1.0), R1(2.0)))
    for wrong in (lambda: WeightClipping(0.0), lambda: DRAGAN(c=-1.0), lambda: LeCam(decay=1.0)):
        with pytest.raises(ConfigError, match="expected"):
            wrong()


def test_r1_with_r2_costs_no_forward_pass():
    calls = []

    class Counted(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = smooth()

        def forward(self, x):
            calls.append(x.shape[0])
            return self.net(x)

    game = make_gan((R1(1.0), R2(1.0)), critic=Counted())
    game.objective = NonSaturating()
    batch = {"x": normal(6, 3)}
    game.terms("discriminator", batch, game.draw(batch, Stream(0)))
    assert calls == [12]


def test_a_pass_over_samples_alone_has_no_scores_of_data():
    scores = Scores(nn.Linear(2, 1), None, torch.zeros(3, 2))
    assert not scores.has_real and scores.fake_logits.shape == (3,)
    for name in ("real", "real_logits"):
        with pytest.raises(ConfigError, match="generated samples alone"):
            getattr(scores, name)


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("together", [True, False])
def test_a_penalty_need_not_announce_that_it_reads_gradients(announced, together):
    """The value is R1's, and so is its gradient in the parameters, whichever pass they come from."""

    class Own(Penalty):
        name = "own"
        gradients = announced

        def __call__(self, made, progress):
            return 0.5 * made.real_gradient.square().sum(1).mean()

    found = []
    for penalty in (R1(1.0), Own()):
        critic = smooth()
        scores = Scores(critic, normal(6, 3), normal(6, 3, seed=1), together=together, gradients=penalty.gradients)
        value = penalty(scores, torch.zeros((), dtype=REAL))
        found.append((value, *torch.autograd.grad(value, list(critic.parameters())[:3])))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)
