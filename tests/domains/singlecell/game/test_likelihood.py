"""Log-likelihoods against scipy's, normalisation, gradients."""

import pytest
import torch
from scipy import stats

from advsci_singlecell.game.likelihood import gaussian, negative_binomial, poisson, zero_inflated_negative_binomial


@pytest.fixture
def case():
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 30, (5, 4), generator=generator).double()
    mean = 10.0 * torch.rand(5, 4, generator=generator, dtype=torch.float64) + 0.1
    return x, mean, 3.0 * torch.rand(4, generator=generator, dtype=torch.float64) + 0.2


def test_negative_binomial_is_scipys(case):
    x, mean, theta = case
    expected = stats.nbinom.logpmf(x, theta, theta / (theta + mean))
    torch.testing.assert_close(negative_binomial(x, mean, theta), torch.as_tensor(expected), rtol=1e-6, atol=1e-6)


def test_poisson_and_gaussian_are_scipys(case):
    x, mean, theta = case
    torch.testing.assert_close(poisson(x, mean), torch.as_tensor(stats.poisson.logpmf(x, mean)), rtol=1e-6, atol=1e-6)
    expected = stats.norm.logpdf(x, mean, theta.sqrt())
    torch.testing.assert_close(gaussian(x, mean, theta), torch.as_tensor(expected))


def test_zero_inflated_sums_to_one_and_has_the_right_zero():
    x = torch.arange(0.0, 400.0, dtype=torch.float64)[:, None]
    mean, theta, logit = (torch.full((400, 1), v, dtype=torch.float64) for v in (5.0, 2.0, 0.7))
    p = zero_inflated_negative_binomial(x, mean, theta, logit).exp()
    assert float(p.sum()) == pytest.approx(1.0, abs=1e-6)
    pi = torch.sigmoid(torch.tensor(0.7, dtype=torch.float64))
    assert float(p[0]) == pytest.approx(float(pi + (1 - pi) * (2.0 / 7.0) ** 2), rel=1e-6)


def test_gradients(case):
    x, mean, theta = case
    inputs = (mean.requires_grad_(), theta.requires_grad_())
    assert torch.autograd.gradcheck(lambda m, t: negative_binomial(x, m, t), inputs)


def test_a_mean_of_zero_stays_finite():
    zero = torch.zeros(1, 1)
    assert torch.isfinite(negative_binomial(zero, zero, torch.ones(1))).all()
