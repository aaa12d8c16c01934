"""Friction laws, units, materials and classical results against closed forms and stored tables."""

import json
import math

import pytest
import torch

from advsci.errors import ConfigError, UnitError
from advsci_friction import closed_forms
from advsci_friction.contact import solve_contact
from advsci_friction.halfspace import HalfSpace, contact_modulus
from advsci_friction.laws import BowdenTabor, Ploughing, WithAdhesion, law_of
from advsci_friction.materials import MATERIALS, Material, find_material
from advsci_friction.prandtl_tomlinson import (
    BOLTZMANN,
    arsinh_friction,
    barrier_constant,
    critical_velocity,
    kinetic_friction,
    thermal_friction,
)
from advsci_friction.statistics import bearing_area, power_spectrum, roughness
from advsci_friction.units import si
from advsci_friction.viscoelastic import hysteretic_friction, sine_hysteresis, standard_linear_solid

F64 = torch.float64


@pytest.fixture(scope="module")
def reference(data_folder):
    return json.loads((data_folder / "friction" / "reference.json").read_text())


def sine(n=256, amplitude=2e-9, period=1e-6):
    x = torch.arange(n, dtype=F64) / n
    return amplitude * torch.cos(2.0 * math.pi * x), (period,)


def test_units():
    assert si("50MPa", "Pa") == si("50 MPa", "Pa") == 5e7
    assert si("0.2 um", "m") == pytest.approx(2e-7)
    assert si(3.0, "Pa") == 3.0
    for text, why in (("50", "without a unit"), ("50 nm", "expected a unit"), ("fifty", "no quantity")):
        with pytest.raises(UnitError, match=why):
            si(text, "Pa", "pressure")


def test_materials():
    assert find_material("dlc").with_(hardness="20 GPa").hardness == pytest.approx(20e9)
    assert find_material("steel-dry").floor == pytest.approx(1.0 / 6.0)
    assert all(m.source for m in MATERIALS.values())
    with pytest.raises(ConfigError, match="expected one of"):
        find_material("unobtainium")
    with pytest.raises(ConfigError, match="colour"):
        find_material("dlc").with_(colour=3.0)
    with pytest.raises(ConfigError, match="positive"):
        Material("own", -1.0, 1.0, 1.0)
    assert contact_modulus(2.0, 0.5, 2.0, 0.5) == pytest.approx(4.0 / 3.0)


def test_bowden_tabor_of_a_sine_is_westergaards_area():
    h, size = sine()
    scale = float(closed_forms.westergaard_pressure_scale(2e-9, 1e-6, 138e9))
    material = MATERIALS["kcl-steel"].with_(modulus=138e9)
    contact = solve_contact(h, 0.3 * scale, material.modulus, size)
    area = float(closed_forms.westergaard_area(torch.tensor(0.3)))
    assert float(law_of(material)(contact)) == pytest.approx(material.friction(area, 0.3 * scale), rel=0.01)


def test_law_gradients():
    h, size = sine(128)
    law = BowdenTabor("65 MPa", 0.14)
    load = torch.tensor(1e8, dtype=F64, requires_grad=True)
    law(solve_contact(h, load, 115e9, size)).backward()
    assert load.grad is not None and float(load.grad) < 0.0, "mu of an elastic texture falls with load"
    assert float(law.pressure_coefficient.grad) == 1.0  # type: ignore[arg-type]


def test_plastic_floor_ploughing_and_adhesion():
    h, size = sine(128, amplitude=5e-8)
    hardness = 2e9
    contact = solve_contact(h, 1e9, 115e9, size, hardness)
    assert float(contact.touching.to(F64).mean()) == pytest.approx(0.5, rel=0.1), "almost all contact bears H"
    ploughing = Ploughing()(contact)
    assert float(ploughing) > 0.0
    elastic = solve_contact(h, 1e6, 115e9, size, 1e12)
    assert float(Ploughing()(elastic)) == 0.0, "nothing ploughs below the hardness"
    law = BowdenTabor("31 MPa", 0.1)
    total = (law + Ploughing())(contact)
    assert torch.allclose(total, law(contact) + ploughing)
    pulled = WithAdhesion(law, "400 MPa")(contact)
    assert torch.allclose(pulled, law(contact) * 1e9 / 6e8)


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


def test_classical_areas():
    low, high = closed_forms.jgh_area(torch.tensor([0.005, 0.98], dtype=F64))
    assert float(low[0]) == pytest.approx(0.0223, rel=0.03) and float(high[1]) == pytest.approx(0.9904, rel=1e-3)
    ratio = torch.tensor([1e-4], dtype=F64)
    assert float(closed_forms.persson_area(ratio) / ratio) == pytest.approx(math.sqrt(8.0 / math.pi), rel=1e-4)
    assert float(closed_forms.persson_area(ratio, 2.0) / ratio) == pytest.approx(2.0, rel=1e-4)
    a, p0 = closed_forms.hertz_sphere(torch.tensor(2.0, dtype=F64), 3.0, 5.0)
    assert float(2.0 / 3.0 * math.pi * a**2 * p0) == pytest.approx(2.0)
    a, p0 = closed_forms.hertz_line(torch.tensor(2.0, dtype=F64), 3.0, 5.0)
    assert float(0.5 * math.pi * a * p0) == pytest.approx(2.0)


def test_johnson_adhesive_sine(reference):
    for row in reference["johnson_1995_adhesive_1d"]["rows"]:
        width = torch.tensor(2.0 * row["a"], dtype=F64)
        assert float(closed_forms.johnson_adhesive_load(width, row["alpha"])) == pytest.approx(
            row["p_over_pstar"], rel=1e-6, abs=1e-9
        )
    width = torch.linspace(0.01, 0.99, 2001, dtype=F64)
    critical = closed_forms.spontaneous_contact()
    assert float(closed_forms.johnson_adhesive_load(width, critical * 0.99).max()) > 0.0
    inner = width[width < 0.6]
    assert float(closed_forms.johnson_adhesive_load(inner, critical * 1.01).max()) < 0.0


def test_elastoplastic_areas_conserve_load(reference):
    stored = reference["rough"]["sets"][0]["saturated"][0]
    elastic, plastic = closed_forms.elastoplastic_areas(
        torch.tensor([stored["p_over_Eh"]], dtype=F64), stored["H_over_Eh"], 1.0
    )
    assert float(elastic) == pytest.approx(stored["persson_A_elastic"], rel=1e-5)
    assert float(plastic) == pytest.approx(stored["persson_A_plastic"], rel=5e-3), "the table cut the series"
    _, all_plastic = closed_forms.elastoplastic_areas(torch.tensor([0.3], dtype=F64), 1.0, 50.0)
    assert float(all_plastic) == pytest.approx(0.3, rel=1e-9), "a very rough surface carries everything at H"


def test_greenwood_williamson_low_load_is_linear():
    area, load = closed_forms.greenwood_williamson(torch.tensor([3.0, 4.0], dtype=F64), 1.0, 1.0, 1.0, 1.0)
    assert float((area[1] / load[1]) / (area[0] / load[0])) == pytest.approx(1.0, abs=0.15)


def test_roughness_of_known_maps(reference, data_folder):
    import numpy as np

    heights = np.load(data_folder / "friction" / "rough_surfaces.npz")
    for row in reference["rough"]["sets"]:
        found = roughness(torch.as_tensor(heights[row["id"]]), (1.0, 1.0))
        assert float(found.slope) == pytest.approx(row["rms_slope_spectral"], rel=1e-6)
        assert float(found.height) == pytest.approx(row["rms_height"], rel=1e-6)
        assert float(found.nayak) == pytest.approx(row["nayak_alpha"], rel=0.1)
    q, spectrum = power_spectrum(torch.as_tensor(heights[reference["rough"]["sets"][0]["id"]]), 1.0, bins=60)
    keep = torch.isfinite(spectrum)
    edges = torch.logspace(
        math.log10(2 * math.pi), math.log10(float(HalfSpace((256, 256), (1.0, 1.0)).wavenumber.max())), 61
    )
    ring = torch.pi * (edges[1:] ** 2 - edges[:-1] ** 2)
    variance = float((spectrum[keep] * ring[keep]).sum())
    assert variance == pytest.approx(reference["rough"]["sets"][0]["m0"], rel=1e-3)
    h, size = sine(128)
    found = roughness(h, size)
    assert float(found.slope) == pytest.approx(2.0 * math.pi * 2e-9 / 1e-6 / math.sqrt(2.0), rel=1e-9)
    assert float(bearing_area(h, torch.tensor([0.0], dtype=F64), axes=1)) == pytest.approx(0.5, abs=0.01)
