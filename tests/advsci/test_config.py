"""One schema, three readers: what is valid, what is refused and in which words."""

import tomllib
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, model_validator

from advsci.config import Config, load_config, merge, to_toml
from advsci.errors import ConfigError


class Inner(Config):
    """How players move."""

    rate: float = Field(default=1e-3, gt=0, description="Learning rate.")
    kind: Literal["alternating", "simultaneous"] = "alternating"


class Outer(Config):
    """A command's settings."""

    data: Path = Path("x.npz")
    steps: int = Field(default=2000, gt=0, description="Training steps.")
    views: list[int] = [10, 20]
    note: str | None = None
    weights: dict[str, float] = {}
    inner: Inner = Inner()

    @model_validator(mode="after")
    def _fits(self):
        if self.steps == 13:
            raise ValueError("got 13 steps; expected another number")
        return self


def test_defaults_are_overridden_by_file_and_file_by_command_line(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text("steps = 5\n[inner]\nrate = 0.5\n")
    config = load_config(Outer, file, {"inner": {"kind": "simultaneous"}, "views": [1]})
    assert config == Outer(steps=5, views=[1], inner=Inner(rate=0.5, kind="simultaneous"))


@pytest.mark.parametrize(
    "key, nearest", [("stepz", "steps"), ("learning_rates", None), ("view", "views"), ("rate", "inner.rate")]
)
def test_an_unknown_key_suggests_the_nearest(key, nearest):
    with pytest.raises(ConfigError, match=key) as caught:
        load_config(Outer, None, {key: 1})
    assert (f"Try: {nearest}" in str(caught.value)) if nearest else ("expected one of" in str(caught.value))


def test_an_unknown_key_of_a_nested_schema_is_named_with_its_path(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text("[inner]\nrat = 0.5\n")
    with pytest.raises(ConfigError, match=r"run\.toml: inner\.rat: got an unknown key.*Try: rate"):
        load_config(Outer, file)


def test_every_problem_is_reported_at_once():
    with pytest.raises(ConfigError) as caught:
        load_config(Outer, None, {"steps": -1, "inner": {"rate": -2.0, "kind": "unrolled"}})
    for part in (
        "steps: got -1",
        "inner.rate: got -2.0",
        "inner.kind: got 'unrolled'",
        "'alternating' or 'simultaneous'",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "bad", [{"inner": {"rate": float("nan")}}, {"inner": {"rate": float("inf")}}, {"steps": 1.5}, {"steps": 13}]
)
def test_values_out_of_range_are_refused(bad):
    with pytest.raises(ConfigError):
        Outer(**bad)


def test_the_source_of_a_wrong_value_is_named(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text("steps = -1\n")
    with pytest.raises(ConfigError, match=r"run\.toml: steps: got -1"):
        load_config(Outer, file)
    with pytest.raises(ConfigError, match=r"^steps: got -2"):
        load_config(Outer, file, {"steps": -2})


@pytest.mark.parametrize("content, message", [(None, "no such file"), (b"steps 5", "line 1"), (b"\xff\xfe", "UTF-8")])
def test_a_file_that_is_missing_or_no_toml(tmp_path, content, message):
    file = tmp_path / "run.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_config(Outer, file)


@given(
    steps=st.integers(14, 2**62),
    views=st.lists(st.integers(-(2**62), 2**62)),
    note=st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    weights=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.floats(allow_nan=False, allow_infinity=False)
    ),
    rate=st.floats(1e-300, 1e300),
)
def test_printed_settings_read_back_to_the_same_config(steps, views, note, weights, rate):
    config = Outer(steps=steps, views=views, note=note, weights=weights, inner=Inner(rate=rate))
    assert Outer(**tomllib.loads(to_toml(config))) == config


def test_replace_validates_and_keeps_the_rest():
    config = Outer(steps=5, inner=Inner(rate=0.1))
    assert config.replace(inner={"kind": "simultaneous"}).inner == Inner(rate=0.1, kind="simultaneous")
    with pytest.raises(ConfigError, match="steps"):
        config.replace(steps=0)


def test_merge_overrides_leaf_by_leaf():
    assert merge({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 4}, "d": {"e": 5}}) == {
        "a": {"b": 4, "c": 2},
        "d": {"e": 5},
    }
