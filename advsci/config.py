"""One schema a command, read alike from Python, a TOML file and the command line.

A command's settings are a frozen `Config`. Values come from the schema's defaults, then a TOML file, then the command
line, and are validated once, together: an unknown key, a wrong type and a value out of range are a `ConfigError` that
names the key, what came and what was expected. Settings name things of a registry; nothing in a file is ever imported
or run.
"""

import difflib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from advsci.errors import ConfigError
from advsci.files.plain import parse_toml
from advsci.files.text import read_text

__all__ = [
    "Config",
    "DeviceConfig",
    "Origin",
    "RunConfig",
    "leaves",
    "load_config",
    "merge",
    "read_toml",
    "schema_of",
    "to_toml",
]

Origin = Literal["default", "file", "command line"]
C = TypeVar("C", bound="Config")


class Config(BaseModel):
    """Base of every schema: frozen, no unknown keys, no NaN; each violation is a `ConfigError` in words.

    A subclass states its fields with units and ranges; its docstring is the help of the command that reads it::

        class Train(Config):
            \"\"\"Train a GAN prior.\"\"\"

            steps: int = Field(default=2000, gt=0, description="Training steps.")
            width: float = Field(default=1.5, gt=0, description="Width of the detector [mm].")

    Parameters
    ----------
    values
        The settings by name.

    Examples
    --------
    >>> from pydantic import Field
    >>> from advsci.config import Config
    >>> class Train(Config):
    ...     steps: int = Field(default=10, gt=0, description="Steps.")
    >>> Train(steps=5).steps
    5
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        validate_default=True,
        defer_build=True,  # at the first use: --help needs none
        protected_namespaces=(),
    )

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _InvalidConfig(_problems(error, type(self))) from None

    def replace(self: C, **changes: Any) -> C:
        """A validated copy with some values changed; nested keys as mappings."""
        return type(self)(**merge(self.model_dump(exclude_unset=True), changes))


class RunConfig(Config):
    """Settings of a command that works in a run folder; `advsci.cli.execute` opens the folder by them.

    Examples
    --------
    >>> from advsci.config import RunConfig
    >>> RunConfig(seed=3).seed
    3
    """

    out: Path | None = Field(default=None, description="Run folder; default: a new one under runs/.")
    overwrite: bool = Field(default=False, description="Empty a run folder that holds another run, and begin anew.")
    seed: int = Field(default=0, ge=0, lt=2**63, description="Root of every random number of the run.")


class DeviceConfig(RunConfig):
    """Settings of a command that computes on a device; `advsci.devices.torch_device` reads it.

    Examples
    --------
    >>> from advsci.config import DeviceConfig
    >>> DeviceConfig(device="cpu").device
    'cpu'
    """

    device: str | None = Field(
        default=None, description="Torch device, as cpu, cuda, cuda:1; default: an accelerator if there is one."
    )


class _InvalidConfig(ConfigError):
    """Keeps the problems apart, so that an enclosing schema can prefix their keys."""

    def __init__(self, problems: list[tuple[tuple[str | int, ...], str]]):
        self.problems = problems
        super().__init__(_together(_said(*problem) for problem in problems))


def load_config(schema: type[C], file: Path | None = None, given: Mapping[str, Any] | None = None) -> C:
    """The settings of ``file`` (TOML), overridden by ``given``, validated against the schema.

    Raises
    ------
    ConfigError
        On a file that is missing or no TOML, and on any setting that the schema refuses.
    """
    given = given or {}
    try:
        return schema(**merge(read_toml(file) if file else {}, given))
    except _InvalidConfig as error:
        sources = [f"{file}: " if file and not _contains(given, key) else "" for key, _ in error.problems]
        raise ConfigError(_together(s + _said(*p) for s, p in zip(sources, error.problems, strict=True))) from None


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; a `ConfigError` says which line is wrong.

    Parameters
    ----------
    path
        Where the file lies.

    Raises
    ------
    ConfigError
        There is no such file, or it is no TOML in UTF-8.
    """
    if not Path(path).is_file():
        raise ConfigError(f"{path}: got no such file; expected a TOML file. Try: --print-config > {path}.")
    text = read_text(path, expected="a TOML file in UTF-8", error=ConfigError)
    return parse_toml(
        text, str(path), expected="TOML, one 'key = value' per line, strings in quotes", error=ConfigError
    )


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``over``, table by table."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def schema_of(annotation: Any) -> type[Config] | None:
    """The nested schema that a field of this annotation holds (also ``Schema | None``), if it is one."""
    found = [a for a in (annotation, *get_args(annotation)) if isinstance(a, type) and issubclass(a, Config)]
    return found[0] if len(found) == 1 else None


def leaves(schema: type[Config], prefix: tuple[str, ...] = ()):
    """Every plain field of a schema and of the schemas nested in it, as (key path, field).

    Parameters
    ----------
    prefix
        Keys of the schemas above this one.
    """
    for name, field in schema.model_fields.items():
        nested = schema_of(field.annotation)
        if nested is None:
            yield (*prefix, name), field
        else:
            yield from leaves(nested, (*prefix, name))


def to_toml(config: Config, origins: Mapping[str, Origin] | None = None) -> str:
    """The resolved settings as TOML that reads back to the same config; comments say what each is and its origin.

    Parameters
    ----------
    origins
        Where each value comes from, by dotted key; None leaves that out.
    """
    origins = origins or {}
    return "\n".join(_tables(config, (), origins)).strip() + "\n"


def _tables(config: Config, prefix: tuple[str, ...], origins: Mapping[str, Origin]):
    plain = config.model_dump(mode="json")
    nested = {}
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, Config):
            nested[name] = value
            continue
        origin = origins.get(dotted((*prefix, name)), "default")
        comment = " ".join((field.description or "").split())
        line = f"# {name} is not set" if plain[name] is None else f"{name} = {_inline(plain[name])}"
        yield f"{line}  # {origin}{': ' + comment if comment else ''}"
    for name, value in nested.items():
        yield f"\n[{dotted((*prefix, name))}]"
        yield from _tables(value, (*prefix, name), origins)


def _together(problems: Iterable[str]) -> str:
    """Every problem in one message, with advice where none of them has it."""
    text = "; ".join(problems).rstrip(".")
    return f"{text}." if "Try:" in text else f"{text}. Try: --help, which lists every setting."


def _said(key: tuple[str | int, ...], text: str) -> str:
    return f"{dotted(key)}: {text}" if key else text


def _contains(tables: Any, key: tuple[str | int, ...]) -> bool:
    return not key or (isinstance(tables, Mapping) and key[0] in tables and _contains(tables[key[0]], key[1:]))


def _inline(value: Any) -> str:
    """A JSON-like value as TOML on one line; JSON's numbers and (DEL escaped) strings are TOML's."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_inline(k)} = {_inline(v)}" for k, v in value.items() if v is not None) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def dotted(key: tuple[str | int, ...]) -> str:
    """``('solver', 'rate')`` as ``solver.rate``.

    Parameters
    ----------
    key
        Names from the outermost schema to the field.
    """
    return ".".join(map(str, key))


def _problems(error: ValidationError, schema: type[Config]) -> list[tuple[tuple[str | int, ...], str]]:
    found: list[tuple[tuple[str | int, ...], str]] = []
    for problem in error.errors(include_url=False):
        key, cause = problem["loc"], problem.get("ctx", {}).get("error")
        if isinstance(cause, _InvalidConfig):
            found += [((*key, *inner), text) for inner, text in cause.problems]
        elif problem["type"] == "extra_forbidden":
            found.append((key, _unknown(str(key[-1]), schema)))
        elif problem["type"] == "missing":
            found.append((key, "got nothing; expected a value (it has no default)"))
        elif isinstance(cause, Exception):
            found.append((key, str(cause)))
        else:
            expected = problem["msg"][0].lower() + problem["msg"][1:]
            found.append((key, f"got {problem['input']!r}; expected: {expected}"))
    return found


def _unknown(name: str, schema: type[Config]) -> str:
    known = {dotted(key): key for key, _ in leaves(schema)} | {field: (field,) for field in schema.model_fields}
    by_last = {path[-1]: full for full, path in known.items()}
    close = difflib.get_close_matches(name.replace("-", "_"), [*known, *by_last], n=1, cutoff=0.5)
    nearest = by_last.get(close[0], close[0]) if close else ""
    return "got an unknown key; " + (
        f"expected one of the schema's. Try: {nearest}" if close else f"expected one of {', '.join(sorted(known))}"
    )
