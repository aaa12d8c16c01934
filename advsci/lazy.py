"""Tables of contents that import nothing until a name is used.

``advsci --help`` must not import torch, and Python imports a package's ``__init__`` before any module in it. So a
package whose modules import torch writes its table of contents for type checkers only, and resolves names on first
use (PEP 562)::

    from typing import TYPE_CHECKING

    from advsci.lazy import exports

    if TYPE_CHECKING:
        from advsci.games import GAN as GAN
        from advsci.training import Trainer as Trainer

    __getattr__, __dir__, __all__ = exports(__name__)
"""

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from advsci.errors import AdvsciError

__all__ = ["exports"]


def exports(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package, read from its ``if TYPE_CHECKING:`` imports.

    Parameters
    ----------
    package
        The package's ``__name__``; the imports in its source must be absolute ``from module import name as name``.

    Raises
    ------
    AdvsciError
        The package is installed without its sources.
    """
    module = sys.modules[package]
    origin = module.__file__ or getattr(find_spec(package), "origin", None)
    if origin is None:
        raise AdvsciError(
            f"got no source file for '{package}'; expected one to read its table of contents from. "
            "Try: install the package with its sources."
        )
    homes: dict[str, tuple[str, str]] = {}
    for node in ast.parse(Path(origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for statement in node.body:
                if isinstance(statement, ast.ImportFrom) and statement.module and statement.level == 0:
                    homes |= {a.asname or a.name: (statement.module, a.name) for a in statement.names}

    def __getattr__(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        home, original = homes[name]
        value = getattr(import_module(home), original)
        setattr(module, name, value)
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(module), *homes})

    return __getattr__, __dir__, sorted(homes)
