"""Hysteretic friction against exact sums."""

import json
import math

import pytest
import torch

from advsci_friction.laws.viscoelastic import hysteretic_friction, sine_hysteresis, standard_linear_solid

F64 = torch.float64


@pytest.fixture(scope="module")
def reference(data_folder):
    return json.loads((data_folder / "friction" / "reference.json").read_text())


def test_viscoelastic_sine_against_stored_table(reference):
    for row in reference["viscoelastic_full_contact_sine"]["rows"]:
        modulus = standard_linear_solid(row["E0"], row["Einf"], 1.0)(torch.tensor(row["omega_tau"], dtype=F64))
        assert float(modulus.imag) == pytest.approx(row["E_loss"], rel=1e-6)
        assert float(sine_hysteresis(row["qA"], modulus, 1.0)) == pytest.approx(
            row["shear_stress_over_E0"] * row["E0"], rel=1e-6
        )


def test_hysteretic_friction_of_full_contact_is_the_sum_over_its_waves():
    """With P = 1 and S = 1 the theory is linear: each wave rubs on its own, mean over directions."""
    modulus = standard_linear_solid(1e6, 1e9, 1e-4)
    q = torch.linspace(1e3, 5e4, 2000, dtype=F64)
    spectrum = 1e-20 * (q / 1e3) ** -3.6
    mu, area = hysteretic_friction(q, spectrum, modulus, 1.0, 1e9, follow=1.0, angles=256)
    phi = (torch.arange(256, dtype=F64) + 0.5) * 2.0 * math.pi / 256
    lost = (phi.cos() * modulus(q[:, None] * phi.cos()).imag).mean(1)
    # <p dh/dx> = sum |h_q|^2 q_x (|q|/2) Im E(q_x v), and the variance in dq is 2 pi q C dq
    expected = torch.trapezoid(2.0 * math.pi * q * spectrum * q * (q / 2.0) * lost, q) / 1e9
    assert float(area) > 0.999
    assert float(mu) == pytest.approx(float(expected), rel=1e-3)
