"""Materials and their named errors."""

import pytest
import torch

from advsci.errors import ConfigError
from advsci_friction.contact.halfspace import contact_modulus
from advsci_friction.data.materials import MATERIALS, Material, find_material

F64 = torch.float64


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
