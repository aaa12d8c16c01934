"""The f-GAN family: conjugates, bounds against quadrature and closed forms, and what each divergence does to a fit."""

import math

import pytest
import torch
from torch.distributions import Normal

from advsci.errors import ConfigError
from advsci.objectives import Minimax
from advsci.objectives.divergences import (
    DIVERGENCES,
    Alpha,
    FDivergence,
    KullbackLeibler,
    Neyman,
    Pearson,
    ReverseKullbackLeibler,
    SquaredHellinger,
    f_divergence,
)
from advsci.streams import Stream

X = torch.linspace(-30.0, 30.0, 60_001, dtype=torch.float64)
CELL = 60.0 / 60_000
FAMILY = {**DIVERGENCES, "alpha=0.5": Alpha(0.5), "alpha=2": Alpha(2.0), "alpha=3": Alpha(3.0), "alpha=-1": Alpha(-1.0)}
SMOOTH = {name: d for name, d in FAMILY.items() if name != "total_variation"}
RATIO = torch.logspace(-2, 2, 41, dtype=torch.float64)
each = pytest.mark.parametrize("divergence", FAMILY.values(), ids=FAMILY.keys())
each_smooth = pytest.mark.parametrize("divergence", SMOOTH.values(), ids=SMOOTH.keys())


def log_density(loc: float, scale: float = 1.0) -> torch.Tensor:
    at, spread = torch.tensor([loc, scale], dtype=torch.float64)
    return Normal(at, spread).log_prob(X)


P, Q = log_density(0.0, 1.0), log_density(0.6, 1.1)


def output_for(divergence, t: torch.Tensor) -> torch.Tensor:
    """The raw output whose activation is ``t``, by bisection: activations increase."""
    low, high = torch.full_like(t, -1e5), torch.full_like(t, 1e5)
    for _ in range(200):
        middle = 0.5 * (low + high)
        above = divergence.activation(middle) > t
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return 0.5 * (low + high)


@each_smooth
def test_derivatives_are_those_of_f(divergence):
    r = RATIO.clone().requires_grad_()
    (first,) = torch.autograd.grad(divergence.f(r).sum(), r, create_graph=True)
    torch.testing.assert_close(first, divergence.optimal_critic(r), rtol=1e-9, atol=1e-12)
    (second,) = torch.autograd.grad(first.sum(), r)
    torch.testing.assert_close(second, divergence.curvature(r.detach()), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(divergence.generator_weight(RATIO), -RATIO * second, rtol=1e-9, atol=1e-12)


@each
def test_conjugate_is_the_supremum(divergence):
    """Fenchel-Young: f(r) + f*(t) >= r t, with equality at t = f'(r)."""
    t = divergence.optimal_critic(RATIO)
    young = divergence.f(RATIO)[:, None] + divergence.conjugate(t)[None] - RATIO[:, None] * t[None]
    assert young.min() > -1e-9 * RATIO.max() ** 3
    torch.testing.assert_close(young.diagonal(), torch.zeros_like(t), rtol=0, atol=1e-9 * float(RATIO.max()) ** 2)


@each
def test_activation_increases_into_the_domain_of_the_conjugate(divergence):
    v = torch.linspace(-8, 8, 33, dtype=torch.float64)
    t = divergence.activation(v)
    assert (t.diff() > 0).all() and divergence.conjugate(t).isfinite().all()
    torch.testing.assert_close(divergence.conjugate_of_activation(v), divergence.conjugate(t), rtol=1e-6, atol=1e-9)


@each
def test_bound_is_tight_at_the_optimal_critic(divergence):
    exact = f_divergence(divergence, P, Q, CELL)
    t = divergence.optimal_critic((P - Q).exp())
    bound = ((P.exp() * t - Q.exp() * divergence.conjugate(t)) * CELL).sum()
    assert float(bound) == pytest.approx(float(exact), rel=1e-6)
    lower = ((P.exp() * 0.9 * t - Q.exp() * divergence.conjugate(0.9 * t)) * CELL).sum()
    assert lower < bound


def closed_forms():
    """N(0, 1) against N(m, 1)."""
    m = 0.8
    bhattacharyya = math.exp(-(m**2) / 8)
    return m, {
        "kl": m**2 / 2,
        "reverse_kl": m**2 / 2,
        "pearson": math.exp(m**2) - 1,
        "neyman": math.exp(m**2) - 1,
        "hellinger": 2 - 2 * bhattacharyya,
        "total_variation": math.erf(m / (2 * math.sqrt(2))),
        "alpha=0.5": 4 * (1 - bhattacharyya),
        "alpha=2": 0.5 * (math.exp(m**2) - 1),
        "alpha=-1": 0.5 * (math.exp(m**2) - 1),
        "alpha=3": (math.exp(3 * m**2) - 1) / 6,
    }


@pytest.mark.parametrize("name", closed_forms()[1])
def test_closed_forms_of_two_gaussians(name):
    m, values = closed_forms()
    quadrature = f_divergence(FAMILY[name], log_density(0.0), log_density(m), CELL)
    assert float(quadrature) == pytest.approx(values[name], rel=1e-6)


def test_gan_and_jensen_shannon_differ_by_a_constant_and_are_the_minimax_value():
    js, gan = (f_divergence(DIVERGENCES[name], P, Q, CELL) for name in ("jensen_shannon", "gan"))
    assert float(gan) == pytest.approx(float(js) - 2 * math.log(2), rel=1e-9)
    weight = (P.exp() * CELL, Q.exp() * CELL)
    value = -Minimax().discriminator(P - Q, P - Q, *weight)
    assert float(value) == pytest.approx(float(gan), rel=1e-9)


@each_smooth
def test_objective_is_minus_the_divergence_at_its_optimum(divergence):
    inside = X.abs() < 4  # where the outputs are of moderate size
    p, q = (P.exp() * CELL)[inside], (Q.exp() * CELL)[inside]
    p, q = p / p.sum(), q / q.sum()
    v = output_for(divergence, divergence.optimal_critic(p / q)).requires_grad_()
    loss = FDivergence(divergence).discriminator(v, v, p, q)
    assert float(loss.detach()) == pytest.approx(-float(f_divergence(divergence, p.log(), q.log())), rel=1e-6)
    (gradient,) = torch.autograd.grad(loss, v)
    assert gradient.abs().max() < 1e-9


@each_smooth
def test_generator_moves_samples_by_the_curvature_weight(divergence):
    x = torch.linspace(-1.5, 1.5, 7, dtype=torch.float64, requires_grad=True)
    ratio = torch.exp(0.4 * x - 0.1 * x**2)
    (slope,) = torch.autograd.grad(ratio.sum(), x, retain_graph=True)
    loss = -divergence.conjugate(divergence.optimal_critic(ratio)).sum()
    (gradient,) = torch.autograd.grad(loss, x)
    torch.testing.assert_close(gradient, divergence.generator_weight(ratio.detach()) * slope, rtol=1e-8, atol=1e-12)


def fit_gaussian(divergence, target: torch.Tensor, start: tuple[float, float]) -> tuple[float, float]:
    """Mean and deviation of the Gaussian with the least divergence from the target, by direct optimisation."""
    parameters = torch.tensor([start[0], math.log(start[1])], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [parameters], max_iter=300, tolerance_grad=1e-11, tolerance_change=1e-15, line_search_fn="strong_wolfe"
    )
    nodes = X[::10]

    def closure():
        optimizer.zero_grad()
        log_q = Normal(parameters[0], parameters[1].exp()).log_prob(nodes)
        loss = f_divergence(divergence, target[::10], log_q.clamp(min=-600), 10 * CELL)
        loss.backward()
        return loss

    optimizer.step(closure)
    mean, log_scale = parameters.detach().tolist()
    return mean, math.exp(log_scale)


def test_kl_covers_modes_and_reverse_kl_seeks_one():
    """Forward KL matches the mixture's mean and variance; reverse KL sits on a mode and has its width."""
    target = torch.logaddexp(log_density(-3.0, 0.7), log_density(3.0, 0.7)) - math.log(2)
    mean, scale = fit_gaussian(KullbackLeibler(), target, (0.5, 2.0))
    assert mean == pytest.approx(0.0, abs=1e-5) and scale == pytest.approx(math.sqrt(9 + 0.49), rel=1e-5)
    mean, scale = fit_gaussian(ReverseKullbackLeibler(), target, (1.5, 1.0))
    assert mean == pytest.approx(3.0, abs=0.02) and scale == pytest.approx(0.7, rel=0.02)


def test_alpha_family_holds_its_special_cases():
    for alpha, factor, special in ((2.0, 0.5, Pearson()), (-1.0, 0.5, Neyman()), (0.5, 2.0, SquaredHellinger())):
        torch.testing.assert_close(Alpha(alpha).f(RATIO), factor * special.f(RATIO), rtol=1e-9, atol=1e-12)
    near = Alpha(1 - 1e-7), Alpha(1e-7)
    kl = KullbackLeibler().f(RATIO) - (RATIO - 1), ReverseKullbackLeibler().f(RATIO) + (RATIO - 1)
    for a, limit in zip(near, kl, strict=True):
        torch.testing.assert_close(a.f(RATIO), limit, rtol=1e-4, atol=1e-6)


@each
def test_objective_takes_weights_and_runs_on_meta(divergence):
    real, fake = Stream(1).normal((2, 5), dtype=torch.float64)
    twice = torch.tensor([2.0, 0.0, 1.0, 1.0, 1.0], dtype=torch.float64)
    repeat = twice.long()
    for objective in (FDivergence(divergence), FDivergence(divergence, non_saturating=True)):
        for loss in (objective.discriminator, objective.generator):
            counted = loss(real.repeat_interleave(repeat), fake.repeat_interleave(repeat))
            torch.testing.assert_close(loss(real, fake, twice, twice), counted)
        assert objective.discriminator(real.to("meta"), fake.to("meta")).shape == ()


def test_unknown_names_and_limits_are_named():
    with pytest.raises(ConfigError, match="reverse_kl"):
        FDivergence("kullback")
    with pytest.raises(ConfigError, match="KullbackLeibler"):
        Alpha(1.0)


@pytest.mark.parametrize("member", [*DIVERGENCES.values(), *map(Alpha, (-2.0, 0.1, 0.5, 0.9, 0.99, 1.1, 3.0))], ids=str)
@pytest.mark.parametrize("level", [-1000.0, -100.0, 100.0, 1000.0])
def test_losses_and_slopes_are_finite_in_single_precision_however_large_the_logits(member, level):
    for objective in (FDivergence(member), FDivergence(member, non_saturating=True)):
        logits = torch.tensor([level], dtype=torch.float32, requires_grad=True)
        for loss in (objective.discriminator(logits, logits), objective.generator(None, logits)):
            (slope,) = torch.autograd.grad(loss, logits)
            assert bool(torch.isfinite(loss)) and bool(torch.isfinite(slope).all())
