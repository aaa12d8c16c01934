"""Numbers in a table: digits stand under digits, none is lost."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from advsci.errors import ConfigError, DataError
from advsci.metrics import Estimate
from advsci.report import Verdict
from advsci.report.table import number, table

THIN, MINUS = "\N{THIN SPACE}", "\N{MINUS SIGN}"


def column(values, **options) -> list[str]:
    return [row[0].text for row in table([{"v": v} for v in values], **options).rows]


def test_single_numbers_have_no_idle_zeros():
    assert [number(v) for v in (0.979, 0.0083, 8, 134402, 2.0)] == ["0.979", "0.0083", "8", f"134{THIN}402", "2"]
    assert (
        number(-1.5) == f"{MINUS}1.5" and number(math.inf) == "∞" and number(None) == "–" and number("word") == "word"
    )
    assert number(torch.tensor(0.25)) == "0.25" and number(np.float32(0.5)) == "0.5" and number(True) == "yes"
    assert number(1.23456e-9) == f"1.235e{MINUS}09" and number(6.02e23) == "6.020e+23"


def test_a_column_has_as_many_decimals_throughout():
    assert column([0.9791, 0.556, 0.024]) == ["0.9791", "0.5560", "0.0240"]
    assert column([12.5, 1234.25]) == ["12.5", f"1{THIN}234.2"]
    assert column([0.0083, 0.332, 1.46]) == ["0.0083", "0.3320", "1.4600"]
    assert column([1, 2000]) == ["1", f"2{THIN}000"]


@pytest.mark.parametrize("values", [[1e-9, 1.0], [3e-4, 0.8], [5e12, 3.0], [0.0, 2e-7], [1e-3, 900.0]])
def test_no_number_becomes_zero(values):
    for value, text in zip(values, column(values), strict=True):
        shown = float(text.replace(THIN, "").replace(MINUS, "-"))
        assert (shown == 0) == (value == 0) and shown == pytest.approx(value, rel=0.06)


def test_estimates_show_the_digits_that_their_error_allows():
    assert column([SimpleNamespace(value=1.23456, error=0.0321)]) == ["1.235 ± 0.032"]
    assert column([Estimate(torch.tensor(-0.5), torch.tensor(0.1))]) == [f"{MINUS}0.50 ± 0.10"]
    assert column([SimpleNamespace(value=2.5, error=math.nan)]) == ["2.5"]


def test_text_columns_are_not_numeric_and_missing_cells_are_marked():
    made = table([{"a": "x", "b": 1.0}, {"a": "y"}, {"a": Verdict("bad"), "b": math.nan}])
    assert made.numeric == [False, True] and made.rows[1][1].text == "–" and made.rows[2][0].level == "bad"


def test_best_ignores_what_is_not_a_number():
    made = table([{"v": math.nan}, {"v": 2.0}, {"v": None}, {"v": 1.0}], best={"v": "lower"})
    assert [row[0].best for row in made.rows] == [False, False, False, True]


def test_long_tables_say_that_they_are_cut():
    made = table([{"v": i} for i in range(1000)])
    assert len(made.rows) == 400 and "1,000" in made.note


def test_what_does_not_fit_is_named():
    with pytest.raises(DataError, match="row 1"):
        table([[1, 2], [3]], ["a", "b"])
    with pytest.raises(DataError, match="column names"):
        table([[1, 2]])
    with pytest.raises(ConfigError, match="unknown column"):
        table([{"a": 1}], best={"b": "lower"})
