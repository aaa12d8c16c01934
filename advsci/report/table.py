"""Cells of a table as text: one number format a column, so that digits stand under digits."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal

from advsci.errors import ConfigError, DataError

__all__ = ["Cell", "Table", "Verdict", "number", "table"]

Level = Literal["good", "watch", "bad", "info"]
LEVELS: tuple[Level, ...] = ("good", "watch", "bad", "info")
ROW_LIMIT = 400


@dataclass(frozen=True)
class Verdict:
    """A judgement in a word, with a colour: on a summary card or in a table.

    Parameters
    ----------
    level
        ``"good"``, ``"watch"``, ``"bad"`` or ``"info"``.
    word
        What is written; the level itself by default.

    Raises
    ------
    ConfigError
        The level is unknown.

    Examples
    --------
    >>> from advsci.report import Report, Verdict
    >>> report = Report("A run")
    >>> _ = report.card("Coverage", 0.93, verdict=Verdict("good"))
    """

    level: Level
    word: str = ""

    def __post_init__(self):
        if self.level not in LEVELS:
            raise ConfigError(f"got verdict level {self.level!r}; expected one of {', '.join(LEVELS)}. Try: 'info'.")
        if not self.word:
            object.__setattr__(self, "word", self.level)


@dataclass(frozen=True)
class Cell:
    """A formatted cell."""

    text: str
    numeric: bool = False
    level: str = ""
    best: bool = False


@dataclass(frozen=True)
class Table:
    """A formatted table."""

    columns: list[str]
    numeric: list[bool]
    rows: list[list[Cell]]
    caption: str = ""
    note: str = ""


def number(value: Any, digits: int = 4) -> str:
    """A number that stands alone: at most ``digits`` significant digits, thousands apart, or a power of ten.

    Parameters
    ----------
    value
        The number.
    """
    value = _plain(value)
    if not _is_number(value):
        return _text(value)
    text = _format([value], digits)[0]
    if isinstance(value, Integral) or "." not in text or "e" in text:
        return text
    return text.rstrip("0").rstrip(".")


def table(
    rows: Iterable[Mapping[str, Any]] | Iterable[Sequence[Any]] | Any,
    columns: Sequence[str] | None = None,
    *,
    caption: str = "",
    best: Mapping[str, Literal["lower", "higher"]] | None = None,
    digits: int = 4,
) -> Table:
    """Format rows.

    Parameters
    ----------
    rows
        Mappings from column to value, or sequences with ``columns``, or a pandas ``DataFrame``. A value may be a
        number, a text, a `Verdict`, None, or an estimate (anything with ``value`` and ``error``).
    columns
        Names and order of the columns; from the first row's keys by default.
    caption
        A sentence below.
    best
        Columns whose best entry is shown bold, with the direction that is better.
    digits
        Significant digits of the largest number in a column.

    Returns
    -------
    Table
        The rows as text.

    Raises
    ------
    ConfigError
        ``best`` names a column that the table has not.
    DataError
        If rows differ in length, or a column has no name.
    """
    if hasattr(rows, "to_dict") and hasattr(rows, "columns"):
        rows = rows.to_dict("records")  # type: ignore[union-attr]
    rows = list(rows)
    if columns is None:
        if not rows or not isinstance(rows[0], Mapping):
            raise DataError("got rows without column names; expected mappings. Try: columns=[...].")
        columns = list(dict.fromkeys(key for row in rows for key in row))
    columns = list(columns)
    values = [[row.get(c) for c in columns] if isinstance(row, Mapping) else list(row) for row in rows]
    for i, row in enumerate(values):
        if len(row) != len(columns):
            raise DataError(
                f"got {len(row)} cells in row {i}; expected {len(columns)}, one per column. Try: None for an empty "
                "cell."
            )
    unknown = set(best or {}) - set(columns)
    if unknown:
        raise ConfigError(
            f"got best for the unknown column {sorted(unknown)[0]!r}; expected one of {', '.join(columns)}. "
            "Try: best={}."
        )
    cells = [_column([row[j] for row in values], (best or {}).get(name), digits) for j, name in enumerate(columns)]
    shown = len(values) if len(values) <= ROW_LIMIT else ROW_LIMIT
    note = "" if shown == len(values) else f"The first {shown} of {len(values):,} rows."
    return Table(
        columns=[str(c) for c in columns],
        numeric=[bool(column) and all(c.numeric or c.text == "–" for c in column) for column in cells],
        rows=[[column[i] for column in cells] for i in range(shown)],
        caption=caption,
        note=note,
    )


def _column(values: list[Any], best: str | None, digits: int) -> list[Cell]:
    values = [_plain(v) for v in values]
    places = [i for i, v in enumerate(values) if _is_number(v)]
    texts = dict(zip(places, _format([values[i] for i in places], digits), strict=True))
    keys = {i: _value(v) for i, v in enumerate(values) if _is_number(v) or _is_estimate(v)}
    keys = {i: v for i, v in keys.items() if not math.isnan(v)}
    top = (min if best == "lower" else max)(keys.values()) if best and keys else None
    cells = []
    for i, v in enumerate(values):
        level = v.level if isinstance(v, Verdict) else ""
        text = texts[i] if i in texts else _text(v)
        numeric = i in texts or _is_estimate(v)
        cells.append(Cell(text, numeric, level, top is not None and keys.get(i) == top))
    return cells


def _plain(value: Any) -> Any:
    """A 0-dim array or tensor as the Python number it holds."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_estimate(value: Any) -> bool:
    return hasattr(value, "value") and hasattr(value, "error")


def _value(value: Any) -> float:
    return float(value.value) if _is_estimate(value) else float(value)


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, Verdict):
        return value.word
    if isinstance(value, bool):
        return "yes" if value else "no"
    if _is_estimate(value):
        centre, error = float(_plain(value.value)), float(_plain(value.error))
        if not (math.isfinite(error) and error > 0):
            return number(centre)
        decimals = max(0, 1 - math.floor(math.log10(error)))
        if decimals > 7 or abs(centre) >= 1e7:
            return f"{centre:.3e} ± {error:.1e}".replace("-", "\N{MINUS SIGN}")
        return f"{centre:,.{decimals}f} ± {error:.{decimals}f}".replace("-", "\N{MINUS SIGN}").replace(
            ",", "\N{THIN SPACE}"
        )
    return str(value)


def _format(values: list[Any], digits: int) -> list[str]:
    """All values of a column with the same number of decimals, or all with the same exponent notation."""
    if all(isinstance(v, Integral) for v in values):
        texts = [f"{int(v):,}" for v in values]
    else:
        sizes = [abs(float(v)) for v in values if v and math.isfinite(v)]
        high = math.floor(math.log10(max(sizes))) if sizes else 0
        low = math.floor(math.log10(min(sizes))) if sizes else 0
        decimals = max(0, digits - 1 - high)
        if high > 7 or low < -5 or -low > decimals:  # the smallest number would show no digit of its own
            decimals = digits - 1 - low if high < 4 and digits - 1 - low <= 6 else -1
        elif sizes:  # the smallest keeps two digits of its own, and one decimal where it is short
            decimals = max(decimals, 1 - low, min(1, 2 - low))
        if decimals < 0:
            texts = [f"{float(v):.{digits - 1}e}" for v in values]
        else:
            texts = [f"{float(v):,.{decimals}f}" for v in values]
    return [t.replace(",", "\N{THIN SPACE}").replace("-", "\N{MINUS SIGN}").replace("inf", "∞") for t in texts]
