"""What a command prints: sentences for a person, or one JSON object for a program.

A command says what it found with `tell`, and how far it is with `note`. ``--json`` gathers the facts of all `tell` in
one JSON object, the only thing on standard output; everything else goes to standard error. ``--quiet`` leaves out
`note` and the progress of trainings, and keeps findings, warnings and errors.
"""

import json
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["answer", "note", "output", "quiet", "tell"]

_LARGEST = 1_000_000
"""Bytes of a result in JSON that `answer` still repeats."""


@dataclass
class _Mode:
    quiet: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


_mode = _Mode()  # one per process: threads of a command print in the same way


@contextmanager
def output(*, as_json: bool = False, quiet: bool = False) -> Iterator[dict[str, Any]]:
    """Within the context, findings and progress are printed as ``--json`` and ``--quiet`` ask.

    Parameters
    ----------
    as_json
        Print what is meant for standard output on standard error; only the facts count.
    quiet
        Print no progress.

    Yields
    ------
    dict
        The facts that `tell` was given, by name.

    Examples
    --------
    >>> with output(quiet=True) as facts:
    ...     note("seed 0 ...")
    ...     tell("mu 0.1", {"mu": 0.1})
    mu 0.1
    >>> facts
    {'mu': 0.1}
    """
    global _mode
    before, _mode = _mode, _Mode(quiet)
    with ExitStack() as stack:
        stack.callback(_restore, before)
        if as_json:
            stack.enter_context(redirect_stdout(sys.stderr))
        yield _mode.facts


def _restore(before: _Mode) -> None:
    global _mode
    _mode = before


def quiet() -> bool:
    """Whether progress is left out.

    Returns
    -------
    bool
        True under ``--quiet``.

    Examples
    --------
    >>> quiet()
    False
    """
    return _mode.quiet


def note(text: str) -> None:
    """Print a line of progress, unless the command is quiet.

    Parameters
    ----------
    text
        What is being done.

    Examples
    --------
    >>> note("seed 0 ...")
    seed 0 ...
    """
    if not _mode.quiet:
        print(text, flush=True)


def tell(text: str, facts: Mapping[str, Any] | None = None) -> None:
    """Print a finding, and keep its facts for ``--json``.

    Parameters
    ----------
    text
        The finding in words.
    facts
        The same by name: numbers, texts, and lists and mappings of them. A name that was told before is replaced.

    Examples
    --------
    >>> tell("PSNR 27.1 dB", {"PSNR [dB]": 27.1})
    PSNR 27.1 dB
    """
    _mode.facts.update(facts or {})
    print(text, flush=True)


def answer(command: str, status: int, **parts: Any) -> str:
    """The JSON object that ``--json`` prints.

    Parameters
    ----------
    command
        Name of the command, as ``"inverse-train"``.
    status
        Its exit status.
    parts
        ``result``, ``found``, ``error``, ...; what is None or empty is left out. A ``result`` that is the path of a
        small JSON file brings its ``content``.

    Returns
    -------
    str
        JSON; numbers that are not finite are null.

    Examples
    --------
    >>> print(answer("inverse-evaluate", 0, found={"PSNR [dB]": float("nan")}))
    {
      "command": "inverse-evaluate",
      "status": 0,
      "found": {
        "PSNR [dB]": null
      }
    }
    """
    said: dict[str, Any] = {"command": command, "status": status}
    said |= {name: part for name, part in parts.items() if part is not None and part != {}}
    result = said.get("result")
    if isinstance(result, Path) and result.suffix == ".json" and result.is_file():
        if result.stat().st_size <= _LARGEST:
            said["content"] = json.loads(result.read_text(encoding="utf-8"))
    return json.dumps(_plain(said), indent=2, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    """``value`` in what JSON has: arrays and single numbers of numpy and torch as lists and numbers, paths as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return str(value)
