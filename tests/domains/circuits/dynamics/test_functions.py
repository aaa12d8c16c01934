"""Stiff and noisy simulation, functions, robustness, refinement: closed forms and the other solver as oracles."""

import math

import numpy as np
import pytest
import torch

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci_circuits.dynamics import HillModel, fixed_points, integrate, is_stable, racipe
from advsci_circuits.dynamics.functions import FUNCTIONS, adaptation, oscillation, shows
from advsci_circuits.dynamics.implicit import integrate_stiff
from advsci_circuits.dynamics.refine import instability, sharpen
from advsci_circuits.dynamics.robustness import robustness, wilson_interval
from advsci_circuits.dynamics.settling import settle
from advsci_circuits.dynamics.stochastic import gillespie, tau_leaping
from advsci_circuits.dynamics.theory import goodwin_threshold, ring_hopf_rate, toggle_threshold
from advsci_circuits.dynamics.trajectory import rk4_trajectory

RING = torch.tensor(-np.roll(np.eye(3), 1, 0)[None]).to(torch.int8)
FEED_FORWARD = torch.tensor([[[0, 0, 0], [1, 0, 0], [1, -1, 0]]], dtype=torch.int8)
FREE = torch.tensor([[[0, 0], [0, 0]]], dtype=torch.int8)


def constitutive(rate: float, decay: float, members: int) -> HillModel:
    one = torch.ones(members, 2, 2, dtype=torch.float64)
    flat = torch.ones(members, 2, dtype=torch.float64)
    return HillModel(FREE.expand(members, 2, 2), rate * flat, decay * flat, one, one, one)


def test_rodas4_has_order_four_and_agrees_with_the_explicit_solver():
    model = racipe(RING, 4, Stream(0))
    start = 0.5 * model.rate / model.decay
    times = torch.tensor([0.0, 3.0, 10.0], dtype=torch.float64)
    exact = integrate(model.field(), start, times, rtol=1e-11, atol=1e-12)
    errors = [
        ((integrate_stiff(model, start, times, r, r / 100) - exact).abs() / exact.abs().amax()).max()
        for r in (1e-3, 1e-7)
    ]
    assert errors[0] < 1e-2 and errors[1] < 1e-6


def test_the_stiff_solver_takes_rates_eight_decades_apart():
    model = constitutive(1.0, 1.0, 1)
    model = HillModel(**{**model.__dict__, "decay": torch.tensor([[1e4, 1e-4]], dtype=torch.float64)})
    times = torch.tensor([0.0, 1e4], dtype=torch.float64)
    got = integrate_stiff(model, torch.ones(1, 2, dtype=torch.float64), times)[0, -1]
    exact = torch.tensor([1e-4, 1e4 + (1 - 1e4) * math.exp(-1)])
    assert torch.allclose(got.float(), exact, rtol=1e-4)


def test_gillespie_and_leaping_reach_the_poisson_law():
    model = constitutive(8.0, 1.0, 1500)
    times = torch.tensor([0.0, 1.0, 8.0], dtype=torch.float64)
    start = torch.zeros(1500, 2, dtype=torch.float64)
    for simulate in (gillespie, tau_leaping):
        counts = simulate(model, start, times, Stream(0))
        early, late = counts[:, 1], counts[:, 2]
        # births and deaths from nothing: Poisson with mean (g/k)(1 - e^-kt) at every time
        for sample, mean in ((early, 8 * (1 - math.exp(-1))), (late, 8.0)):
            assert sample.mean().item() == pytest.approx(mean, abs=0.25)
            assert sample.var().item() == pytest.approx(mean, rel=0.12)


def test_closed_forms():
    assert toggle_threshold(2.0) == pytest.approx(2)
    assert ring_hopf_rate(4.0) == pytest.approx(2)
    assert math.isinf(ring_hopf_rate(2.0)) and ring_hopf_rate(2.0, 5) == pytest.approx(3.3302, abs=1e-3)
    assert goodwin_threshold() == pytest.approx(8)


@pytest.mark.parametrize(("exponent", "stable"), [(7.99, True), (8.01, False)])
def test_goodwin_needs_an_exponent_over_eight(exponent, stable):
    """Three equal linear stages closed by repression with loop gain -> n at strong production: sec^3(pi/3) = 8."""
    gain = exponent
    jacobian = torch.tensor([[-1, 0, -gain], [1, -1, 0], [0, 1, -1]], dtype=torch.float64)
    assert bool(is_stable(jacobian)) is stable


def test_flagged_oscillators_oscillate_and_the_rest_settle():
    model = racipe(RING, 100, Stream(0))
    flagged = fixed_points(model, Stream(1)).none_stable
    assert flagged.sum() > 3
    start = model.rate / model.decay * torch.tensor([0.2, 0.5, 0.8], dtype=torch.float64)
    found = oscillation(model[flagged], start[flagged], end=600.0, points=1201)
    assert (found.amplitude > 0.01).all() and found.period.isfinite().all()
    calm = oscillation(model[~flagged][:8], start[~flagged][:8], end=600.0, points=1201)
    assert (calm.amplitude < 1e-2).all()


def test_adaptation_is_exact_where_the_output_forgets_its_input():
    model = racipe(FEED_FORWARD, 400, Stream(0))
    sensitivity, precision = adaptation(model)
    chosen = (sensitivity > 0.2) & (precision > 10)
    assert 0 < chosen.sum() < 40
    # an unregulated chain without feedback or a second path cannot adapt
    chain = torch.tensor([[[0, 0, 0], [1, 0, 0], [0, 1, 0]]], dtype=torch.int8)
    sensitivity, precision = adaptation(racipe(chain, 400, Stream(0)))
    assert ((sensitivity > 0.2) & (precision > 10)).sum() == 0


def test_settling_reaches_a_steady_state():
    model = racipe(torch.tensor([[[1, -1], [-1, 1]]], dtype=torch.int8), 50, Stream(0))
    x, reached = settle(model, 0.5 * model.rate / model.decay)
    assert reached.double().mean() > 0.9
    assert (model[reached].derivative(x[reached]).abs() / (model.decay * x)[reached]).max() < 1e-6


def test_memory_and_pulse_need_their_circuits():
    switch = torch.tensor([[[1]], [[0]]], dtype=torch.int8)
    found = robustness(switch, "memory", Stream(0), 200)
    assert found.share[0] > 0 and found.share[1] == 0
    assert robustness(FEED_FORWARD, "pulse", Stream(0), 200).share[0] > 0


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_gives_a_verdict_a_model(function):
    verdict = shows(function, racipe(FEED_FORWARD, 6, Stream(0)), Stream(1))
    assert verdict.shape == (6,) and verdict.dtype == torch.bool


def test_an_unknown_function_is_named():
    with pytest.raises(ConfigError, match="levitation"):
        shows("levitation", racipe(RING, 2, Stream(0)), Stream(1))


def test_wilson_intervals_match_statsmodels_formula():
    low, high = wilson_interval(torch.tensor([0.0, 5.0, 10.0]), 10)
    assert low.tolist() == pytest.approx([0, 0.2366, 0.7225], abs=1e-4)
    assert high.tolist() == pytest.approx([0.2775, 0.7634, 1], abs=1e-4)


def test_robustness_does_not_depend_on_company():
    both = torch.cat([RING, FEED_FORWARD])
    alone = robustness(RING, "oscillation", Stream(0), 200)
    assert robustness(both, "oscillation", Stream(0), 200).share[1] == 0
    assert alone.share[0] == pytest.approx(0.07, abs=0.06)


def test_gradients_through_trajectories():
    model = racipe(FEED_FORWARD, 2, Stream(0))

    def final(rate, threshold):
        moved = HillModel(**{**model.__dict__, "rate": rate, "threshold": threshold})
        return rk4_trajectory(moved, torch.ones(2, 3, dtype=torch.float64), 1.0, 4, segments=2)[:, -1]

    inputs = (model.rate.clone().requires_grad_(), model.threshold.clone().requires_grad_())
    assert torch.autograd.gradcheck(final, inputs, rtol=1e-4)


def test_sharpening_makes_the_steady_state_more_unstable():
    model = racipe(RING, 300, Stream(0))
    points = fixed_points(model, Stream(1))
    index = points.none_stable.nonzero()[:3, 0]
    one = model[index]
    root = points.log_x[index, points.found[index].to(torch.int8).argmax(1)]
    before = instability(one, root)
    after_model = sharpen(one, steps=15)
    after_points = fixed_points(after_model, Stream(2))
    after = instability(after_model, after_points.log_x[torch.arange(3), after_points.found.to(torch.int8).argmax(1)])
    assert (after > before).all() and after_points.none_stable.all()
