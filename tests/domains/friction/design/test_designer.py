"""The designer: refusals, wishes, refinement."""

import math

import pytest
import torch

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci_friction.contact.solve import solve_contact
from advsci_friction.data.materials import MATERIALS
from advsci_friction.design.refine import refine
from advsci_friction.evaluation.recognition import recognise_family
from advsci_friction.store import load_designer
from advsci_friction.surfaces.roughness import roughness

F64 = torch.float64


@pytest.fixture(scope="module")
def designer():
    return load_designer()


def test_designer_refuses_what_no_texture_can_do(designer):
    dlc = MATERIALS["dlc"]
    low, high = designer.reachable(dlc, "50 MPa")
    assert 0.0 < low < 0.05 < high < dlc.friction(1.0, 5e7)
    with pytest.raises(ConfigError, match=f"{low:.3g} to {high:.3g}"):
        designer.design(dlc, 2.0, "50 MPa", 2, Stream(0))
    with pytest.raises(ConfigError, match="mu = 0.17 whatever the texture"):
        designer.reachable(MATERIALS["steel-dry"], "100 MPa")
    with pytest.raises(ConfigError, match="hardness"):
        designer.reachable(dlc, "30 GPa")
    with pytest.raises(ConfigError, match="family"):
        designer.design(dlc, 0.05, "50 MPa", 2, Stream(0), family="stripes")
    kcl_low, _ = designer.reachable(MATERIALS["kcl-steel"], "100 MPa")
    assert kcl_low > MATERIALS["kcl-steel"].floor, "hardness binds"


def test_designs_do_not_depend_on_the_cell_and_refinement_meets_the_target(designer):
    dlc = MATERIALS["dlc"]
    designs = designer.design(dlc, 0.08, "50 MPa", 4, Stream(0))
    larger = designer.design(dlc, 0.08, "50 MPa", 4, Stream(0), cell="20 um")
    assert torch.allclose(larger.heights(32), 20.0 * designs.heights(32))
    contacts = [solve_contact(d.heights(48), 5e7, dlc.modulus, (float(d.cell[0]),) * 2) for d in (designs, larger)]
    assert torch.allclose(contacts[0].pressure, contacts[1].pressure, atol=1e-3 * float(contacts[0].peak.max()))
    waves = designer.design(dlc, 0.08, "50 MPa", 3, Stream(0), family="sine", wavelength="200 nm")
    found = roughness(waves.heights(64) / waves.cell[:, None, None], (1.0, 1.0))
    assert torch.allclose(2.0 * math.pi * found.height / found.slope * waves.cell, torch.full((3,), 2e-7), rtol=1e-3)
    area = torch.full((4,), 0.08 * 5e7 / dlc.shear_strength)
    log_reduced_load = refine(
        designs.coefficients, (5e7 / dlc.modulus / designs.slope).log(), area, designs.band, 6, 64
    )
    h = designs.band.synthesise(designs.coefficients.double(), 64)
    contact = solve_contact(h, log_reduced_load.exp(), 1.0, (1.0, 1.0))
    from advsci_friction.contact.area import real_area

    assert float((real_area(contact) / area - 1.0).abs().median()) < 0.02


def test_variety_is_asked_for(designer):
    dlc = MATERIALS["dlc"]
    designs = designer.design(dlc, 0.06, "50 MPa", 30, Stream(0))
    assert len(designs.family.unique()) >= 5
    assert bool((recognise_family(designer.band, designs.coefficients) == designs.family).double().mean() > 0.7)
    asked = designer.characters(dlc, 5e7, 0.06 * 5e7 / dlc.shear_strength, 30, Stream(0))
    assert float(asked.log_reduced_load.max() - asked.log_reduced_load.min()) > math.log(10.0)
    one = designer.characters(dlc, 5e7, 0.1, 8, Stream(0), family=4)
    assert bool((one.family == 4).all()) and len(one.log_reduced_load.unique()) >= 4
    with pytest.raises(ConfigError, match="rms slope"):
        designer.design(dlc, 0.06, "50 MPa", 2, Stream(0), slope=3.0)
    with pytest.raises(ConfigError, match="grows with the load"):
        designer.design(dlc, 0.06, "50 MPa", 2, Stream(0), second=(0.3, "200 MPa"))
    flat = designer.design(dlc, 0.06, "50 MPa", 2, Stream(0), second=(0.06 * 4.0**-0.35, "200 MPa"))
    assert len(flat.slope) == 2
