"""A film on a substrate: the transfer function against elasticity solved anew, its limits, contact and gradient."""

import math

import numpy as np
import pytest
import torch

from advsci.errors import ConfigError
from advsci_friction.contact.layered import Layer, LayeredHalfSpace, layer_factor
from advsci_friction.contact.solve import solve_contact

F64 = torch.float64


def displaced(depth, g, nu1, nu2):
    """Surface displacement per unit pressure cos(x), by the Airy functions of film and substrate, G2 = 1, q = 1.

    Plane strain, phi = f(z) cos x with f = (a + b z) e^-z + (c + d z) e^z in the film and (a + b z) e^-z below, z
    downwards: s_zz = -f cos x, s_xz = f' sin x; 2 G u = ((1 - nu) f'' + nu f) sin x and the displacement downwards
    2 G w from its derivative.
    """

    def rows(z, nu, signs):
        found = []
        for s in signs:  # e^{s z}, then z e^{s z}
            e = math.exp(s * z)
            for f, f1, f2, f3 in (
                (e, s * e, e, s * e),
                (z * e, (1 + s * z) * e, (2 * s + z) * e, (3 + s * z) * e),
            ):
                u = (1 - nu) * f2 + nu * f
                # du/dz + dw/dx = s_xz / G, w = w0 cos x: -w0 = 2 f' - u'
                w = ((1 - nu) * f3 + nu * f1) - 2.0 * f1
                found.append((-f, f1, u, w))
        return np.array(found).T

    top, low, below = rows(0.0, nu1, (-1, 1)), rows(depth, nu1, (-1, 1)), rows(depth, nu2, (-1,))
    system, right = np.zeros((6, 6)), np.zeros(6)
    system[0, :4], right[0] = top[0], -1.0  # s_zz = -cos x
    system[1, :4] = top[1]
    system[2:4, :4], system[2:4, 4:] = low[:2], -below[:2]
    system[4:6, :4], system[4:6, 4:] = low[2:] / g, -below[2:]
    return abs(top[3] @ np.linalg.solve(system, right)[:4]) / (2.0 * g)


@pytest.mark.parametrize(("g", "nu1", "nu2"), [(5.0, 0.3, 0.3), (0.2, 0.45, 0.25), (1.0, 0.1, 0.4)])
def test_the_transfer_function_is_that_of_elasticity(g, nu1, nu2):
    film = Layer(1.0, g * (1.0 - nu2) / (1.0 - nu1), nu1, nu2)
    for depth in (0.1, 0.7, 2.0, 5.0):
        exact = displaced(depth, g, nu1, nu2) / (1.0 - nu2)  # over that of the bare substrate, (1 - nu2) / G2
        assert float(layer_factor(torch.tensor(depth, dtype=F64), film)) == pytest.approx(exact, rel=1e-9)


def test_thin_and_thick_films_are_the_substrate_and_the_film():
    h = 1e-9 * torch.cos(2.0 * math.pi * torch.arange(128, dtype=F64) / 128)
    size, load = (1e-6,), 5e7
    bare = solve_contact(h, load, 9e10, size)
    thin = solve_contact(h, load, 9e10, size, layer=Layer(1e-14, 3.0))
    thick = solve_contact(h, load, 9e10, size, layer=Layer(1e-4, 3.0))
    film = solve_contact(h, load, 2.7e11, size)
    assert torch.allclose(thin.pressure, bare.pressure, rtol=1e-4, atol=1e-4 * load)
    assert torch.allclose(thick.pressure, film.pressure, rtol=1e-6, atol=1e-6 * load)
    between = [float(solve_contact(h, load, 9e10, size, layer=Layer(t, 3.0)).peak) for t in (3e-8, 1e-7, 3e-7)]
    assert sorted([float(bare.peak), *between, float(film.peak)]) == [float(bare.peak), *between, float(film.peak)]


def test_gradient_and_refusals():
    h = (0.02 * torch.randn(1, 6, 5, generator=torch.Generator().manual_seed(0), dtype=F64)).requires_grad_()

    def loss(h):
        film = Layer(0.1, 3.0, 0.4, 0.2)
        exact = {"tolerance": 1e-13, "adjoint_tolerance": 1e-12, "layer": film}
        return solve_contact(h, 0.2, 2.0, (1.0, 1.3), **exact).pressure.square().sum()

    assert torch.autograd.gradcheck(loss, (h,), eps=1e-7, atol=1e-6, rtol=1e-5)
    space = LayeredHalfSpace((8, 8), (1.0, 1.0), Layer(0.1, 3.0))
    x = torch.randn(8, 8, generator=torch.Generator().manual_seed(1), dtype=F64)
    x = x - x.mean()
    assert torch.allclose(space.flatten(space.displace(x)), x, atol=1e-12)
    with pytest.raises(ConfigError, match="expected positive"):
        Layer(0.0, 3.0)
    with pytest.raises(ConfigError, match=r"expected 0 to 0\.5"):
        Layer(1e-8, 3.0, 0.6)
    with pytest.raises(ConfigError, match="a layer and free edges"):
        solve_contact(h.detach(), 0.2, 2.0, (1.0, 1.3), layer=Layer(0.1, 3.0), free=True)
