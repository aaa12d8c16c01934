"""Materials: named errors, honest names and sources, own files."""

import math

import pytest

from advsci.errors import ConfigError
from advsci_friction.contact.halfspace import contact_modulus
from advsci_friction.data.materials import MATERIALS, Material, find_material


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


def test_a_replaced_value_loses_its_source_and_its_uncertainty():
    silicon = find_material("silicon")
    mine = silicon.with_(shear_strength="0.3 GPa")
    assert mine.name == "silicon, with own shear strength" and "given by the user" in mine.source
    assert "shear_strength" not in mine.uncertain and "hardness" in mine.uncertain
    assert silicon.friction_deviation(0.1, 1e9) == pytest.approx(0.01) and mine.friction_deviation(0.1, 1e9) is None
    assert silicon.with_() is silicon


def test_own_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "nitride"\nmodulus = "160 GPa"\nshear_strength = "80,5 MPa"\nsource = "own"\n'
        '[deviation]\nshear_strength = "10 %"\nmodulus = "5 GPa"\n'
    )
    found = find_material(str(path))
    assert found.hardness == math.inf and found.shear_strength == pytest.approx(80.5e6)
    assert found.deviation == pytest.approx({"shear_strength": 8.05e6, "modulus": 5e9})
    for text, why in (("name = 1", "no modulus"), ("speed = 1", "speed"), ("]", "cannot be read")):
        path.write_text(text)
        with pytest.raises(ConfigError, match=why):
            find_material(str(path))
    with pytest.raises(ConfigError, match="got no file"):
        find_material(str(tmp_path / "missing.toml"))
