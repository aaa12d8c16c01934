"""Capped contact for every hardness and load: the conditions hold, both methods agree, the rate is as stated."""

import math

import pytest
import torch

from advsci.streams import Stream
from advsci_friction.contact import adjoint
from advsci_friction.contact.halfspace import HalfSpace
from advsci_friction.contact.polonsky_keer import admissible
from advsci_friction.contact.projected_gradient import estimated_error, projected_gradient
from advsci_friction.contact.solve import solve_contact

F64 = torch.float64


def rough(batch, n, seed=1):
    space = HalfSpace((n, n), (1.0, 1.0))
    k = space.wavenumber / (2.0 * math.pi)
    band = torch.where((k >= 2) & (k <= n / 4), k.clamp_min(1.0) ** -1.8, torch.zeros_like(k))
    h = space.filter(Stream(seed).at("rough").normal((batch, n, n), dtype=F64), band)
    return h * (0.1 / (2.0 * space.flatten(h).std((-2, -1), keepdim=True, correction=0)))


@pytest.fixture(scope="module")
def problems():
    """Rough maps of rms slope .1, hardness of .01 to 1 E* h', loads of .01 to .95 H."""
    h, stream = rough(24, 48), Stream(3)
    hardness = 0.1 * 10.0 ** (2.0 * stream.at("hardness").uniform((24,), dtype=F64) - 2.0)
    load = hardness * (0.01 + 0.94 * stream.at("load").uniform((24,), dtype=F64))
    return h, load, hardness


def test_every_hardness_and_load_converges(problems):
    h, load, hardness = problems
    contact = solve_contact(h, load, 1.0, (1.0, 1.0), hardness)
    assert bool(contact.converged.all())
    assert torch.allclose(contact.pressure.mean((-2, -1)), load, rtol=1e-12)
    gap, scale = contact.gap, h.std((-2, -1), keepdim=True)
    elastic = contact.touching & ~contact.plastic
    assert float((gap / scale * elastic).abs().max()) < 1e-6
    assert float((gap / scale * ~contact.touching).min()) > -1e-6, "open pixels are open"
    assert float((gap / scale * contact.plastic).max()) < 1e-6, "saturated pixels are pressed in"
    assert float((contact.pressure / hardness[:, None, None]).max()) <= 1.0


def test_the_load_is_carried_where_all_that_touches_is_plastic():
    h = rough(6, 48)
    hardness = torch.full((6,), 2e-4, dtype=F64)
    load = hardness * (torch.tensor([3, 7, 20, 40, 80, 200], dtype=F64) + 0.08) / 48**2  # a whole number and a bit
    contact = solve_contact(h, load, 1.0, (1.0, 1.0), hardness)
    assert torch.allclose(contact.pressure.mean((-2, -1)), load, rtol=1e-9)
    assert bool((contact.plastic.double().mean((-2, -1)) > 0.9 * contact.touching.double().mean((-2, -1))).any())


def test_both_methods_give_one_pressure(problems, monkeypatch):
    h, load, hardness = problems
    first = solve_contact(h, load, 1.0, (1.0, 1.0), hardness).pressure
    monkeypatch.setattr(adjoint, "PATIENCE", 0.0)
    second = solve_contact(h, load, 1.0, (1.0, 1.0), hardness)
    exact = solve_contact(h, load, 1.0, (1.0, 1.0), hardness, tolerance=1e-12).pressure
    for found in (first, second.pressure):
        assert float(((found - exact).norm(dim=(1, 2)) / exact.norm(dim=(1, 2))).max()) < 1e-6
    assert int(second.iterations.max()) < 150


def test_the_estimated_error_bounds_the_true_one(problems):
    h, load, hardness = (x[:6] for x in problems)
    space, shape = HalfSpace((48, 48), (1.0, 1.0)), (-1, 1, 1)
    cap, softness = (hardness / load).reshape(shape), load.reshape(shape)
    begin = admissible(torch.ones_like(h), cap, space.dims)
    exact = projected_gradient(space, softness, h, cap, begin, 1e-12, 1000).pressure
    compliance = space.compliance[space.wavenumber > 0.0]
    ratio = float((compliance.max() / compliance.min()).sqrt())
    for steps in (0, 5, 20):
        found = projected_gradient(space, softness, h, cap, begin, 1e-12, steps)
        true = (found.pressure - exact).norm(dim=(1, 2)) / found.pressure.norm(dim=(1, 2))
        assert bool((true <= ratio * found.error).all())
    slope = softness * space.displace(exact) - h
    assert float(estimated_error(slope, exact, cap, space.dims).max()) < 1e-8


def test_gradient_through_the_fallback(monkeypatch):
    monkeypatch.setattr(adjoint, "PATIENCE", 0.0)
    h = (0.02 * torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(0), dtype=F64)).requires_grad_()
    hardness = torch.tensor([0.35, 0.5], dtype=F64, requires_grad=True)
    load = torch.tensor([0.2, 0.3], dtype=F64, requires_grad=True)
    exact = {"tolerance": 1e-13, "adjoint_tolerance": 1e-12}

    def loss(h, load, hardness):
        return solve_contact(h, load, 2.0, (1.0, 1.3), hardness, **exact).pressure.square().sum((-2, -1))

    assert torch.autograd.gradcheck(loss, (h, load, hardness), eps=1e-7, atol=1e-6, rtol=1e-5)


def test_agrees_with_the_saturated_solver_of_tamaas(problems):
    tamaas = pytest.importorskip("tamaas")
    h, load, hardness = (x[:4] for x in problems)
    ours = solve_contact(h, load, 1.0, (1.0, 1.0), hardness).pressure
    tamaas.set_log_level(tamaas.LogLevel.error)
    for i in range(4):
        model = tamaas.Model(tamaas.model_type.basic_2d, [1.0, 1.0], [48, 48])
        model.E, model.nu = 1.0, 0.0
        solver = tamaas.KatoSaturated(model, h[i].numpy().copy(), 1e-9, float(hardness[i]))
        solver.max_iter = 20000
        solver.solve(float(load[i]))
        theirs = torch.as_tensor(model.traction.copy())
        assert float((ours[i] - theirs).norm() / theirs.norm()) < 1e-4
