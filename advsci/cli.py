"""How a schema becomes a command: ``command(app, "train", "advsci_x.config:Train", "advsci_x.commands.train:run")``.

Every command made here takes each setting of its schema as an option, and ``--config``, ``--print-config``,
``--dry-run``, ``--json`` and ``--quiet``. A script's ``--help`` imports no schema; nothing of the implementation is
imported before the settings are valid. See docs/commands.md.
"""

import ast
import inspect
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App, CycloptsError

from advsci import __version__
from advsci.errors import AdvsciError, ConfigError, MissingDependencyError, Stopped

if TYPE_CHECKING:
    from advsci.config import Config

__all__ = [
    "COMMANDS",
    "Command",
    "check_installed",
    "command",
    "domain_app",
    "execute",
    "found_command",
    "group",
    "resolve",
    "run_app",
]


@dataclass(frozen=True)
class Command:
    """What `command` was told; `advsci.options` makes the function of it once it is wanted.

    Attributes
    ----------
    name
        With the script's, as ``"inverse-train"``.
    schema, run, plan, positional, requires, help
        As `command` takes them.
    """

    name: str
    schema: "type[Config] | str"
    run: str
    plan: str | None
    positional: tuple[str, ...]
    requires: tuple[str, ...]
    help: str


COMMANDS: dict[str, Command] = {}
"""Every command by the name that `advsci.options` gives its function."""


def domain_app(name: str, help: str) -> App:
    """The app of the script ``advsci-NAME``; fill it with `command`, run it with `run_app`.

    Parameters
    ----------
    name
        Name as a user types it.
    help
        One sentence for the help text.

    Returns
    -------
    App
        An app without commands.
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
    app
        The app that the group belongs to.
    name
        Name as a user types it.
    help
        One sentence for the help text.

    Returns
    -------
    App
        The group, an app itself.
    """
    inner = App(name=name, help=help, help_format="plaintext")
    app.command(inner)
    return inner


def command(
    app: App,
    name: str,
    schema: "type[Config] | str",
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
        The command's settings, or ``"module:Class"``, which is imported once the command is used; the module must not
        import torch.
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
    key = f"command_{len(COMMANDS)}"
    text = help or _docstring(schema)
    COMMANDS[key] = Command(full_name, schema, run, plan, tuple(positional), tuple(requires), text)
    app.command(f"advsci.options:{key}", name=name, help=text)
    if not isinstance(schema, str):
        app[name]  # what is wrong with the schema is said here


def _docstring(schema: "type[Config] | str") -> str:
    """Docstring of a schema; of one that is named only, read from its source without an import."""
    if not isinstance(schema, str):
        return inspect.getdoc(schema) or ""
    module, _, name = schema.partition(":")
    return _class_docstrings(module)[name]


@cache
def _class_docstrings(module: str) -> dict[str, str]:
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None, module
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    return {node.name: ast.get_docstring(node) or "" for node in tree.body if isinstance(node, ast.ClassDef)}


def execute(run: Callable[..., Any], config: "Config", *, name: str | None = None) -> Any:
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
    from advsci.config import DeviceConfig, RunConfig

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


def check_installed(packages: Sequence[str], extra: str) -> None:
    """Raise a `MissingDependencyError` unless all these packages are installed.

    Parameters
    ----------
    packages
        Names to import.
    extra
        The extra of advsci that brings them.

    Raises
    ------
    MissingDependencyError
        One of them is not installed; it is named.
    """
    for package in packages:
        if find_spec(package) is None:
            raise MissingDependencyError.of(package, extra)


def run_app(app: App, arguments: Sequence[str] | None = None) -> int:
    """Run an app and return the exit code: 0, 1 for a run that failed, 2 for wrong usage, 130 or 143 for a stopped one.

    An `AdvsciError` is printed as one line; any other exception keeps its traceback, being a bug.
    ``ADVSCI_TRACEBACK=1`` shows the traceback of all.

    Parameters
    ----------
    app
        The script's app.
    arguments
        What the user typed, without the script's name; None takes the process's.

    Returns
    -------
    int
        The exit status.
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


def found_command(name: str) -> "tuple[type[Config], Callable[..., Any]]":
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
