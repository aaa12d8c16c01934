"""Latent search against the closed-form posterior of a linear generator, where everything is Gaussian."""

import pytest
import torch
from torch import nn

from advsci_inverse.operators import DenseOperator
from advsci_inverse.priors.networks import Synthesis
from advsci_inverse.priors.prior import GeneratorPrior
from advsci_inverse.search.latent import LatentSearch, levenberg_marquardt
from advsci_inverse.search.quasi_newton import lbfgs


class _Linear(nn.Module):
    def __init__(self, weight, bias):
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    def forward(self, z):
        return (z @ self.weight.T + self.bias).reshape(-1, 1, 4, 4)


def _linear_prior():
    g = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(16, 3, generator=g), torch.randn(16, generator=g)
    prior = GeneratorPrior(Synthesis(_Linear(weight, bias), None, 3), (4, 4), rank=2)
    prior.residual_factor.copy_(0.3 * torch.randn(16, 2, generator=g))
    prior.residual_diagonal.fill_(0.05)
    return prior, weight, bias


@pytest.mark.parametrize(("method", "steps"), [("lm", 30), ("lbfgs", 60)])
def test_search_gives_the_exact_posterior_of_a_linear_generator(method, steps):
    prior, weight, bias = _linear_prior()
    g = torch.Generator().manual_seed(1)
    a = torch.randn(6, 16, generator=g)
    y = torch.randn(5, 6, generator=g) * 3
    found = LatentSearch(prior, DenseOperator(a, (4, 4)), 0.2, screen=64)(y, starts=2, steps=steps, method=method)
    covariance = weight @ weight.T + prior.residual_covariance()
    s = a @ covariance @ a.T + 0.04 * torch.eye(6)
    gain = covariance @ a.T @ torch.linalg.inv(s)
    innovation = y - bias @ a.T
    torch.testing.assert_close(found.mean.flatten(1), bias + innovation @ gain.T, rtol=1e-2, atol=1e-2)
    variance = (covariance - gain @ a @ covariance).diagonal().expand(5, 16)
    torch.testing.assert_close(found.deviation.flatten(1).square(), variance, rtol=2e-2, atol=1e-2)
    chi2 = (innovation @ torch.linalg.inv(s) * innovation).sum(1)
    torch.testing.assert_close(found.misfit * 6, chi2, rtol=1e-2, atol=1e-2)


def test_a_start_that_is_handed_in_is_used():
    prior, weight, bias = _linear_prior()
    operator = DenseOperator(torch.randn(6, 16, generator=torch.Generator().manual_seed(1)), (4, 4))
    y, first = torch.randn(5, 6), torch.randn(5, 3)
    search = LatentSearch(prior, operator, 0.2, screen=64)
    found = search(y, starts=2, steps=0, first=first)
    torch.testing.assert_close(found.latents[:, 0], first)
    torch.testing.assert_close(found.latents[:, 1], search.screen(search.whiten(y), 2)[:, 1])


def test_misfit_of_images_of_the_prior_is_one_on_average():
    prior, weight, bias = _linear_prior()
    g = torch.Generator().manual_seed(2)
    a = torch.randn(8, 16, generator=g)
    x = bias + torch.randn(400, 3, generator=g) @ weight.T + torch.randn(400, 2, generator=g) @ prior.residual_factor.T
    x = x + torch.randn(400, 16, generator=g) * prior.residual_diagonal.sqrt()
    y = x @ a.T + 0.2 * torch.randn(400, 8, generator=g)
    found = LatentSearch(prior, DenseOperator(a, (4, 4)), 0.2, screen=64)(y, starts=1, steps=30)
    assert abs(float(found.misfit.mean()) - 1.0) < 0.1
    inside = ((found.mean.flatten(1) - x).abs() < 1.645 * found.deviation.flatten(1)).float().mean()
    assert 0.87 < float(inside) < 0.93


def test_levenberg_marquardt_descends_on_a_curved_problem():
    def rosenbrock(z):
        r = torch.stack([10 * (z[:, 1] - z[:, 0] ** 2), 1 - z[:, 0]], 1)
        jac = torch.zeros(len(z), 2, 2)
        jac[:, 0, 0], jac[:, 0, 1], jac[:, 1, 0] = -20 * z[:, 0], 10.0, -1.0
        return r, jac

    start = torch.tensor([[-1.2, 1.0], [0.5, 2.0]])
    values = [levenberg_marquardt(rosenbrock, start, steps=k)[1] for k in (0, 5, 40)]
    assert bool((values[1] <= values[0]).all() and (values[2] <= values[1]).all())
    z, _, r, jac = levenberg_marquardt(rosenbrock, start, steps=200)
    slope = (jac.mT @ r[..., None])[..., 0] + z
    assert float(slope.abs().max()) < 1e-2


def test_jacobian_of_the_prior_is_that_of_its_generator():
    prior, weight, _ = _linear_prior()
    value, tangents = prior.jacobian(torch.randn(2, 3))
    assert value.shape == (2, 4, 4)
    torch.testing.assert_close(tangents.flatten(2), weight.T.expand(2, 3, 16), rtol=1e-5, atol=1e-5)


def test_lbfgs_solves_quadratics_of_any_condition_and_a_curved_valley():
    g = torch.Generator().manual_seed(0)
    root = torch.randn(7, 6, 6, generator=g, dtype=torch.float64)
    h = root @ root.mT + 1e-3 * torch.eye(6, dtype=torch.float64)
    b = torch.randn(7, 6, generator=g, dtype=torch.float64)

    def quadratic(z):
        hz = (h @ z[..., None])[..., 0]
        return (0.5 * z * hz - b * z).sum(1), hz - b

    z, value = lbfgs(quadratic, torch.zeros(7, 6, dtype=torch.float64), steps=200)
    exact = torch.linalg.solve(h, b)
    torch.testing.assert_close(value, -0.5 * (b * exact).sum(1), rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(z, exact, rtol=1e-3, atol=1e-4)

    def rosenbrock(z):
        x, y = z[:, 0], z[:, 1]
        slope = torch.stack([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)], 1)
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2, slope

    z, value = lbfgs(rosenbrock, torch.tensor([[-1.2, 1.0], [2.0, -1.0]], dtype=torch.float64), steps=150)
    torch.testing.assert_close(z, torch.ones(2, 2, dtype=torch.float64), rtol=0, atol=1e-4)
