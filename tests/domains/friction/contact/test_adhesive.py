"""Adhesion of short range: the theory of Johnson, Kendall and Roberts, hysteresis, pull-off, and the adjoint."""

import math

import pytest
import torch

from advsci.errors import ConvergenceError, DataError
from advsci_friction.contact.adhesive import solve_adhesive
from advsci_friction.contact.closed_forms import johnson_adhesive_load
from advsci_friction.contact.solve import solve_contact

F64 = torch.float64
AMPLITUDE = 0.01


def wave(n):
    return AMPLITUDE * torch.cos(2.0 * math.pi * torch.arange(n, dtype=F64) / n)


def work_of(alpha):
    return 0.5 * (alpha * math.pi * AMPLITUDE) ** 2  # E* = 1, one wave


def johnsons_width(ratio, alpha):
    width = torch.linspace(0.001, 0.999, 20001, dtype=F64)
    load = johnson_adhesive_load(width, alpha)
    rising = ((load[:-1] < ratio) & (load[1:] >= ratio)).nonzero().flatten()
    return float(width[rising[-1]])


def test_the_sine_tends_to_johnsons_as_the_range_falls():
    n, alpha, ratios = 512, 0.15, torch.tensor([0.05, 0.2, 0.3], dtype=F64)
    exact = torch.tensor([johnsons_width(float(r), alpha) for r in ratios], dtype=F64)
    away = []
    for reach in (0.1, 0.02):
        h, load = wave(n).expand(3, n), ratios * math.pi * AMPLITUDE
        found = solve_adhesive(h, load, 1.0, (1.0,), work=work_of(alpha), reach=reach * AMPLITUDE)
        away.append(float((found.touching.double().mean(1) / exact - 1.0).abs().max()))
        assert torch.allclose(found.pressure.mean(1), load, rtol=1e-9)
        assert float(found.pressure.min()) < 0.0, "the rim is in tension"
    assert away[1] < 0.03 and away[1] < away[0]


def test_the_sphere_tends_to_jkr():
    n, radius, work, reach = 64, 8.0, 2e-5, 6e-4
    x = (torch.arange(n, dtype=F64) + 0.5) / n - 0.5
    h = -(x[:, None].square() + x[None, :].square()) / (2.0 * radius)
    found = solve_adhesive(h, 0.0, 1.0, (1.0, 1.0), work=work, reach=reach)
    exact = (4.5 * math.pi * work * radius**2) ** (1.0 / 3.0)
    assert math.sqrt(float(found.touching.double().mean()) / math.pi) == pytest.approx(exact, rel=0.05)
    assert solve_contact(h, 1e-6, 1.0, (1.0, 1.0)).touching.double().mean() < 0.2 * found.touching.double().mean()


def test_without_attraction_it_is_the_elastic_contact():
    h = wave(128)
    load = 0.3 * math.pi * AMPLITUDE
    bare = solve_contact(h, load, 1.0, (1.0,))
    found = solve_adhesive(h, load, 1.0, (1.0,), work=1e-12, reach=1e-4, tolerance=1e-7)
    assert float((found.pressure - bare.pressure).norm() / bare.pressure.norm()) < 1e-4


def test_contact_depends_on_the_way_and_pulls_off():
    n, alpha = 256, 0.4
    settings = {"work": work_of(alpha), "reach": 0.05 * AMPLITUDE}
    load = -0.02 * math.pi * AMPLITUDE
    held = solve_adhesive(wave(n), load, 1.0, (1.0,), history="unloading", **settings)
    come = solve_adhesive(wave(n), load, 1.0, (1.0,), history="loading", **settings)
    assert float(held.touching.double().mean()) == 1.0, "full contact of a smooth wave holds without a flaw"
    assert 0.0 < float(come.touching.double().mean()) < 1.0
    with pytest.raises(ConvergenceError, match="pulled off"):
        solve_adhesive(wave(n), -10.0 * math.pi * AMPLITUDE, 1.0, (1.0,), max_iterations=200, **settings)
    with pytest.raises(DataError, match="work of adhesion"):
        solve_adhesive(wave(n), load, 1.0, (1.0,), work=0.0, reach=1e-4)


def test_gradient_in_all_inputs():
    h = 0.02 * torch.randn(1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=F64)
    pairs = ([0.05], [2.0], [2e-4], [0.02])
    values = [torch.tensor(x, dtype=F64, requires_grad=True) for x in pairs]

    def loss(h, load, modulus, work, reach):
        found = solve_adhesive(h, load, modulus, (1.0, 1.3), work=work, reach=reach, tolerance=1e-11)
        return torch.cat([found.pressure.square().sum((-2, -1)), 100.0 * found.gap.square().sum((-2, -1))])

    assert torch.autograd.gradcheck(loss, (h.requires_grad_(), *values), eps=1e-6, atol=1e-6, rtol=1e-4)
