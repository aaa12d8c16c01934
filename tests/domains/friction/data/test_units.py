"""Quantities with units, as people write them."""

import numpy as np
import pytest

from advsci.errors import UnitError
from advsci_friction.data.units import lengths, number, si


def test_units():
    assert si("50MPa", "Pa") == si("50 MPa", "Pa") == 5e7
    assert si("0.2 um", "m") == si("0,2 µm", "m") == pytest.approx(2e-7)
    assert si("50,5 MPa", "Pa") == pytest.approx(50.5e6), "a decimal comma"
    assert si("1e2 nm", "m") == pytest.approx(1e-7)
    for value in (3.0, 3, np.float32(3.0), np.int64(3)):
        assert si(value, "Pa") == 3.0


@pytest.mark.parametrize(
    "text, why",
    [
        ("50", "without a unit"),
        ("50 nm", "a quantity in Pa"),
        ("fifty", "no quantity"),
        ("1,500 MPa", "thousands or decimals"),
        ("50 Mpa", "Try: '50 MPa'"),
        ("nan MPa", "expected a number"),
        (float("nan"), "expected a number"),
        (True, "expected a quantity"),
        ("5.5.5 MPa", "no number"),
    ],
)
def test_what_is_refused(text, why):
    with pytest.raises(UnitError, match=why):
        si(text, "Pa", "pressure")


def test_lengths_and_numbers():
    assert lengths("2 um x 1 um") == lengths("2 x 1 um") == pytest.approx((2e-6, 1e-6))
    assert lengths("2 um") == lengths(2e-6) == pytest.approx((2e-6,))
    for wrong in ("0 um", "-2 um", "1 x 2 x 3 um"):
        with pytest.raises(UnitError, match="one or two positive lengths|no quantity"):
            lengths(wrong)
    assert number("50,5") == number(" 50.5 ") == 50.5
