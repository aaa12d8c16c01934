"""Opening a run: which folder, whether it holds this run already, and what is written before and after the work.

``config.json`` holds the resolved settings, ``environment.json`` where the run was made, ``run.json`` the command, the
sha256 of every input, the state (running, stopped, failed, finished) and the result. One rule decides about a folder:

- no folder is named: a new one, ``runs/NAME-DATE``;
- the folder holds this run, finished: it is left alone, and its result given back;
- the folder holds this run, unfinished: the run goes on, its trainings from their checkpoints;
- the folder holds another run (other settings or other inputs): refused, unless ``overwrite`` empties it first.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from advsci.config import RunConfig
from advsci.errors import CheckpointError, ConfigError, Stopped
from advsci.files.links import refuse_links
from advsci.files.plain import read_json
from advsci.processes import from_first_process, join_processes, several_processes
from advsci.training.described import differences
from advsci.training.environment import environment
from advsci.training.lock import locked
from advsci.training.run import Run
from advsci.training.signals import stopped_by_sigterm

__all__ = ["OpenRun", "inputs_of", "opened"]

_WHERE = ("out", "overwrite", "device", "quiet")
"""Settings that do not change the result."""
_WRITTEN = ("out", "output")
"""Settings that name what a command writes; every other file that a setting names is an input."""
_READ = ("data", "file", "foreign", "images", "reference", "target")
"""Settings in which a plain word that is the name of a folder means that folder."""


class OpenRun(Run):
    """A run folder that `opened` gave.

    Attributes
    ----------
    finished
        Whether the folder holds this run already.
    result
        What the command returned: the path of its main result, an exit status, or None.
    first
        Whether this is the first of several processes; the others have an empty folder of their own, which is thrown
        away.
    """

    first: bool = True
    finished: bool = False
    result: Path | int | None = None


@contextmanager
def opened(config: RunConfig, name: str) -> Iterator[OpenRun]:
    """The run folder of a command within the context, locked; on leaving, ``run.json`` says how the run ended.

    Parameters
    ----------
    config
        Settings with ``out`` and ``overwrite``.
    name
        Name of the command, as ``"inverse-train"``.

    Yields
    ------
    OpenRun
        The folder. Where it is ``finished`` there is nothing to do; otherwise set its ``result``.

    Raises
    ------
    ConfigError
        The folder cannot be written, holds another run, or holds something that ``overwrite`` may not empty.
    CheckpointError
        Another process works in the folder.
    Stopped
        SIGTERM or SIGINT ended the run.
    """
    join_processes()
    if several_processes() and torch.distributed.get_rank() > 0:
        with TemporaryDirectory() as scratch:  # only the first process reads and writes the folder
            run = OpenRun(scratch)
            run.first = False
            run.finished, run.result, problem = from_first_process(None)
            if problem is not None:
                raise problem
            yield run
        return
    with ExitStack() as stack:
        try:
            folder = _made(config.out, name)
            refuse_links(folder, ConfigError)
            stack.enter_context(locked(folder))
            stack.enter_context(stopped_by_sigterm())
            run, about = _open(folder, config, name)
        except (ConfigError, CheckpointError) as problem:
            from_first_process((False, None, problem))
            raise
        from_first_process((run.finished, run.result, None))
        if run.finished:
            yield run
            return
        try:
            yield run
        except KeyboardInterrupt as interrupt:
            stopped = interrupt if isinstance(interrupt, Stopped) else Stopped("SIGINT")
            stopped.folder = None if config.out else str(folder)
            _note(run, about, "stopped", ended=str(stopped))
            raise stopped from None
        except BaseException as error:
            _note(run, about, "failed", ended=f"{type(error).__name__}: {error}")
            raise
        _note(run, about, "finished", result=_written_result(folder, run.result))


def _open(folder: Path, config: RunConfig, name: str) -> tuple[OpenRun, dict[str, Any]]:
    """The run in its locked folder, and what ``run.json`` says of it; nothing is touched if it is refused."""
    settings = {k: v for k, v in config.model_dump(mode="json").items() if k not in _WHERE}
    about: dict[str, Any] = {"command": name, "settings": settings, "inputs": inputs_of(config)}
    before = _before(folder)
    run = OpenRun(folder)
    if config.overwrite:
        _empty(folder, before)
    elif before is not None:
        _refuse_another(folder, before, about)
        run.result = _read_result(folder, before)
        run.finished = before.get("state") == "finished" and _there(run.result)
    if not run.finished:
        about["began"] = f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S%z}"
        run.write("config.json", json.dumps(config.model_dump(mode="json"), indent=2, sort_keys=True))
        run.write("environment.json", json.dumps(environment() | {"seed": config.seed}, indent=2))
        _note(run, about, "running")
    return run, about


def inputs_of(config: RunConfig) -> dict[str, str]:
    """Setting -> sha256 of the file or folder that it names, for every setting that names an existing one.

    Parameters
    ----------
    config
        Any settings; ``out`` and ``output`` name what is written, and are left out.
    """
    found: dict[str, str] = {}

    def look(key: str, value: Any) -> None:
        """Note the hash of every file that the setting ``key`` of this ``value`` names, and of those within it."""
        if isinstance(value, Mapping):
            for name, inner in value.items():
                look(f"{key}.{name}" if key else str(name), inner)
        elif isinstance(value, list | tuple):
            for i, inner in enumerate(value):
                look(f"{key}.{i}", inner)
        elif _names_something(value, key):
            found[key] = _sha256(Path(value))

    look("", {key: value for key, value in config.model_dump().items() if key not in _WRITTEN})
    return found


def _made(out: Path | None, name: str) -> Path:
    """The folder, made where it is not there, and proved to be writable."""
    stem = Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    try:
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            return out
        for count in range(1, 1000):
            folder = stem if count == 1 else stem.with_name(f"{stem.name}-{count}")
            folder.parent.mkdir(exist_ok=True)
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                continue
        raise FileExistsError(f"{stem}-1 to -999 are taken")
    except OSError as error:
        raise ConfigError(
            f"out: got {out or stem}, which cannot be made ({error}); expected a folder that can be written. "
            "Try: --out with another folder."
        ) from None


def _before(folder: Path) -> dict[str, Any] | None:
    """What ``run.json`` tells of the run that the folder holds."""
    path = folder / "run.json"
    if not path.exists():
        return None
    about = read_json(path, expected="the file that a run wrote", error=ConfigError)
    result = about.get("result")
    whole = isinstance(about.get("command"), str) and (result is None or isinstance(result, dict))
    path_in = result.get("path", "") if isinstance(result, dict) else ""
    if not whole or not _may_exist(path_in) or not isinstance(about.get("state", ""), str):
        raise ConfigError(
            f"got {path} with the keys {sorted(about)[:20]}; expected the file that a run wrote. Try: another --out."
        )
    return about


def _may_exist(name: Any) -> bool:
    """Whether the disk can be asked for a file of this name: it may be too long, or hold a zero byte."""
    try:
        return isinstance(name, str) and Path(name).exists() in (True, False)
    except (OSError, ValueError):
        return False


def _refuse_another(folder: Path, before: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    keys = ("command", "settings", "inputs")
    lines = differences({k: before.get(k) for k in keys}, {k: about[k] for k in keys})
    if lines:
        said = "; ".join(line.removeprefix("settings.").replace("inputs.", "content of ") for line in lines)
        raise ConfigError(
            f"out: got {folder}, which holds another run; expected the same settings and inputs ({said}). "
            "Try: another --out, or --overwrite to empty this one."
        )


def _empty(folder: Path, before: Mapping[str, Any] | None) -> None:
    kept = (".lock", ".owner.json")
    content = [path for path in folder.iterdir() if path.name not in kept]
    if before is None and content:
        raise ConfigError(
            f"out: got {folder}, which --overwrite would empty though no run of advsci wrote it; expected a run folder "
            "or an empty one. Try: another --out."
        )
    for path in content:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _note(run: Run, about: Mapping[str, Any], state: str, **more: Any) -> None:
    run.write("run.json", json.dumps({**about, "state": state, **more}, indent=2))


def _written_result(folder: Path, result: Path | int | None) -> dict[str, Any] | None:
    """The result as plain data; a path below the folder relative to it, so that the folder may be moved."""
    if isinstance(result, Path):
        inside = result.resolve().is_relative_to(folder.resolve())
        return {"path": str(result.resolve().relative_to(folder.resolve()) if inside else result.resolve())}
    return None if result is None else {"status": int(result)}


def _read_result(folder: Path, before: Mapping[str, Any]) -> Path | int | None:
    result = before.get("result") or {}
    return folder / result["path"] if "path" in result else result.get("status")


def _there(result: Path | int | None) -> bool:
    return not isinstance(result, Path) or result.exists()


def _names_something(value: Any, key: str) -> bool:
    """Whether the setting ``key`` names an existing file or folder; a plain word may be a folder's name by chance."""
    if not isinstance(value, Path | str) or not str(value):
        return False
    path = Path(value)
    try:
        meant = isinstance(value, Path) or len(path.parts) > 1 or bool(path.suffix) or key.split(".")[-1] in _READ
        return path.is_file() or (path.is_dir() and meant)
    except (OSError, ValueError):
        return False


def _sha256(path: Path) -> str:
    """Of a file its content; of a folder the names and contents of all that is in it."""
    if path.is_dir():
        parts = [(str(p.relative_to(path)), _sha256(p)) for p in sorted(path.rglob("*")) if p.is_file()]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(
            f"got {path}, which cannot be read ({error}); expected a readable file. Try: check its permissions."
        ) from None
