"""Quantities with units."""

import pytest
import torch

from advsci.errors import UnitError
from advsci_friction.data.units import si

F64 = torch.float64


def test_units():
    assert si("50MPa", "Pa") == si("50 MPa", "Pa") == 5e7
    assert si("0.2 um", "m") == pytest.approx(2e-7)
    assert si(3.0, "Pa") == 3.0
    for text, why in (("50", "without a unit"), ("50 nm", "expected a unit"), ("fifty", "no quantity")):
        with pytest.raises(UnitError, match=why):
            si(text, "Pa", "pressure")
