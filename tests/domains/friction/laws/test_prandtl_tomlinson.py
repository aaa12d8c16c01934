"""Stick-slip against a stored table and its limits."""

import json
import math

import pytest
import torch

from advsci_friction.laws.prandtl_tomlinson import (
    BOLTZMANN,
    arsinh_friction,
    barrier_constant,
    critical_velocity,
    kinetic_friction,
    thermal_friction,
)

F64 = torch.float64


@pytest.fixture(scope="module")
def reference(data_folder):
    return json.loads((data_folder / "friction" / "reference.json").read_text())


def test_prandtl_tomlinson_against_stored_table(reference):
    rows = reference["prandtl_tomlinson_T0_quasistatic"]["rows"]
    eta = torch.tensor([r["eta"] for r in rows], dtype=F64)
    wanted = torch.tensor([r["Fmean"] for r in rows], dtype=F64)
    assert torch.allclose(kinetic_friction(eta), wanted, atol=6e-4), "the table was stepped, this is exact"
    x = torch.tensor([1.5, 2.0, 7.0], dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(kinetic_friction, (x,))


def test_thermal_prandtl_tomlinson():
    force, period, stiffness, rate = 1e-9, 3e-10, 1.0, 1e10
    beta = float(barrier_constant(force, period))
    # the barrier of the sine potential under a force F = f Fc, exact, approaches (Fc - F)^(3/2) / beta
    f = 0.999
    energy = force * period / (2.0 * math.pi)
    exact = 2.0 * energy * (math.sqrt(1.0 - f * f) - f * math.acos(f))
    assert (force * (1.0 - f)) ** 1.5 / beta == pytest.approx(exact, rel=1e-3)
    v_c = critical_velocity(force, period, stiffness, rate, 300.0)
    v = v_c * torch.tensor([1e-4, 1e-2, 1.0, 10.0], dtype=F64)
    friction = thermal_friction(v, force, period, stiffness, rate, 300.0)
    assert bool((friction[1:] >= friction[:-1]).all()) and float(friction[-1]) == pytest.approx(force)
    lowered = (beta * BOLTZMANN * 300.0 * math.log(100.0)) ** (2.0 / 3.0)
    assert float(friction[1]) == pytest.approx(force - lowered, rel=1e-6)
    slow = arsinh_friction(torch.tensor([1e-6, 1e3], dtype=F64), 2.0, 1.0)
    assert float(slow[0]) == pytest.approx(2e-6) and float(slow[1]) == pytest.approx(2.0 * math.log(2e3), rel=1e-3)
