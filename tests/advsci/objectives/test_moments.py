"""Linear and kernel critics with their inner maximum solved: against brute force, closed forms and known tests."""

import math

import pytest
import torch
from scipy.stats import chi2, kstest

from advsci.errors import ConfigError, DataError, ShapeError
from advsci.metrics import gaussian, mmd
from advsci.objectives.moments import (
    KernelMMD,
    feature_matching,
    hansen_j,
    linear_critic,
    linear_ipm,
    moment_gap,
    weighted_mmd,
)
from advsci.streams import Stream


def sets(n: int, m: int, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    s = Stream(31).at("moments", n, m, k)
    return s.at("x").normal((n, k), dtype=torch.float64), s.at("y").normal((m, k), dtype=torch.float64) + 0.4


def test_linear_critic_attains_the_supremum():
    x, y = sets(40, 30, 5)
    value, best = linear_ipm(x, y), linear_critic(x, y)
    assert float(best.norm()) == pytest.approx(1.0, rel=1e-12)
    assert float((x @ best).mean() - (y @ best).mean()) == pytest.approx(float(value), rel=1e-12)
    others = torch.nn.functional.normalize(Stream(1).normal((5, 2000), dtype=torch.float64), dim=0)
    assert ((x @ others).mean(0) - (y @ others).mean(0)).max() <= value


def test_shift_is_its_length():
    x, _ = sets(20, 20, 1)
    assert float(linear_ipm(x, x + 1.7)) == pytest.approx(1.7, rel=1e-12)


def test_envelope_theorem_the_critic_may_be_held_fixed():
    """At the exact critic the generator's gradient needs no derivative of the critic."""
    x, y = sets(30, 30, 4)
    y.requires_grad_()
    (exact,) = torch.autograd.grad(linear_ipm(x, y), y)
    (fixed,) = torch.autograd.grad(((x - y) @ linear_critic(x, y).detach()).mean(), y)
    torch.testing.assert_close(exact, fixed, rtol=1e-10, atol=1e-14)


def test_feature_matching_is_the_squared_gap_and_leaves_the_data_alone():
    x, y = sets(10, 12, 3)
    x.requires_grad_()
    y.requires_grad_()
    loss = feature_matching(x, y)
    assert float(loss.detach()) == pytest.approx(float(linear_ipm(x, y).detach()) ** 2, rel=1e-12)
    loss.backward()
    assert x.grad is None and y.grad is not None
    torch.testing.assert_close(y.grad, (-2.0 / 12 * moment_gap(x, y)).expand(12, 3).detach())


def test_weights_are_repetitions():
    x, y = sets(6, 5, 2)
    w, u = torch.tensor([1.0, 2, 0, 1, 3, 1]).double(), torch.tensor([2.0, 1, 1, 1, 1]).double()
    repeated = x.repeat_interleave(w.long(), 0), y.repeat_interleave(u.long(), 0)
    for of in (moment_gap, linear_critic, linear_ipm, feature_matching):
        torch.testing.assert_close(of(x, y, 3 * w, u), of(*repeated))


def test_hansen_j_is_the_inner_maximum_of_a_game():
    g = sets(50, 50, 4)[0] + 0.2
    j = hansen_j(g)
    w = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=200, tolerance_grad=1e-14, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        f = g @ w
        loss = 0.5 * f.square().mean() - f.mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert float(j.statistic) == pytest.approx(-2 * 50 * float(closure().detach()), rel=1e-7)
    assert float(j.p_value) == pytest.approx(chi2.sf(float(j.statistic), 4), rel=1e-9)


def test_hansen_j_is_chi_square_when_the_moments_hold_and_large_when_not():
    """One mean from two unbiased measurements: optimal weights, one degree of freedom."""
    p_values, powers = [], []
    for i in range(300):
        s = Stream(400 + i)
        x = s.normal((400, 2), dtype=torch.float64) * torch.tensor([1.0, 2.0]) + 3.0
        weight = torch.tensor([0.8, 0.2], dtype=torch.float64)  # inverse variances
        mean = (x.mean(0) * weight).sum()
        p_values.append(float(hansen_j(x - mean, 1).p_value))
        broken = x + torch.tensor([0.0, 0.6])
        powers.append(float(hansen_j(broken - (broken.mean(0) * weight).sum(), 1).p_value))
    assert kstest(p_values, "uniform").pvalue > 1e-3
    assert sum(p < 0.05 for p in powers) > 250


def test_hansen_j_is_refused_where_it_has_no_meaning():
    x, _ = sets(20, 20, 2)
    with pytest.raises(ConfigError, match="more moments"):
        hansen_j(x, 2)
    with pytest.raises(DataError, match="singular"):
        hansen_j(torch.cat([x, torch.zeros(20, 1)], 1))


def test_batch_mmd_equals_the_metric():
    x, y = sets(20, 25, 3)
    assert float(weighted_mmd(x, y, sigmas=[0.7, 1.5])) == pytest.approx(
        float(mmd(x, y, gaussian([0.7, 1.5])).value), rel=1e-10
    )
    uniform = torch.full((20,), 5.0).double(), torch.ones(25).double()
    torch.testing.assert_close(weighted_mmd(x, y, *uniform, sigmas=[1.0]), weighted_mmd(x, y, sigmas=[1.0]))


def test_a_zero_weight_is_an_absent_sample():
    x, y = sets(6, 5, 2)
    w, u = torch.tensor([1.0, 1, 0, 1, 1, 1]).double(), torch.tensor([1.0, 1, 1, 1, 0]).double()
    absent = weighted_mmd(x[[0, 1, 3, 4, 5]], y[:4], sigmas=[1.0])
    torch.testing.assert_close(weighted_mmd(x, y, w, u, sigmas=[1.0]), absent)


def test_mmd_objective_is_zero_sum_and_differentiable():
    x, y = sets(8, 8, 1)
    objective = KernelMMD()
    torch.testing.assert_close(objective.discriminator(x, y), -objective.generator(x, y))
    contrast = KernelMMD(contrast=0.5)
    gap = float(x.mean() - y.mean())
    expected = float(objective.discriminator(x, y)) - 0.5 * gap**2
    assert float(contrast.discriminator(x, y)) == pytest.approx(expected, rel=1e-12)
    y.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: objective.generator(x, z), (y,))
    meta = torch.empty(4, 1, device="meta")
    assert objective.generator(meta, meta).shape == ()
    with pytest.raises(ConfigError, match="widths"):
        KernelMMD(sigmas=(0.0,))
    with pytest.raises(ShapeError, match="real logits"):
        objective.generator(None, x)


def test_a_generator_that_scales_and_shifts_finds_its_target():
    x, z = sets(400, 400, 1)
    z = z - 0.4
    theta = torch.tensor([2.5, 0.9], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([theta], max_iter=60, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = KernelMMD((1.0, 2.0, 4.0)).generator(x, theta[0] + theta[1].exp() * z)
        loss.backward()
        return loss

    optimizer.step(closure)
    assert float(theta[0].detach()) == pytest.approx(0.0, abs=4 / math.sqrt(200))
    assert float(theta[1].detach()) == pytest.approx(0.0, abs=4 / math.sqrt(400))
