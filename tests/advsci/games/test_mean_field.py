r"""The linear-quadratic mean-field game against its closed form.

Cost :math:`\frac12 |v|^2 + \kappa\, m(t) \cdot x` with :math:`m = E X`, terminal :math:`\frac c2 |x|^2`. The value
function is
:math:`\frac12 a |x|^2 + b \cdot x + const` with :math:`a = c / (1 + c (T - t))`; the mean obeys :math:`m'' = \kappa m`,
:math:`m'(T) = -c\, m(T)`, and :math:`b = -m' - a m`; the spread obeys :math:`(s^2)' = -2 a s^2 + 2 \nu`.
"""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci.games import MeanFieldGame
from advsci.solvers import player_gradient, vector_field

T, C, KAPPA = 1.0, 2.0, 1.5
M0 = torch.tensor([1.0, -0.5], dtype=torch.float64)
S0 = 0.7


def mean(t: Tensor) -> tuple[Tensor, Tensor]:
    """m(t) / m(0) and its derivative."""
    r = math.sqrt(KAPPA)
    slope = -(r * math.sinh(r * T) + C * math.cosh(r * T)) / (r * math.cosh(r * T) + C * math.sinh(r * T))
    value = torch.cosh(r * t) + slope * torch.sinh(r * t)
    return value, r * (torch.sinh(r * t) + slope * torch.cosh(r * t))


def curvature(t: Tensor) -> Tensor:
    return C / (1.0 + C * (T - t))


def spread(t: Tensor, nu: float) -> Tensor:
    d = 1.0 + C * (T - t)
    start = 1.0 + C * T
    return d * torch.sqrt((S0 / start) ** 2 + 2.0 * nu / C * (1.0 / d - 1.0 / start))


class Deviation(nn.Module):
    """A free smooth function of time: five Chebyshev polynomials, one row of coefficients an output."""

    def __init__(self, outputs: int):
        super().__init__()
        self.rows = nn.Parameter(torch.zeros(outputs, 5, dtype=torch.float64))

    def forward(self, t: Tensor) -> Tensor:
        u = 2.0 * t / T - 1.0
        basis = torch.stack([torch.ones_like(u), u, 2 * u**2 - 1, 4 * u**3 - 3 * u, 8 * u**4 - 8 * u**2 + 1], -1)
        return basis @ self.rows.T


class Value(nn.Module):
    def __init__(self, exact: bool = True):
        super().__init__()
        self.deviation, self.exact = Deviation(3), exact

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        extra = self.deviation(t)
        a, b = extra[..., 0], extra[..., 1:]
        if self.exact:
            m, dm = mean(t)
            a = a + curvature(t)
            b = b + (-dm - curvature(t) * m)[..., None] * M0
        return 0.5 * a * x.square().sum(-1) + (b * x).sum(-1)


class Population(nn.Module):
    def __init__(self, nu: float, exact: bool = True):
        super().__init__()
        self.deviation, self.nu, self.exact = Deviation(3), nu, exact

    def forward(self, z: Tensor, t: Tensor) -> Tensor:
        extra = t[:, None] * self.deviation(t)
        m = (mean(t)[0] if self.exact else torch.ones_like(t))[:, None] * M0 + extra[:, 1:]
        s = (spread(t, self.nu) if self.exact else S0 * torch.ones_like(t)) * (1.0 + extra[:, 0])
        return m[:, None] + s[:, None, None] * (z - M0) / S0


def exact_integrals(times: int = 40):
    """Gauss-Hermite positions and Gauss-Legendre times: the expectations and integrals of this test, to rounding."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    grid = torch.tensor(np.stack(np.meshgrid(nodes, nodes), -1).reshape(-1, 2))
    weight = torch.tensor(np.outer(weights, weights).reshape(-1) / (2 * math.pi))
    time, time_weight = (torch.tensor(a) for a in np.polynomial.legendre.leggauss(times))
    batch = {"x": M0 + S0 * grid, "weight": weight}
    return batch, {"time": T / 2 * (1 + time), "time_weight": T / 2 * time_weight}


def game(nu: float, exact: bool = True) -> MeanFieldGame:
    return MeanFieldGame(
        Population(nu, exact),
        Value(exact),
        running_cost=lambda x, weight: 0.5 * KAPPA * torch.einsum("knd,n->kd", x, weight).square().sum(1),
        terminal_cost=lambda x: 0.5 * C * x.square().sum(-1),
        viscosity=nu,
        horizon=T,
    )


@pytest.mark.parametrize("nu", [0.0, 0.3])
def test_the_closed_form_is_an_equilibrium(nu):
    _, field = vector_field(game(nu), *exact_integrals())
    for player, gradients in field.items():
        for gradient in gradients:
            assert gradient is not None and gradient.abs().max() < 1e-9, player


def test_elsewhere_is_no_equilibrium():
    g = game(0.3)
    with torch.no_grad():
        g.value.deviation.rows[0, 1] += 0.1
    _, field = vector_field(g, *exact_integrals())
    assert all(gradient.abs().max() > 1e-3 for gradients in field.values() for gradient in gradients)


def test_functional_at_equilibrium_is_the_optimal_cost():
    nu = 0.3
    batch, draw = exact_integrals()
    t = draw["time"]
    m, dm = mean(t)
    a, s2 = curvature(t), spread(t, nu).square()
    norm = M0.square().sum()
    # control v = -(a x + b): E|v|^2 = |m'|^2 + a^2 d s^2
    running = 0.5 * (dm.square() * norm + a.square() * 2 * s2) + 0.5 * KAPPA * m.square() * norm
    end = torch.tensor(T, dtype=torch.float64)
    terminal = 0.5 * C * (mean(end)[0].square() * norm + 2 * spread(end, nu).square())
    cost = (draw["time_weight"] * running).sum() + terminal
    torch.testing.assert_close(game(nu).functional(batch, draw), cost, rtol=1e-9, atol=0)


def test_the_field_vanishes_only_there():
    """Newton's method on the game's field, from a population at rest, arrives at the closed form."""
    g = game(0.0, exact=False)
    batch, draw = exact_integrals(12)
    parameters = [p for player in g.players for p in g.parameters_of(player)]
    for _ in range(12):
        gradients = [player_gradient(g, player, batch, draw, create_graph=True)[1][0] for player in g.players]
        field = torch.cat([gradient.reshape(-1) for gradient in gradients if gradient is not None])
        rows = [torch.autograd.grad(v, parameters, retain_graph=True, materialize_grads=True) for v in field]
        jacobian = torch.stack([torch.cat([part.reshape(-1) for part in row]) for row in rows])
        step = torch.linalg.solve(jacobian, field)
        with torch.no_grad():
            for p, move in zip(parameters, step.split([p.numel() for p in parameters]), strict=True):
                p -= move.view_as(p)
    assert field.abs().max() < 1e-10
    t = torch.linspace(0, T, 7, dtype=torch.float64)
    # what five polynomials can represent of the closed form
    torch.testing.assert_close(g.population(batch["x"], t), Population(0.0)(batch["x"], t), rtol=0, atol=2e-3)


def test_wrong_shapes_are_named():
    g = game(0.0)
    g.population.forward = lambda z, t: z  # type: ignore[method-assign]
    with pytest.raises(ShapeError, match="the population got 16 positions and 40 times"):
        g.check(*exact_integrals())
