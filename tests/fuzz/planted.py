"""``make planted``: bugs on purpose. Each changes one line of a module; the tests named beside it must notice.

Each bug lives in a process of its own, that sees the changed source and runs the tests; no file is changed. Prints one
JSON line per bug, and the share that was noticed. ``--module FILE --tests ...`` plants every bug of a simple kind
(an operator, a comparison, a number) into one module instead, and ``--mathematics N`` N of them, evenly spaced, into
each module of ``mathematics.toml``. ``--first`` and ``--count`` take a part of the bugs, or of the modules.
"""

import argparse
import ast
import contextlib
import copy
import importlib
import importlib.machinery
import json
import os
import signal
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis  # noqa: F401
import numpy  # noqa: F401
import pytest
import torch  # heavy packages are loaded once, before the processes part

ROOT = Path(__file__).parents[2]
BUGS = Path(__file__).with_suffix(".toml")
MATHEMATICS = Path(__file__).with_name("mathematics.toml")
OURS = ("advsci", "test", "conftest", "__main__")
LONGEST = 60
"""Seconds of the processor for the tests of one bug; what takes longer is noticed: it hangs."""


def _change_source(file: Path, source: str) -> None:
    """Every loader of this process reads this source in the place of the file, and no compiled form of it."""
    loader: Any = importlib.machinery.SourceFileLoader
    read = loader.get_data

    def get_data(self: Any, path: str) -> bytes:
        place = Path(path)
        if place == file:
            return source.encode()
        if place.suffix == ".pyc" and place.parent.parent == file.parent and place.name.startswith(f"{file.stem}."):
            raise OSError("its source has changed")
        return read(self, path)

    loader.get_data = get_data
    sys.dont_write_bytecode = True


def noticed(file: Path, source: str, tests: list[str], loaded: Path | None = None) -> str:
    """How tests end when the module has this source: ``"failed"``, ``"crashed"``, ``"hung"`` or, empty, well.

    What the tests have imported is written into the file ``loaded``.
    """
    child = os.fork()
    if not child:
        signal.setitimer(signal.ITIMER_PROF, LONGEST)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        _change_source(file, source)
        code = pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests])
        if loaded is not None:
            loaded.write_text("\n".join(name for name in sys.modules if not name.startswith(OURS)), encoding="utf-8")
        os._exit(int(code) & 0xFF)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code not in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED), tests
    return "" if code == 0 else "hung" if code == -signal.SIGPROF else "crashed" if code < 0 else "failed"


def prepare(file: Path, tests: list[str]) -> None:
    """Make sure that the tests of a sound module end well, and import here what all of its processes will need.

    Parameters
    ----------
    file
        The module.
    tests
        Its tests, as pytest takes them.
    """
    with tempfile.TemporaryDirectory() as folder:
        loaded = Path(folder) / "loaded"
        how = noticed(file, ast.unparse(ast.parse(file.read_text(encoding="utf-8"))), tests, loaded)
        assert not how, f"{how}: {tests} on the sound {file}"
        for name in loaded.read_text(encoding="utf-8").split():
            with contextlib.suppress(Exception):
                importlib.import_module(name)


_SWAPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.Lt: ast.GtE, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """(what and where, source) of every simple bug in the functions of a module; error messages are left alone."""
    tree = ast.parse(source)
    count = sum(1 for _ in _places(tree))
    for k in range(count):
        changed = copy.deepcopy(tree)
        node, what = list(_places(changed))[k]
        _change(node)
        yield f"line {getattr(node, 'lineno', 0)}: {what}", ast.unparse(changed)


def _places(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
        waiting: list[ast.AST] = list(function.body)
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Raise | ast.JoinedStr) or (
                isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            ):
                continue
            if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in _SWAPS:
                yield node, type(node.op).__name__
            elif isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPS:
                yield node, type(node.ops[0]).__name__
            elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
                yield node, repr(node.value)
            elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
                yield node, "minus"
            waiting.extend(ast.iter_child_nodes(node))


def _change(node: ast.AST) -> None:
    if isinstance(node, ast.BinOp | ast.BoolOp):
        node.op = _SWAPS[type(node.op)]()  # type: ignore[assignment]
    elif isinstance(node, ast.Compare):
        node.ops[0] = _SWAPS[type(node.ops[0])]()
    elif isinstance(node, ast.UnaryOp):
        node.op = ast.UAdd()
    elif isinstance(node, ast.Constant):
        node.value = node.value + 1  # type: ignore[operator]


def report(planted: list[tuple[str, Path, str, list[str]]]) -> list[bool]:
    """Plant bugs, each (what, module, its changed source, tests), print what was noticed, and say it."""
    outcomes = []
    for name, file, source, tests in planted:
        how = noticed(file, source, tests)
        outcomes.append(bool(how))
        print(json.dumps({"bug": name, "noticed": outcomes[-1]} | ({"by": how} if how else {})), flush=True)
    return outcomes


def in_module(file: Path, tests: list[str], part: slice, most: int | None = None) -> list[bool]:
    """The simple bugs of one module; ``most``: so many at most, evenly spaced."""
    prepare(file, tests)
    found = list(mutants(file.read_text(encoding="utf-8")))
    if most is not None and most < len(found):
        found = [found[k * len(found) // most] for k in range(most)]
    name = file.relative_to(ROOT)
    outcomes = report([(f"{name}, {what}", file, source, tests) for what, source in found[part]])
    print(json.dumps({"module": str(name), "planted": len(outcomes), "noticed": sum(outcomes)}), flush=True)
    return outcomes


def main() -> int:
    """Print what was noticed; the exit status is 1 where one of the named bugs was not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--module", type=Path)
    parser.add_argument("--tests", nargs="*", default=[])
    parser.add_argument("--mathematics", type=int, metavar="N")
    parser.add_argument("--first", type=int, default=0, help="begin with this one")
    parser.add_argument("--count", type=int, default=None, help="plant so many")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    os.chdir(ROOT)
    part = slice(arguments.first, None if arguments.count is None else arguments.first + arguments.count)
    outcomes = []
    if arguments.mathematics is not None:
        for module in tomllib.loads(MATHEMATICS.read_text(encoding="utf-8"))["module"][part]:
            outcomes += in_module(ROOT / module["file"], module["tests"], slice(None), arguments.mathematics)
    elif arguments.module is not None:
        outcomes += in_module(arguments.module.resolve(), arguments.tests, part)
    else:
        planted = []
        for bug in tomllib.loads(BUGS.read_text(encoding="utf-8"))["bug"]:
            source = (ROOT / bug["file"]).read_text(encoding="utf-8")
            assert bug["old"] in source, bug["name"]
            planted.append((bug["name"], ROOT / bug["file"], source.replace(bug["old"], bug["new"]), [bug["tests"]]))
        outcomes += report(planted[part])
    print(json.dumps({"planted": len(outcomes), "noticed": sum(outcomes)}))
    return int(not all(outcomes)) if arguments.module is None and arguments.mathematics is None else 0


if __name__ == "__main__":
    raise SystemExit(main())
