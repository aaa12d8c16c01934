"""Sliding over textures: closed forms, the conditions that only the solution meets, limits, and exact gradients."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from advsci.errors import ConfigError, ConvergenceError, DataError
from advsci.streams import Stream
from advsci_friction.contact.anderson import anderson
from advsci_friction.contact.halfspace import HalfSpace
from advsci_friction.contact.sliding import SlidingHalfSpace, slide
from advsci_friction.contact.solve import solve_contact
from advsci_friction.laws.viscoelastic import sine_hysteresis, standard_linear_solid
from advsci_friction.surfaces.processes import find_process

F64 = torch.float64
X = torch.arange(64, dtype=F64) / 64
RUBBER = standard_linear_solid(1e6, 1e7, 0.05)  # loses most at a wave of the cell and one cell per second


def rough(count: int, pixels: int = 32, process: str = "e-beam") -> torch.Tensor:
    made = find_process(process)
    return made.simulate(count, Stream(0), pixels).double() / made.cell


def test_a_wave_in_full_contact_is_the_closed_form():
    slope = 2 * math.pi * 1e-2
    modulus = RUBBER(torch.tensor([2 * math.pi * 0.7], dtype=F64))
    found = slide(1e-2 * torch.cos(2 * math.pi * X), 5e5, RUBBER, (0.7,), (1.0,))
    assert bool(found.touching.all())
    assert float(found.friction) == pytest.approx(float(sine_hysteresis(slope, modulus, 5e5)), rel=1e-6)
    # the crest of the pressure leads that of the height by the loss angle
    lead = torch.fft.rfft(found.pressure)[1].angle()
    assert abs(float(lead)) == pytest.approx(math.atan2(float(modulus.imag), float(modulus.real)), rel=1e-5)


@settings(max_examples=5, deadline=None)
@given(
    st.floats(0.0, 2 * math.pi), st.floats(-2, 2), st.floats(-2.5, 0.5), st.sampled_from([(30, 30), (33, 30), (32, 31)])
)
def test_the_conditions_of_contact_hold_and_friction_is_positive(angle, log_speed, log_load, shape):
    torch.manual_seed(0)
    q = HalfSpace(shape, (1.0, 1.3)).wavenumber.clamp_min(1.0)
    h = torch.fft.irfft2(torch.fft.rfft2(torch.randn(2, *shape, dtype=F64)) * q**-1.8, s=shape)
    h = h / h.std() * 0.01
    velocity = (10**log_speed * math.sin(angle), 10**log_speed * math.cos(angle))
    found = slide(h, 1e6 * 10**log_load, RUBBER, velocity, (1.0, 1.3))
    gap = found.displacement - h
    level = torch.stack([g[t].mean() for g, t in zip(gap, found.touching, strict=True)])
    gap = gap - level[:, None, None]
    assert bool((found.pressure >= 0.0).all())
    assert torch.allclose(found.pressure.mean((1, 2)), found.load, rtol=1e-12)
    assert float(gap.min()) > -1e-4 * 0.01 and float(gap[found.touching].abs().max()) < 1e-4 * 0.01
    assert bool((found.friction >= 0.0).all())


@pytest.mark.parametrize(("speed", "modulus"), [(1e-7, 1e6), (1e7, 1e7)])
def test_slow_and_fast_sliding_are_elastic(speed, modulus):
    h = rough(2, 64)[:, 0]
    found = slide(h, 2e4, RUBBER, (speed,), (1.0,), tolerance=1e-8)
    elastic = solve_contact(h, 2e4, modulus, (1.0,))
    assert torch.allclose(found.pressure, elastic.pressure, rtol=1e-4, atol=1.0)
    assert float(found.friction.max()) < 1e-5


def test_ridges_rub_across_and_not_along():
    ridges = (1e-2 * torch.cos(2 * math.pi * X)).expand(64, 64)
    across = slide(ridges, 5e4, RUBBER, (0.0, 1.0), (1.0, 1.0)).friction
    along = slide(ridges, 5e4, RUBBER, (1.0, 0.0), (1.0, 1.0)).friction
    profile = slide(1e-2 * torch.cos(2 * math.pi * X), 5e4, RUBBER, (1.0,), (1.0,)).friction
    assert float(across) == pytest.approx(float(profile), rel=1e-5) and float(across) > 0.01
    assert abs(float(along)) < 1e-12


def test_turning_texture_and_velocity_changes_nothing():
    h = rough(1, 24)
    one = slide(h, 2e4, RUBBER, (0.3, 1.0), (1.0, 1.0), tolerance=1e-7).friction
    other = slide(h.mT, 2e4, RUBBER, (1.0, 0.3), (1.0, 1.0), tolerance=1e-7).friction
    back = slide(h.flip((1, 2)), 2e4, RUBBER, (-0.3, -1.0), (1.0, 1.0), tolerance=1e-7).friction
    assert torch.allclose(one, other, rtol=1e-6) and torch.allclose(one, back, rtol=1e-6)


def test_friction_is_homogeneous_in_depth():
    h = rough(1, 24)
    once = slide(h, 2e4, RUBBER, (0.0, 1.0), (1.0, 1.0), tolerance=1e-7).friction
    thrice = slide(3.0 * h, 6e4, RUBBER, (0.0, 1.0), (1.0, 1.0), tolerance=1e-7).friction
    assert torch.allclose(3.0 * once, thrice, rtol=1e-6)


def test_each_elastic_contact_brings_the_pressure_nearer_by_the_loss_angle():
    space = SlidingHalfSpace((32, 32), (1.0, 1.0), RUBBER, (0.0, 1.0))
    p, q = torch.randn(2, 32, 32, dtype=F64, generator=torch.Generator().manual_seed(0))
    d = p - q - (p - q).mean()
    # |M^-1 (K - M) d| <= sin(delta) |d|, in the norm of M
    moved = space.filter(space.lag(d), space.stiffness)
    squares = [(x * space.displace(x)).mean() for x in (moved, d)]
    assert float((squares[0] / squares[1]).sqrt()) <= space.contraction + 1e-12
    assert 0.8 < space.contraction < 0.82


def test_gradients_in_heights_and_load_are_those_of_differences():
    h, load = rough(2, 24).requires_grad_(), torch.tensor([2e4, 3e4], dtype=F64, requires_grad=True)

    def friction(h: torch.Tensor, load: torch.Tensor) -> torch.Tensor:
        return slide(h, load, RUBBER, (0.3, 1.0), (1.0, 1.0), tolerance=1e-9, adjoint_tolerance=1e-8).friction

    by_height, by_load = torch.autograd.grad(friction(h, load).sum(), (h, load))
    way = 1e-7 * torch.randn(h.shape, dtype=F64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        numeric = (friction(h + way, load) - friction(h - way, load)) / 2.0
        assert torch.allclose((by_height * way).sum((1, 2)), numeric, rtol=1e-4)
        numeric = (friction(h, 1.0001 * load) - friction(h, 0.9999 * load)) / 2e-4 / load
        assert torch.allclose(by_load, numeric, rtol=1e-5)


def test_wrong_inputs_are_named():
    h = rough(1)
    with pytest.raises(DataError, match="finite"):
        slide(h * math.nan, 1e4, RUBBER, (0.0, 1.0), (1.0, 1.0))
    with pytest.raises(ConfigError, match="one finite number"):
        slide(h, 1e4, RUBBER, (0.0, 0.0), (1.0, 1.0))
    with pytest.raises(ConfigError, match="positive number"):
        slide(h, -1.0, RUBBER, (0.0, 1.0), (1.0, 1.0))
    with pytest.raises(ConfigError, match="passive"):
        slide(h, 1e4, lambda w: RUBBER(w).conj(), (0.0, 1.0), (1.0, 1.0))
    with pytest.raises(ConvergenceError, match="elastic contacts"):
        slide(h, 1e4, RUBBER, (0.0, 1.0), (1.0, 1.0), max_iterations=2)
    assert not bool(slide(h, 1e4, RUBBER, (0.0, 1.0), (1.0, 1.0), max_iterations=2, strict=False).converged.any())


def test_anderson_solves_a_linear_system_in_as_many_steps_as_it_has_unknowns():
    turn = 0.9 * torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], dtype=F64)
    right = torch.tensor([[1.0, 2.0, 3.0]], dtype=F64)
    found, error, steps = anderson(
        lambda x: x @ turn.T + right, torch.zeros(1, 3, dtype=F64), lambda x, y: (y - x).norm(dim=1) / 1e-8
    )
    assert torch.allclose(found, torch.linalg.solve(torch.eye(3, dtype=F64) - turn, right.T).T, atol=1e-6)
    assert steps <= 6 and float(error) < 1.0
