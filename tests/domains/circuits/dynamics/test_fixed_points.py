"""Steady states, stability and their gradients against closed forms, eigenvalues and published fractions."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from advsci.streams import Stream
from advsci_circuits.dynamics import HillModel, fixed_points, is_stable, racipe, steady_state
from advsci_circuits.dynamics.fixed_points import newton
from advsci_circuits.dynamics.hill import LOGICS
from advsci_circuits.dynamics.stability import characteristic_polynomial
from advsci_circuits.graphs import cycle_signs

RING = torch.tensor(-np.roll(np.eye(3), 1, 0)[None]).to(torch.int8)
TOGGLE = torch.tensor([[[0, -1], [-1, 0]]], dtype=torch.int8)


def pure(signs, rate, exponent) -> HillModel:
    """``rate / (1 + x^n)`` without leak, threshold one, decay one."""
    one = torch.ones(signs.shape, dtype=torch.float64)
    flat = torch.ones(signs.shape[:2], dtype=torch.float64)
    return HillModel(signs, rate * flat, flat, one, exponent * one, 0 * one)


@pytest.mark.parametrize("n", range(1, 9))
def test_routh_hurwitz_equals_eigenvalues(n):
    matrices = Stream(n).normal((500, n, n), dtype=torch.float64) - 0.6 * n**0.5 * torch.eye(n, dtype=torch.float64)
    stable = torch.linalg.eigvals(matrices).real.amax(1) < 0
    assert 0 < stable.sum() < 500
    assert (is_stable(matrices) == stable).all()
    polynomial = characteristic_polynomial(matrices)
    assert torch.allclose(polynomial[:, -1], torch.linalg.det(-matrices), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_toggle_is_bistable_beyond_its_threshold(n):
    threshold = n * (n - 1) ** -(1 + 1 / n)
    below, above = (fixed_points(pure(TOGGLE, f * threshold, n), Stream(0), starts=40) for f in (0.98, 1.02))
    assert below.stable_count.item() == 1 and below.count.item() == 1
    assert above.stable_count.item() == 2 and above.count.item() == 3 and bool(above.consistent)


@pytest.mark.parametrize(("n", "threshold"), [(3, 3.7798), (4, 2.0), (5, 1.5368)])
def test_the_ring_oscillates_beyond_its_hopf_point(n, threshold):
    below, above = (fixed_points(pure(RING, f * threshold, n), Stream(0)) for f in (0.999, 1.001))
    assert not below.none_stable.item() and above.none_stable.item()


@pytest.mark.parametrize("logic", LOGICS)
def test_roots_are_steady_states_and_the_jacobian_is_the_derivative(logic):
    signs = torch.tensor([[[1, -1, 0, 0], [1, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]], dtype=torch.int8)
    model = racipe(signs, 40, Stream(0), logic=logic)
    points = fixed_points(model, Stream(1))
    assert points.consistent.double().mean() > 0.9
    row, slot = points.found.nonzero(as_tuple=True)
    x = points.log_x[row, slot].exp()
    picked = model[row]
    production = picked.rate * picked.log_activity(x.log()).exp()
    assert torch.allclose(production, picked.decay * x, rtol=1e-7)
    assert picked.derivative(x).abs().max() < 1e-6 * production.max()
    numeric = torch.zeros(len(x), 4, 4, dtype=x.dtype)
    for j in range(4):
        h = torch.zeros_like(x)
        h[:, j] = 1e-6 * x[:, j]
        numeric[:, :, j] = (picked.derivative(x + h) - picked.derivative(x - h)) / (2 * h[:, j : j + 1])
    assert torch.allclose(picked.jacobian(x), numeric, rtol=1e-4, atol=1e-5)
    low, high = (edge[row] for edge in model.box())
    assert ((x.log() >= low - 1e-9) & (x.log() <= high + 1e-9)).all()


@pytest.mark.parametrize("logic", LOGICS)
def test_gradients_through_steady_states(logic):
    signs = torch.tensor([[[1, -1, 0], [1, 0, -1], [0, 1, 0]]], dtype=torch.int8)
    model = racipe(signs, 3, Stream(3), logic=logic)
    points = fixed_points(model, Stream(1))
    root = points.log_x[torch.arange(3), points.found.double().argmax(1)]

    def solve(rate, decay, threshold, leak):
        now = replace(model, rate=rate, decay=decay, threshold=threshold, leak=leak)
        held = replace(model, **{k: getattr(now, k).detach() for k in ("rate", "decay", "threshold", "leak")})
        column = root.mT.contiguous()
        found, converged = newton(held.field(), column, column - 5, column + 5, tolerance=1e-13)
        assert converged.all()
        return steady_state(now, found.mT)

    inputs = [getattr(model, k).clone().requires_grad_() for k in ("rate", "decay", "threshold", "leak")]
    assert torch.autograd.gradcheck(solve, inputs)


def test_thomas_rules_and_published_fractions():
    """Repressilator 7.1 %, toggle 18.1 % bistable (4,000 sets each, their Monte Carlo error 0.6 points)."""
    ring = fixed_points(racipe(RING, 2000, Stream(0)), Stream(1))
    assert ring.none_stable.double().mean().item() == pytest.approx(0.071, abs=0.02)
    assert (ring.stable_count > 1).sum() == 0
    toggle = fixed_points(racipe(TOGGLE, 2000, Stream(0)), Stream(1))
    assert toggle.none_stable.sum() == 0
    assert (toggle.stable_count == 2).double().mean().item() == pytest.approx(0.195, abs=0.03)


def test_random_topologies_obey_thomas():
    signs = torch.from_numpy(np.random.default_rng(0).choice([-1, 0, 1], size=(40, 3, 3)).astype(np.int8))
    points = fixed_points(racipe(signs, 30, Stream(0)), Stream(1))
    many = (points.stable_count > 1).view(40, 30).any(1)
    cycles = points.none_stable.view(40, 30).any(1)
    for matrix, several, oscillates in zip(signs.numpy(), many.tolist(), cycles.tolist(), strict=True):
        positive, _, longer = cycle_signs(matrix)
        assert positive or not several
        assert longer or not oscillates


def test_the_field_of_mixed_topologies_equals_each_alone():
    signs = torch.tensor([[[0, -1, 1], [1, 0, 0], [0, 1, -1]], [[1, 0, 0], [0, 0, -1], [0, 0, 0]]], dtype=torch.int8)
    for logic in LOGICS:
        model = racipe(signs, 2, Stream(0), logic=logic)
        x = 100 * Stream(1).uniform((4, 3), dtype=torch.float64)
        together = model.derivative(x)
        alone = torch.cat([model[i : i + 1].derivative(x[i : i + 1]) for i in range(4)])
        assert torch.allclose(together, alone)
        dense = model.rate * model.log_activity(x.log()).exp() - model.decay * x
        assert torch.allclose(together, dense)
