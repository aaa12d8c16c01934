"""Trial against test function: for linear classes the equilibrium is the Galerkin solution."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from advsci.errors import DataError, ShapeError
from advsci.games import WeakForm
from advsci.solvers import player_gradient


class Sines(nn.Module):
    """sum_k c_k sin(k pi x) on [0, 1]: vanishes on the boundary."""

    def __init__(self, count: int):
        super().__init__()
        self.coefficients = nn.Parameter(torch.zeros(count, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        k = torch.arange(1, len(self.coefficients) + 1, dtype=x.dtype)
        return torch.sin(math.pi * x * k) @ self.coefficients


def quadrature(count: int = 60) -> dict[str, Tensor]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return {"x": torch.tensor(0.5 + 0.5 * nodes)[:, None], "weight": torch.tensor(0.5 * weights)}


def poisson(x, u, du, phi, dphi):
    """-u'' = exp(x) in weak form."""
    return (du * dphi).sum(1) - torch.exp(x[:, 0]) * phi


def game(count: int = 6) -> WeakForm:
    return WeakForm(Sines(count), Sines(count), poisson, lambda x: torch.ones_like(x[:, 0]))


def galerkin(count: int = 6) -> Tensor:
    """Stiffness (k pi)^2 / 2 on the diagonal; load = integral of exp(x) sin(k pi x)."""
    k = torch.arange(1, count + 1, dtype=torch.float64) * math.pi
    load = k * (1.0 - math.e * torch.cos(k)) / (1.0 + k**2)
    return 2.0 * load / k**2


def test_best_test_function_is_the_riesz_representer():
    g, batch = game(), quadrature()
    with torch.no_grad():
        k = torch.arange(1, 7, dtype=torch.float64) * math.pi
        coefficients = torch.linspace(0.3, -0.2, 6, dtype=torch.float64)
        g.trial.coefficients.copy_(coefficients)
        residual = k**2 / 2 * (coefficients - galerkin())
        g.test.coefficients.copy_(residual)  # the mass matrix is 1/2 on the diagonal
    _, (gradient,) = player_gradient(g, "test", batch, {})
    assert gradient is not None and gradient.abs().max() < 1e-9
    torch.testing.assert_close(g.ratio(batch), 2.0 * residual.square().sum(), rtol=1e-9, atol=0)


def test_equilibrium_is_the_galerkin_solution():
    g, batch = game(), quadrature()
    with torch.no_grad():
        g.trial.coefficients.copy_(galerkin())
    for seed in range(5):
        with torch.no_grad():
            g.test.coefficients.copy_(torch.randn(6, generator=torch.Generator().manual_seed(seed)))
        assert g.ratio(batch) < 1e-24, "no test function of the class sees a residual"
        _, (gradient,) = player_gradient(g, "trial", batch, {})
        assert gradient is not None and gradient.abs().max() < 1e-9


def test_exact_solution_passes_every_test_function():
    class Exact(nn.Module):
        def forward(self, x):  # -u'' = exp(x), u(0) = u(1) = 0
            return 1.0 + (math.e - 1.0) * x[:, 0] - torch.exp(x[:, 0])

    g = WeakForm(Exact(), Sines(6), poisson, lambda x: torch.ones_like(x[:, 0]))
    with torch.no_grad():
        g.test.coefficients.copy_(torch.tensor([1.0, -2.0, 0.5, 3.0, 0.1, 1.0]))
    assert g.ratio(quadrature()) < 1e-24


def test_test_player_does_not_feel_the_scale_of_phi():
    g, batch = game(), quadrature()
    with torch.no_grad():
        g.test.coefficients.copy_(torch.linspace(1, 2, 6))
    before = g.loss("test", batch, {})
    with torch.no_grad():
        g.test.coefficients.mul_(100.0)
    torch.testing.assert_close(g.loss("test", batch, {}), before)


def test_boundary_term_is_the_weighted_mean_square():
    g = WeakForm(Sines(6), Sines(6), poisson, lambda x: torch.ones_like(x[:, 0]), boundary_weight=10.0)
    edge = {"boundary": torch.tensor([[0.0], [1.0]], dtype=torch.float64), "value": torch.tensor([1.0, 3.0]).double()}
    with torch.no_grad():
        g.test.coefficients.fill_(1.0)
    terms = g.terms("trial", quadrature() | edge, {})
    torch.testing.assert_close(terms["boundary"], torch.tensor(50.0, dtype=torch.float64))


def test_what_does_not_fit_is_named():
    with pytest.raises(DataError, match="expected 'value'"):
        game().check(quadrature() | {"boundary": torch.zeros(2, 1, dtype=torch.float64)}, {})
    bad = WeakForm(nn.Linear(1, 2, dtype=torch.float64), Sines(6), poisson, lambda x: x[:, 0])
    with pytest.raises(ShapeError, match="trial function"):
        bad.check(quadrature(), {})
