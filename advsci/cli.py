"""How a schema becomes a command: ``command(app, "train", Train, "advsci_inverse.train:run")``.

Every command made here takes each setting of its schema as an option, and ``--config``, ``--print-config`` and
``--dry-run``. Nothing of the implementation is imported before the settings are valid, so ``--help`` never imports
torch. See docs/commands.md.
"""

import enum
import inspect
import os
import signal
import sys
import tomllib
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from cyclopts import App, CycloptsError, Parameter

from advsci import __version__
from advsci.config import (
    Config,
    DeviceConfig,
    Origin,
    RunConfig,
    dotted,
    leaves,
    load_config,
    merge,
    read_toml,
    to_toml,
)
from advsci.errors import AdvsciError, ConfigError, MissingDependencyError, Stopped

__all__ = ["command", "domain_app", "execute", "found_command", "group", "resolve", "run_app"]

_RESERVED = ("config", "print_config", "dry_run")


def domain_app(name: str, help: str) -> App:
    """The app of the script ``advsci-NAME``; fill it with `command`, run it with `run_app`.

    Parameters
    ----------
    name
        Name as a user types it.
    help
        One sentence for the help text.
    """
    return App(
        name=f"advsci-{name}" if name else "advsci",
        help=help,
        help_format="plaintext",  # other formats read units in brackets as markup, and cost 0.1 s of imports
        version=__version__,
        result_action="return_value",
        suppress_keyboard_interrupt=False,  # `run_app` says how a run was stopped
    )


def group(app: App, name: str, help: str) -> App:
    """A group of commands within an app, as ``datasets`` in ``advsci datasets list``.

    Parameters
    ----------
    name
        Name as a user types it.
    help
        One sentence for the help text.
    """
    inner = App(name=name, help=help, help_format="plaintext")
    app.command(inner)
    return inner


def command(
    app: App,
    name: str,
    schema: type[Config],
    run: str,
    *,
    plan: str | None = None,
    positional: Sequence[str] = (),
    requires: Sequence[str] = (),
    help: str | None = None,
) -> None:
    """Add a command to an app.

    Parameters
    ----------
    app
        From `domain_app` or `group`.
    name
        What the user types.
    schema
        The command's settings; its module must not import torch.
    run
        ``"module:function"``, imported when the command runs and called by `execute`: with the validated config and,
        where the schema is a `advsci.config.RunConfig`, the opened run folder. It may return the path of its main
        result, which is then printed as the last line.
    plan
        ``"module:function"`` called by ``--dry-run`` with the config: checks the inputs and returns a dict of facts
        about the run (samples, shapes, parameters, output paths) without running it.
    positional
        Settings that may also be given by position, in this order.
    requires
        Optional packages that the command imports, as ``("anndata",)``: one that is not installed is named before the
        work begins.
    help
        Default: the schema's docstring.

    Raises
    ------
    ConfigError
        The schema has a setting of a reserved name, or ``positional`` names none of its settings.

    Examples
    --------
    >>> from pydantic import Field
    >>> from advsci.cli import command, domain_app, run_app
    >>> from advsci.config import Config
    >>> class Add(Config):
    ...     "Add one number."
    ...     x: int = Field(default=1, description="A number.")
    >>> app = domain_app("example", "An example.")
    >>> command(app, "add", Add, "builtins:print")
    >>> run_app(app, ["add", "--x", "2"])
    x=2
    0
    """
    full_name = "-".join([*app.name[0].removeprefix("advsci-").split(), name])
    fields = dict(leaves(schema))
    clash = sorted({key[0] for key in fields} & set(_RESERVED))
    unknown = sorted(set(positional) - {dotted(key) for key in fields})
    if clash or unknown:
        raise ConfigError(
            f"schema {schema.__name__}: got reserved settings {clash}, unknown positional settings {unknown}; "
            f"expected none of either. Try: other names than {', '.join(_RESERVED)}."
        )

    def call(*args: Any, **options: Any) -> Any:
        options |= dict(zip([_identifier(tuple(p.split("."))) for p in positional], args, strict=False))
        file, show, dry = (options.pop(key, None) for key in _RESERVED)
        given: dict[str, Any] = {}
        for key, field in fields.items():
            value = options.get(_identifier(key))
            if value is not None:
                if not _native(_plain(field.annotation)):
                    value = _parse_toml(dotted(key), value)
                for part in reversed(key):
                    value = {part: value}
                given = merge(given, value)
        config = load_config(schema, file, given)
        if not show:
            _check_installed(requires, full_name.split("-")[0])
        if not (show or dry):
            return execute(resolve(run), config, name=full_name)
        origins: dict[str, Origin] = dict.fromkeys(_dotted_leaves(read_toml(file)) if file else (), "file")
        origins.update(dict.fromkeys(_dotted_leaves(given), "command line"))
        print(to_toml(config, origins), end="")
        if dry:
            for fact, value in (resolve(plan)(config) if plan else {}).items():
                print(f"# {fact}: {value}")
            print("# dry run: the settings are valid; nothing was run")
        return None

    parameters = [_option(key, field, dotted(key) in positional) for key, field in fields.items()]
    parameters.sort(
        key=lambda p: positional.index(_dotted_name(p)) if _dotted_name(p) in positional else len(positional)
    )
    parameters += [
        _keyword("config", Path, "Read settings from this TOML file; options given here override it.", short="-c"),
        _keyword("print_config", bool, "Print the resolved settings as TOML, with their origin, and stop."),
        _keyword("dry_run", bool, "Check settings and inputs, say what would be done, and stop."),
    ]
    call.__name__ = name.replace("-", "_")
    call.__doc__ = help or inspect.getdoc(schema)
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    call.schema, call.run = schema, run  # type: ignore[attr-defined]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    app.command(call, name=name)


def execute(run: Callable[..., Any], config: Config, *, name: str | None = None) -> Any:
    """Do what a command does, as the command line does it: check the device, open the run folder, do the work.

    Parameters
    ----------
    run
        The command's function: ``run(config)``, or ``run(config, folder)`` where the settings are a
        `advsci.config.RunConfig`; ``folder`` is a `advsci.training.Run`.
    config
        The settings.
    name
        Name of the command, which a new folder is called by; default: by the function's module, as
        ``"inverse-train"`` for ``advsci_inverse.commands.train``.

    Returns
    -------
    Path, int or None
        What the function returned. A folder that holds this run, finished, is left alone, and its result returned.

    Raises
    ------
    ConfigError
        The device is none of this machine's, the folder cannot be written, or it holds another run.
    CheckpointError
        Another process works in the folder.
    Stopped
        A signal ended the run.

    Examples
    --------
    >>> import tempfile
    >>> from advsci.cli import execute
    >>> from advsci.config import RunConfig
    >>> def run(config, folder):
    ...     (folder.path / "result.txt").write_text("done")
    ...     return folder.path / "result.txt"
    >>> execute(run, RunConfig(out=tempfile.mkdtemp() + "/run"), name="example").name
    'result.txt'
    """
    if not isinstance(config, RunConfig):
        return run(config)
    from advsci.devices import torch_device
    from advsci.training.opening import opened

    if isinstance(config, DeviceConfig):
        torch_device(config.device)
    with opened(config, name or _name_of(run)) as folder:
        if not folder.finished:
            folder.result = run(config, folder)
        elif folder.first:
            print(f"{folder.path} holds this run, finished; nothing was done", file=sys.stderr)
    return folder.result if folder.first else None


def _name_of(run: Callable[..., Any]) -> str:
    module = run.__module__.split(".")
    return "-".join([module[0].removeprefix("advsci_"), *([module[-1]] if len(module) > 1 else [])])


def _check_installed(packages: Sequence[str], extra: str) -> None:
    for package in packages:
        if find_spec(package) is None:
            raise MissingDependencyError.of(package, extra)


def run_app(app: App, arguments: Sequence[str] | None = None) -> int:
    """Run an app and return the exit code: 0, 1 for a run that failed, 2 for wrong usage, 130 or 143 for a stopped one.

    An `AdvsciError` is printed as one line; any other exception keeps its traceback, being a bug.
    ``ADVSCI_TRACEBACK=1`` shows the traceback of all.

    Parameters
    ----------
    arguments
        What the user typed, without the script's name; None takes the process's.
    """
    try:
        result = app(arguments, exit_on_error=False)
    except CycloptsError:  # cyclopts has printed it, with the nearest option
        return 2
    except AdvsciError as error:
        if os.environ.get("ADVSCI_TRACEBACK"):
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    except Stopped as stopped:
        again = "the same command" + (f" with --out {stopped.folder}" if stopped.folder else "")
        print(f"{stopped}; {again} resumes", file=sys.stderr)
        return 128 + signal.Signals[stopped.signal]
    except KeyboardInterrupt:
        print("stopped by SIGINT", file=sys.stderr)
        return 128 + signal.SIGINT
    if isinstance(result, int):
        return int(result)
    if result is not None:
        print(result)
    return 0


def resolve(target: str) -> Callable[..., Any]:
    """The function that ``"module:function"`` names. Targets come from code, never from a user's settings.

    Parameters
    ----------
    target
        ``"module:function"``.
    """
    module, _, function = target.partition(":")
    return getattr(import_module(module), function)


def found_command(name: str) -> tuple[type[Config], Callable[..., Any]]:
    """The command that a run folder names in its ``run.json``.

    Parameters
    ----------
    name
        As ``"inverse-train"`` for ``advsci-inverse train``.

    Returns
    -------
    tuple
        Its schema and its function.

    Raises
    ------
    ConfigError
        No installed script has such a command.

    Examples
    --------
    >>> schema, run = found_command("inverse-train")
    >>> run.__module__
    'advsci_inverse.commands.train'
    """
    from importlib.metadata import entry_points

    domain, _, verb = name.partition("-")
    for entry in entry_points(group="console_scripts", name=f"advsci-{domain}"):
        app = import_module(entry.module).app
        if verb in app:
            call = app[verb].default_command
            return call.schema, resolve(call.run)
    raise ConfigError(
        f"got the command '{name}', which no installed script has; expected one such as 'inverse-train'. "
        f"Try: pip install 'advsci[{domain}]'."
    )


def _identifier(key: tuple[str, ...]) -> str:
    return "__".join(key)


def _dotted_name(parameter: inspect.Parameter) -> str:
    return parameter.name.replace("__", ".")


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
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        raise ConfigError(
            f"{key}: got {text!r}; expected a TOML value. Try: '{{kind = \"radon\", views = 10}}'."
        ) from None
