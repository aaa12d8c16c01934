"""Shear, ploughing and adhesion of solved contacts."""

import math

import pytest
import torch

from advsci_friction.contact import closed_forms
from advsci_friction.contact.solve import solve_contact
from advsci_friction.data.materials import MATERIALS
from advsci_friction.laws.friction import BowdenTabor, Ploughing, WithAdhesion, law_of

F64 = torch.float64


def sine(n=256, amplitude=2e-9, period=1e-6):
    x = torch.arange(n, dtype=F64) / n
    return amplitude * torch.cos(2.0 * math.pi * x), (period,)


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


def test_ploughing_is_that_of_a_cone():
    """(2/pi) of the mean slope under plastic pressure, the slope of a sine known in closed form."""
    n, amplitude, hardness, load = 128, 5e-8, 2e9, 1e9
    h, size = sine(n, amplitude=amplitude)
    contact = solve_contact(h, load, 115e9, size, hardness)
    slope = torch.stack([d for d in torch.gradient(h, spacing=[s / m for s, m in zip(size, h.shape, strict=True)])])
    carried = contact.pressure * contact.plastic.to(F64)
    expected = 2 / math.pi * float((carried * slope.square().sum(0).sqrt()).mean()) / load
    assert float(Ploughing()(contact)) == pytest.approx(expected, rel=0.05)
