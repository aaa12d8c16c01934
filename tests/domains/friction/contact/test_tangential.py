"""Partial slip: Cattaneo's and Mindlin's sphere, equilibrium, the limit of sliding, gradient, refusals."""

import math

import pytest
import torch

from advsci.errors import ConfigError
from advsci_friction.contact.solve import solve_contact
from advsci_friction.contact.tangential import partial_slip

F64 = torch.float64


@pytest.fixture(scope="module")
def sphere():
    n, radius, a = 64, 4.0, 0.35
    x = (torch.arange(n, dtype=F64) + 0.5) / n - 0.5
    square = x[:, None].square() + x[None, :].square()
    force = 4.0 * a**3 / (3.0 * radius)
    return solve_contact(-square / (2.0 * radius), force, 1.0, (1.0, 1.0), free=True), square, force, a


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_cattaneo_and_mindlin(sphere, share):
    contact, square, force, a = sphere
    f, nu = 0.3, 0.3
    found = partial_slip(contact, f, share * f * force, nu)
    c = a * (1.0 - share) ** (1.0 / 3.0)
    assert math.sqrt(float(found.stick.double().mean()) / math.pi) == pytest.approx(c, rel=0.02)
    peak = f * 1.5 * force / (math.pi * a * a)
    exact = (1.0 - square / a**2).clamp_min(0.0).sqrt() - c / a * (1.0 - square / c**2).clamp_min(0.0).sqrt()
    assert float((found.shear / peak - exact).norm() / exact.norm()) < 0.06  # at 64 pixels, half of it at 96
    assert float(found.shear.mean()) == pytest.approx(share * f * force, rel=1e-9)
    g = 0.5 * (1.0 - nu)  # of a body with E* = 1
    mindlin = 3.0 * f * force * (2.0 - nu) / (16.0 * a * g) * (1.0 - (1.0 - share) ** (2.0 / 3.0))
    assert float(found.shift) == pytest.approx(mindlin, rel=1e-3)


def test_slip_obeys_coulomb_and_stick_stays_below(sphere):
    contact, _, force, _ = sphere
    found = partial_slip(contact, 0.3, 0.15 * force)
    limit = 0.3 * contact.pressure
    assert torch.allclose(found.shear[found.slip], limit[found.slip])
    assert bool((found.shear[found.stick] < limit[found.stick]).all())
    assert not bool((found.stick & found.slip).any())


def test_gradient():
    h = (0.02 * torch.randn(1, 5, 4, generator=torch.Generator().manual_seed(0), dtype=F64)).requires_grad_()

    def loss(h):
        contact = solve_contact(h, 0.2, 2.0, (1.0, 1.3), tolerance=1e-12, adjoint_tolerance=1e-10)
        found = partial_slip(contact, 0.3, 0.02)
        return found.shear.square().sum() + found.shift.sum()

    assert torch.autograd.gradcheck(loss, (h,), eps=1e-7, atol=1e-5, rtol=1e-4)


def test_refusals(sphere):
    contact, _, force, _ = sphere
    with pytest.raises(ConfigError, match="slides as a whole"):
        partial_slip(contact, 0.3, 0.31 * force)
    plastic = solve_contact(contact.heights, force, 1.0, (1.0, 1.0), 0.8 * float(contact.peak))
    with pytest.raises(ConfigError, match="plastic"):
        partial_slip(plastic, 0.3, 0.1 * force)
