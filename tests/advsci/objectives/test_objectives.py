"""Objectives against the closed forms of the two-player game, in float64."""

import math

import pytest
import torch
from torch.distributions import Normal

from advsci.errors import ConfigError, ShapeError
from advsci.objectives import (
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    RelativisticPairing,
    Wasserstein,
    saturating,
    weighted_mean,
)

ALL = [Minimax(), NonSaturating(), Hinge(), LeastSquares(), Wasserstein(), RelativisticPairing()]
GRID = torch.linspace(-20.0, 20.0, 8001, dtype=torch.float64)


def log_density(loc: float, scale: float = 1.0) -> torch.Tensor:
    at, spread = torch.tensor([loc, scale], dtype=torch.float64)
    return Normal(at, spread).log_prob(GRID)


def density(loc: float, scale: float = 1.0) -> torch.Tensor:
    """Quadrature weights of a Gaussian on the grid: a sample for which expectations are exact to about 1e-12."""
    mass = log_density(loc, scale).exp()
    return mass / mass.sum()


def jsd(p: torch.Tensor, q: torch.Tensor) -> float:
    m = (p + q) / 2
    return 0.5 * float((torch.special.xlogy(p, p / m) + torch.special.xlogy(q, q / m)).nan_to_num().sum())


@pytest.mark.parametrize("loc", [0.0, 0.7, 3.0])
def test_minimax_value_at_optimal_discriminator_is_jsd(loc):
    p, q = density(0.0), density(loc, 1.3)
    logits = log_density(0.0) - log_density(loc, 1.3)
    value = -Minimax().discriminator(logits, logits, p, q)
    assert float(value) == pytest.approx(-2 * math.log(2) + 2 * jsd(p, q), rel=1e-9)


def test_optimal_discriminator_is_log_density_ratio():
    p, q = density(0.0), density(1.0, 1.5)
    logits = (log_density(0.0) - log_density(1.0, 1.5)).requires_grad_()
    for objective in (Minimax(), NonSaturating()):
        (gradient,) = torch.autograd.grad(objective.discriminator(logits, logits, p, q), logits)
        assert gradient.abs().max() < 1e-15


def test_value_bounds_equal_and_disjoint():
    zero = torch.zeros(5, dtype=torch.float64)
    assert float(-Minimax().discriminator(zero, zero)) == pytest.approx(-2 * math.log(2), rel=1e-12)
    far = torch.full((5,), 800.0, dtype=torch.float64)
    assert float(Minimax().discriminator(far, -far)) == 0.0  # disjoint supports: the value is 0


def test_generator_gradients_in_the_logit():
    a = torch.linspace(-30, 30, 13, dtype=torch.float64, requires_grad=True)
    d = torch.sigmoid(a.detach())
    (sat,) = torch.autograd.grad(13 * Minimax().generator(None, a), a)
    torch.testing.assert_close(sat, -d, rtol=1e-9, atol=0)
    (non,) = torch.autograd.grad(13 * NonSaturating().generator(None, a), a)
    torch.testing.assert_close(non, -torch.sigmoid(-a.detach()), rtol=1e-9, atol=0)


def test_affine_logit_cannot_tell_symmetric_mixture_from_centred_gaussian():
    """Data at +-mu against a centred Gaussian: the best affine logit is 0, and the generator gets no signal."""
    p = (density(-2.0) + density(2.0)) / 2
    q = density(0.0)
    ab = torch.tensor([0.3, -0.2], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [ab], max_iter=200, tolerance_grad=1e-14, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        logits = ab[0] + ab[1] * GRID
        loss = Minimax().discriminator(logits, logits, p, q)
        loss.backward()
        return loss

    optimizer.step(closure)
    assert ab.detach().abs().max() < 1e-7
    x = GRID.clone().requires_grad_()
    (signal,) = torch.autograd.grad(Minimax().generator(None, ab[0].detach() + ab[1].detach() * x, None, q), x)
    assert signal.abs().max() < 1e-7


def test_wasserstein_of_two_points_and_of_shifted_gaussians():
    a, b = torch.tensor([1.7], dtype=torch.float64), torch.tensor([-0.4], dtype=torch.float64)
    assert float(-Wasserstein().discriminator(a, b)) == pytest.approx(2.1, rel=1e-12)  # critic f(x) = x
    shift = 1.3
    value = -Wasserstein().discriminator(GRID, GRID, density(shift), density(0.0))
    assert float(value) == pytest.approx(shift, rel=1e-9)


def test_hinge_optimal_discriminator_is_sign_and_value_is_total_variation():
    p, q = density(0.0), density(1.0)
    sign = torch.where(p >= q, 1.0, -1.0).double()
    loss = Hinge().discriminator(sign, sign, p, q)
    assert float(loss) == pytest.approx(2.0 - float((p - q).abs().sum()), rel=1e-9)
    for other in (0.9 * sign, 1.1 * sign):
        assert Hinge().discriminator(other, other, p, q) >= loss


def test_least_squares_is_pearson_chi_square_of_the_mixture():
    """At the optimal discriminator with b - c = 1, b - a = 2 the generator's loss over p and q is chi2(p+q || 2q)/2."""
    p, q = density(0.0), density(0.8)
    objective = LeastSquares(fake=-1.0, real=1.0, wanted=0.0)
    best = ((p - q) / (p + q)).nan_to_num().requires_grad_()
    (gradient,) = torch.autograd.grad(objective.discriminator(best, best, p, q), best)
    assert gradient.abs().max() < 1e-15
    both = objective.generator(None, best.detach(), None, p) + objective.generator(None, best.detach(), None, q)
    chi = (((p + q) - 2 * q) ** 2 / (p + q)).nan_to_num().sum()
    assert float(both) == pytest.approx(0.5 * float(chi), rel=1e-9)


def test_relativistic_pairing_is_blind_to_a_constant_and_balanced_at_zero():
    real, fake = torch.randn(2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    objective = RelativisticPairing()
    shifted = objective.discriminator(real + 5, fake + 5)
    torch.testing.assert_close(shifted, objective.discriminator(real, fake))
    assert float(objective.discriminator(real, real)) == pytest.approx(math.log(2), rel=1e-12)
    torch.testing.assert_close(objective.generator(real, fake), objective.discriminator(fake, real))
    with pytest.raises(ShapeError, match="pairs"):
        objective.generator(None, fake)
    with pytest.raises(ShapeError, match="pairs"):
        objective.discriminator(real[:, None], fake)


def test_smoothed_optimum_is_the_smoothed_target():
    """One-sided smoothing moves the best D to (1 - s) p / (p + q): the fakes' target stays 0."""
    p, q, s = density(0.0), density(1.0), 0.1
    # per grid point: minimise p (softplus(a) - (1-s) a) + q softplus(a)
    d = (1 - s) * p / (p + q)
    logits = torch.logit(d).nan_to_num(0.0).requires_grad_()
    (gradient,) = torch.autograd.grad(NonSaturating(smoothing=s).discriminator(logits, logits, p, q), logits)
    assert gradient.abs().max() < 1e-15


@pytest.mark.parametrize("objective", ALL, ids=lambda o: type(o).__name__)
def test_weights_count_samples(objective):
    """Integer weights are repeated samples; a weight of zero is an absent sample; scale does not matter."""
    generator = torch.Generator().manual_seed(2)
    real, fake = torch.randn(2, 4, 1, dtype=torch.float64, generator=generator)
    weight = torch.tensor([2.0, 0.0, 1.0, 3.0], dtype=torch.float64)
    repeat = weight.long()
    for loss in (objective.discriminator, objective.generator):
        counted = loss(real.repeat_interleave(repeat, 0), fake.repeat_interleave(repeat, 0))
        torch.testing.assert_close(loss(real, fake, 7 * weight, 7 * weight), counted, rtol=1e-12, atol=0)


@pytest.mark.parametrize("objective", ALL, ids=lambda o: type(o).__name__)
def test_finite_value_and_gradient_at_extreme_logits(objective):
    for scale in (1e4, -1e4):
        real = torch.tensor([scale, -scale], requires_grad=True)
        fake = torch.tensor([-scale, scale], requires_grad=True)
        for loss in (objective.discriminator(real, fake), objective.generator(real, fake)):
            gradients = torch.autograd.grad(loss, (real, fake), allow_unused=True)
            assert torch.isfinite(loss) and all(g is None or g.isfinite().all() for g in gradients)


@pytest.mark.parametrize("objective", ALL, ids=lambda o: type(o).__name__)
def test_runs_on_meta_and_leaves_the_generator_blind_to_real_unless_said(objective):
    real, fake = torch.empty(3, 1, device="meta"), torch.empty(3, 1, device="meta")
    assert objective.discriminator(real, fake).shape == ()
    assert objective.generator(real if objective.uses_real_in_generator else None, fake).device.type == "meta"


def test_saturating_matches_its_definition():
    a = torch.linspace(-5, 5, 11, dtype=torch.float64)
    torch.testing.assert_close(saturating(a), torch.log(1 - torch.sigmoid(a)))


def test_errors_say_what_is_wrong():
    with pytest.raises(ShapeError, match="one weight per sample"):
        weighted_mean(torch.zeros(3, 1), torch.ones(3, 1)[:2, 0])
    with pytest.raises(ConfigError, match="smoothing"):
        NonSaturating(smoothing=1.0)
