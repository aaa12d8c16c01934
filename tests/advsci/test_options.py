"""Every option that a command offers is read by the source that the command runs."""

import ast
import importlib
import tomllib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from advsci.config import Config, RunConfig, leaves

ROOT = Path(__file__).parents[2]
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
OPENED = {"out", "overwrite", "seed"}
"""Read by `advsci.training.opening` for every command with a run folder; the seed is written with the environment."""


def commands(app, above: str = ""):
    """(words, schema, run) of every command of an app and its groups."""
    for name in app:
        inner = app[name]
        call = inner.default_command
        if hasattr(call, "schema"):
            yield f"{above}{name}", call.schema, call.run
        elif not name.startswith("-"):
            yield from commands(inner, f"{above}{name} ")


ALL = [
    (f"{script} {words}", schema, run)
    for script, target in SCRIPTS.items()
    for words, schema, run in commands(importlib.import_module(target.split(":")[0]).app)
]


def file_of(module: str) -> Path | None:
    """The source of a module, found without importing it."""
    package, *inner = module.split(".")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent.joinpath(*inner)
    if not inner and Path(spec.origin).name != "__init__.py":
        return Path(spec.origin)
    return next((p for p in (path.with_name(f"{path.name}.py"), path / "__init__.py") if p.is_file()), None)


@cache
def tree_of(module: str) -> ast.Module:
    path = file_of(module)
    assert path is not None, module
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def reached(module: str) -> frozenset[str]:
    """The modules of the same package that a module imports, and so on."""
    package, found, left = module.split(".")[0], set(), [module]
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        for node in ast.walk(tree_of(name)):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == package:
                candidates = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                left += [c for c in candidates if c != name and file_of(c)]
    return frozenset(found)


def settings_read(run: str, schema: type[Config]) -> set[str]:
    """Names of the settings that the source reads, in the modules that the command reaches.

    Any attribute of a name counts, but for what every tensor and network has, as ``device``: that must be read from
    an argument that is annotated with the schema or a base of it, or that is called ``config`` or ``settings``.
    """
    module, _, function = run.partition(":")
    names = {kind.__name__ for kind in schema.__mro__}
    read: set[str] = set()
    for name in reached(module):
        for node in ast.walk(tree_of(name)):
            if isinstance(node, ast.FunctionDef):
                arguments = [*node.args.args, *node.args.kwonlyargs]
                held = {a.arg for a in arguments if a.arg in ("config", "settings") or _annotated(a, names)}
                if name == module and node.name == function:
                    held.add(arguments[0].arg)
                read |= set(_attributes(node, held))
            elif isinstance(node, ast.Attribute) and not _of_every_tensor(node.attr):
                read.add(node.attr)
    return read


def _of_every_tensor(name: str) -> bool:
    return hasattr(torch.Tensor, name) or name in vars(torch.nn.Linear(1, 1))


def _annotated(argument: ast.arg, names: set[str]) -> bool:
    found = {n.id for n in ast.walk(argument.annotation) if isinstance(n, ast.Name)} if argument.annotation else set()
    return bool(found & names)


def _attributes(node: ast.AST, held: set[str]):
    """Every name in a chain of attributes that starts at one of the held names, or at an attribute ``config``."""
    for inner in ast.walk(node):
        chain, value = [], inner
        while isinstance(value, ast.Attribute):
            chain.append(value.attr)
            value = value.value
        if isinstance(value, ast.Name) and (value.id in held or set(chain[1:]) & {"config", "settings"}):
            yield from chain


@pytest.mark.parametrize("words, schema, run", ALL, ids=[words for words, _, _ in ALL])
def test_every_option_is_read(words, schema, run):
    read = settings_read(run, schema) | (OPENED if issubclass(schema, RunConfig) else set())
    unread = [
        ".".join(key) for key, _ in leaves(schema) if key[-1] not in read and not (len(key) > 1 and key[0] in read)
    ]
    assert not unread, f"{words} offers what {run} does not read: {', '.join(unread)}"


def test_the_rule_finds_an_option_that_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "forgetful.py").write_text(
        "from advsci.config import Config\n"
        "class Train(Config):\n    steps: int = 1\n    device: str = 'cpu'\n"
        "def run(config: Train):\n    return config.steps\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    schema = importlib.import_module("forgetful").Train
    assert "steps" in settings_read("forgetful:run", schema) and "device" not in settings_read("forgetful:run", schema)
