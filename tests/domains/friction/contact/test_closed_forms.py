"""Exact and classical results against stored tables and limits."""

import json
import math

import pytest
import torch

from advsci_friction.contact import closed_forms

F64 = torch.float64


@pytest.fixture(scope="module")
def reference(data_folder):
    return json.loads((data_folder / "friction" / "reference.json").read_text())


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


def test_greenwood_williamson_is_its_integrals():
    x, density, radius, deviation, modulus = 1.3, 4.0, 3.0, 0.5, 7.0
    z = torch.linspace(x, x + 12.0, 200_001, dtype=F64)
    normal = torch.exp(-0.5 * z.square()) / math.sqrt(2.0 * math.pi)
    one, more = (float(torch.trapezoid((z - x) ** n * normal, z)) for n in (1.0, 1.5))
    area, load = closed_forms.greenwood_williamson(
        torch.tensor(x * deviation, dtype=F64), density, radius, deviation, modulus
    )
    assert float(area) == pytest.approx(math.pi * density * radius * deviation * one, rel=1e-5)
    expected = 4.0 / 3.0 * density * modulus * radius**0.5 * deviation**1.5 * more
    assert float(load) == pytest.approx(expected, rel=1e-5)
