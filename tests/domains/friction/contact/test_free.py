"""A map that ends at its edges: Love's displacement, Hertz's sphere, convolution, gradient."""

import math

import pytest
import torch

from advsci.errors import ShapeError
from advsci_friction.contact.area import real_area
from advsci_friction.contact.closed_forms import hertz_sphere
from advsci_friction.contact.free import FreeHalfSpace, love_displacement
from advsci_friction.contact.solve import solve_contact

F64 = torch.float64


def sphere(n, radius):
    x = (torch.arange(n, dtype=F64) + 0.5) / n - 0.5
    square = x[:, None].square() + x[None, :].square()
    return -square / (2.0 * radius), square


def test_love_in_the_middle_of_a_square():
    middle = float(love_displacement(torch.tensor(0.0, dtype=F64), torch.tensor(0.0, dtype=F64), 1.0, 1.0))
    assert middle == pytest.approx(8.0 * math.log(1.0 + math.sqrt(2.0)) / math.pi)  # Johnson 1985, eq. 3.26


def test_a_sphere_without_neighbours_is_hertzs():
    radius, h = 4.0, sphere(64, 4.0)[0]
    for a in (0.2, 0.4):  # the larger one reaches four fifths of the way to the edge
        force = 4.0 * a**3 / (3.0 * radius)
        contact = solve_contact(h, force, 1.0, (1.0, 1.0), free=True)
        _, peak = hertz_sphere(torch.tensor(force, dtype=F64), radius, 1.0)
        assert math.sqrt(float(real_area(contact)) / math.pi) == pytest.approx(a, rel=0.005)
        assert float(contact.peak) == pytest.approx(float(peak), rel=0.002)
        assert float(contact.approach) == pytest.approx(a * a / radius, rel=1e-3)
    periodic = solve_contact(h, force, 1.0, (1.0, 1.0))
    assert abs(float(periodic.approach) / (a * a / radius) - 1.0) > 0.3, "neighbours in a period are felt"


def test_the_convolution_is_the_sum_over_pixels():
    space = FreeHalfSpace((5, 6), (1.0, 1.5))
    p = torch.randn(5, 6, generator=torch.Generator().manual_seed(0), dtype=F64)
    y, x = torch.arange(5, dtype=F64) / 5, 1.5 * torch.arange(6, dtype=F64) / 6
    dy, dx = y[:, None, None, None] - y[None, None, :, None], x[None, :, None, None] - x[None, None, None, :]
    direct = (love_displacement(dx, dy, 0.125, 0.1) * p).sum((-2, -1))
    assert torch.allclose(space.displace(p), direct, atol=1e-12)


def test_gradient_cap_and_refusal():
    h = (0.02 * torch.randn(1, 6, 5, generator=torch.Generator().manual_seed(0), dtype=F64)).requires_grad_()

    def loss(h):
        exact = {"tolerance": 1e-13, "adjoint_tolerance": 1e-12, "free": True}
        return solve_contact(h, 0.2, 2.0, (1.0, 1.3), **exact).pressure.square().sum()

    assert torch.autograd.gradcheck(loss, (h,), eps=1e-7, atol=1e-6, rtol=1e-5)
    elastic = solve_contact(sphere(48, 4.0)[0], 0.02, 1.0, (1.0, 1.0), free=True)
    capped = solve_contact(elastic.heights, 0.02, 1.0, (1.0, 1.0), 0.5 * float(elastic.peak), free=True)
    assert bool(capped.plastic.any()) and float(capped.pressure.mean()) == pytest.approx(0.02, rel=1e-9)
    with pytest.raises(ShapeError, match="expected a map"):
        FreeHalfSpace((8,), (1.0,))
