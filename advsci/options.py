"""How the settings of a schema become options: the function that a command of `advsci.cli` runs.

Cyclopts reads a function's signature; here it is made of the schema's fields, with the schema's units and words.
"""

import enum
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from cyclopts import Parameter

from advsci.cli import COMMANDS, Command, check_installed, execute, resolve
from advsci.config import Config, Origin, dotted, leaves, load_config, merge, read_toml, to_toml
from advsci.errors import AdvsciError, ConfigError, DataError
from advsci.files.plain import parse_toml
from advsci.output import answer, output

__all__ = ["function_of"]

Key = tuple[str, ...]
_RESERVED = ("config", "print_config", "dry_run", "json", "quiet")


def __getattr__(name: str) -> Any:
    if name in COMMANDS:
        return function_of(COMMANDS[name])
    raise AttributeError(f"module 'advsci.options' has no attribute '{name}'")


def function_of(command: Command) -> Callable[..., Any]:
    """The function of a command, with an argument per setting.

    Parameters
    ----------
    command
        What `advsci.cli.command` was told.

    Returns
    -------
    function
        It makes the config, and runs the command or shows the config. Its attributes ``schema`` and ``run`` are those
        of the command.

    Raises
    ------
    ConfigError
        The schema has a setting of a reserved name, or ``positional`` names none of its settings.
    """
    schema: Any = resolve(command.schema) if isinstance(command.schema, str) else command.schema
    fields = dict(leaves(schema))
    _check_names(schema, fields, command.positional)

    def call(*args: Any, **options: Any) -> Any:
        """What the command gives, run with the settings ``args`` and ``options``."""
        options |= dict(zip([_identifier(tuple(p.split("."))) for p in command.positional], args, strict=False))
        asked = Asked(*(options.pop(key, None) for key in _RESERVED))
        given = _given(fields, options)
        if not asked.json:
            return _done(command, load_config(schema, asked.config, given), asked, given)
        try:
            return _answered(command, load_config(schema, asked.config, given), asked)
        except AdvsciError as error:
            print(answer(command.name, 2 if isinstance(error, ConfigError) else 1, error=str(error)))
            raise

    parameters = _parameters(fields, command.positional)
    call.__name__ = command.name.replace("-", "_")
    call.__doc__ = command.help
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    call.schema, call.run = schema, command.run  # type: ignore[attr-defined]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return call


class Asked(NamedTuple):
    """The options of every command, in the order of ``_RESERVED``."""

    config: Path | None
    print_config: bool | None
    dry_run: bool | None
    json: bool | None
    quiet: bool | None


def _done(command: Command, config: Config, asked: Asked, given: dict[str, Any]) -> Any:
    """Run the command, or show the config, for a person."""
    if not asked.print_config:
        check_installed(command.requires, command.name.split("-")[0])
    if not (asked.print_config or asked.dry_run):
        with output(quiet=bool(asked.quiet)):
            return execute(resolve(command.run), config, name=command.name)
    _show(config, asked.config, given)
    if asked.dry_run:
        _show_plan(command.plan, config)
    return None


def _answered(command: Command, config: Config, asked: Asked) -> int:
    """Run the command, or show the config, as one JSON object; returns the exit status."""
    if asked.print_config:
        print(answer(command.name, 0, settings=config.model_dump(mode="json")))
        return 0
    check_installed(command.requires, command.name.split("-")[0])
    with output(as_json=True, quiet=bool(asked.quiet)) as found:
        if asked.dry_run:
            plan = resolve(command.plan)(config) if command.plan else {}
            parts: dict[str, Any] = {"settings": config.model_dump(mode="json"), "plan": plan}
            status = 0
        else:
            result = execute(resolve(command.run), config, name=command.name)
            status = int(result) if isinstance(result, int) else 0
            parts = {"result": None if isinstance(result, int) else result, "found": found}
    if os.environ.get("RANK", "0") == "0":  # of several processes the first one speaks
        print(answer(command.name, status, **parts))
    return status


def _check_names(schema: type[Config], fields: dict[Key, Any], positional: tuple[str, ...]) -> None:
    clash = sorted({key[0] for key in fields} & set(_RESERVED))
    unknown = sorted(set(positional) - {dotted(key) for key in fields})
    if clash or unknown:
        raise ConfigError(
            f"schema {schema.__name__}: got reserved settings {clash}, unknown positional settings {unknown}; "
            f"expected none of either. Try: other names than {', '.join(_RESERVED)}."
        )


def _given(fields: dict[Key, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The settings of the command line, as tables in tables."""
    given: dict[str, Any] = {}
    for key, field in fields.items():
        value = options.get(_identifier(key))
        if value is not None:
            if not _native(_plain(field.annotation)):
                value = _parse_toml(dotted(key), value)
            for part in reversed(key):
                value = {part: value}
            given = merge(given, value)
    return given


def _show(config: Config, file: Path | None, given: dict[str, Any]) -> None:
    origins: dict[str, Origin] = dict.fromkeys(_dotted_leaves(read_toml(file)) if file else (), "file")
    origins.update(dict.fromkeys(_dotted_leaves(given), "command line"))
    print(to_toml(config, origins), end="")


def _show_plan(plan: str | None, config: Config) -> None:
    for fact, value in (resolve(plan)(config) if plan else {}).items():
        print(f"# {fact}: {value}")
    print("# dry run: the settings are valid; nothing was run")


def _parameters(fields: dict[Key, Any], positional: tuple[str, ...]) -> list[inspect.Parameter]:
    """An argument per setting, those that may be given by position first, then those of every command."""
    parameters = [_option(key, field, dotted(key) in positional) for key, field in fields.items()]
    order = {name: i for i, name in enumerate(positional)}
    parameters.sort(key=lambda p: order.get(p.name.replace("__", "."), len(order)))
    return [
        *parameters,
        _keyword("config", Path, "Read settings from this TOML file; options given here override it.", short="-c"),
        _keyword("print_config", bool, "Print the resolved settings as TOML, with their origin, and stop."),
        _keyword("dry_run", bool, "Check settings and inputs, say what would be done, and stop."),
        _keyword("json", bool, "Print one JSON object on standard output; all else goes to standard error."),
        _keyword("quiet", bool, "Print no progress; findings, warnings and errors stay.", short="-q"),
    ]


def _identifier(key: tuple[str, ...]) -> str:
    return "__".join(key)


def _dotted_leaves(tables: dict[str, Any], prefix: tuple[str, ...] = ()):
    for name, value in tables.items():
        if isinstance(value, dict):
            yield from _dotted_leaves(value, (*prefix, name))
        yield dotted((*prefix, name))


def _option(key: tuple[str, ...], field: Any, positional: bool) -> inspect.Parameter:
    kind = _plain(field.annotation)
    kind = kind if _native(kind) else str
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    return inspect.Parameter(
        _identifier(key),
        inspect.Parameter.POSITIONAL_OR_KEYWORD if positional else inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[
            kind | None,
            Parameter(
                name="--" + dotted(key).replace("_", "-"),
                help=" ".join(
                    filter(None, [field.description, field.is_required() and "Required, here or in the file."])
                ),
                show_default=False if default is None else str(default),
                negative_iterable=(),
                negative_none=(),
                consume_multiple=True,
                accepts_keys=False,
            ),
        ],
    )


def _keyword(name: str, kind: type, help: str, short: str | None = None) -> inspect.Parameter:
    option = Parameter(name=["--" + name.replace("_", "-"), *([short] if short else [])], help=help, negative="")
    annotation = Annotated[kind | None, option, Parameter(show_default=False, group="Settings")]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _plain(annotation: Any) -> Any:
    """Without the constraints of a union's members: they are the schema's to check, and to name in its own words."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return Union[tuple(map(_plain, get_args(annotation)))]  # noqa: UP007
    return annotation


def _native(annotation: Any) -> bool:
    """Whether the command-line parser reads this type itself; anything else is written as a TOML value."""
    if annotation in (int, float, str, bool, Path, NoneType) or get_origin(annotation) is Literal:
        return True
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return True
    origin, arguments = get_origin(annotation), [a for a in get_args(annotation) if a is not Ellipsis]
    return origin in (list, tuple, set, Union, UnionType) and all(map(_native, arguments))


def _parse_toml(key: str, text: str) -> Any:
    try:
        return parse_toml(f"value = {text}", key)["value"]
    except DataError:
        raise ConfigError(
            f"{key}: got {text!r}; expected a TOML value. Try: '{{kind = \"radon\", views = 10}}'."
        ) from None
