"""A lazy penalty sums over k steps to the penalty itself, and its bias is the one of a step k times as long."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from advsci.errors import ConfigError
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.objectives import Objective
from advsci.penalties import R1, R2, WGANGP, Damping, JacobianConditioning, Lazy, LeCam, ZeroCentred
from advsci.solvers import Alternating, Extragradient, Simultaneous, player_gradient
from advsci.streams import Stream
from advsci.training import Trainer

REAL = torch.float64
X = {"x": Stream(0).at("x").normal((6, 2), dtype=REAL)}
PENALTIES = (R1(0.3), R2(0.2), WGANGP(0.5), ZeroCentred(lambda s: 0.5 * (s.real + s.fake), 0.3), Damping(0.1))


def net(outputs: int) -> nn.Module:
    return MLP(2, outputs, 4, 1, activation=nn.Tanh).to(REAL)


def gradient_of(game: GAN, draw) -> list[torch.Tensor]:
    """The discriminator's; zero in what its loss does not depend on."""
    _, gradient = player_gradient(game, "discriminator", X, draw)
    own = game.discriminator.parameters()
    return [torch.zeros_like(p) if g is None else g for p, g in zip(own, gradient, strict=True)]


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(PENALTIES), st.integers(1, 9), st.integers(0, 1000))
def test_over_k_steps_the_gradients_sum_to_those_of_the_penalty(penalty, every, start):
    torch.manual_seed(0)
    lazy = Lazy(penalty, every)
    nets = net(2), net(1)
    plain = GAN(*nets, Gaussian(2), penalties=(penalty,))
    late = GAN(*nets, Gaussian(2), penalties=(lazy,))
    draw = plain.draw(X, Stream(1))
    expected = gradient_of(plain, draw)
    found = [torch.zeros_like(b) for b in expected]
    for step in range(start, start + every):
        lazy.step = step
        found = [a + b for a, b in zip(found, gradient_of(late, draw), strict=True)]
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, every * b, rtol=1e-10, atol=1e-12)


class Nothing(Objective):
    """So that the penalty is all that moves the discriminator."""

    def discriminator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        return 0.0 * fake_logits.sum()

    def generator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        return 0.0 * fake_logits.sum()


def slope(penalty, rate: float, steps: int) -> float:
    """Of a linear critic of slope 1, for which R1 is half the square of the slope, after some steps of descent."""
    critic = nn.Linear(1, 1, dtype=REAL)
    nn.init.ones_(critic.weight)
    game = GAN(nn.Linear(1, 1, dtype=REAL), critic, Gaussian(1), objective=Nothing(), penalties=(penalty,))
    trainer = Trainer(steps, 4, quiet=True, device="cpu", log_every=steps)
    trainer.fit(game, X["x"][:, :1], Alternating(partial(torch.optim.SGD, lr=rate)))
    return float(critic.weight.detach())


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 8), st.floats(0.001, 0.2))
def test_the_bias_is_that_of_a_step_k_times_as_long(every, rate):
    found = slope(Lazy(R1(1.0), every), rate, 2 * every)
    assert found == pytest.approx((1.0 - every * rate) ** 2, rel=1e-9)
    plain = slope(R1(1.0), rate, 2 * every)
    assert plain == pytest.approx((1.0 - rate) ** (2 * every), rel=1e-9)
    assert abs(found - plain) <= 1.01 * (every * rate) ** 2  # second order in k h


def test_too_lazy_a_penalty_drives_the_players_apart():
    assert abs(slope(Lazy(R1(1.0), 16), 0.13, 64)) > 1.0 > abs(slope(Lazy(R1(1.0), 16), 0.12, 64))


@pytest.mark.parametrize("rule", [Alternating, Simultaneous, Extragradient])
def test_a_resumed_training_is_lazy_at_the_same_steps(tmp_path, rule):
    def train(folder, stop: int | None = None):
        def interrupt(training):
            if training.step == stop:
                raise KeyboardInterrupt

        torch.manual_seed(0)
        penalties = (Lazy(R1(0.3), 3), Lazy(R2(0.3), 4))
        game = GAN(net(2), net(1), Gaussian(2), penalties=penalties)
        trainer = Trainer(14, 4, run=folder, checkpoint_every=5, log_every=5, callbacks=[interrupt], quiet=True)
        try:
            return trainer.fit(game, X["x"], rule())
        except KeyboardInterrupt:
            return None

    whole = train(tmp_path / "whole")
    assert train(tmp_path / "stopped", stop=10) is None
    resumed = train(tmp_path / "stopped")
    assert whole is not None and resumed is not None
    assert [record["discriminator/r1"] == 0.0 for record in whole.log] == [True, False, True]  # steps 4, 9 and 13
    for a, b in zip(whole.game.parameters(), resumed.game.parameters(), strict=True):
        assert torch.equal(a, b)
    assert whole.log == resumed.log


def test_the_discriminator_is_differentiated_at_active_steps_only():
    lazy = Lazy(R1(0.3), 2)
    game = GAN(net(2), net(1), Gaussian(2), penalties=(lazy,))
    assert game.wants_gradients
    lazy.step = 1
    assert not game.wants_gradients


def test_a_generators_penalty_may_be_lazy_and_one_with_statistics_may_not():
    lazy = Lazy(JacobianConditioning(0.1), 2)
    game = GAN(net(2), net(1), Gaussian(2), generator_penalties=(lazy,))
    assert game.terms("generator", X, game.draw(X, Stream(0)))["conditioning"] > 0.0
    with pytest.raises(ConfigError, match="got LeCam, whose running statistics"):
        Lazy(LeCam())
    with pytest.raises(ConfigError, match="got every=0"):
        Lazy(R1(), 0)
