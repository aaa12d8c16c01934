"""What installed packages bring to the script ``advsci``: found by entry points, so that the core imports no domain.

A package, ours or anybody's, declares one module::

    [project.entry-points."advsci.parts"]
    friction = "advsci_friction.parts"

and each public name of that module is a part:

========== ==================================================================================================
``demo``      function ``demo(report, out, quick) -> Path``: a small real job for ``advsci demo``
``registry``  module with ``datasets()``, ``fetch(name)``, ``prepared(name)`` and ``verify(entry)``, as
              ``advsci_datasets.registry``: data sets for ``advsci datasets``
``papers``    what ``advsci reproduce`` lists
========== ==================================================================================================
"""

import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import entry_points
from typing import Any

__all__ = ["parts"]

GROUP = "advsci.parts"
"""The group of entry points."""


def parts(kind: str) -> dict[str, Callable[[], Any]]:
    """Every installed part of one kind.

    Parameters
    ----------
    kind
        Name of the part, as ``"demo"``.

    Returns
    -------
    dict
        Name of the package's entry point -> function that imports and returns the part, in the order of the names. A
        package whose module cannot be imported is told on standard error and left out.

    Examples
    --------
    >>> parts("no such kind")
    {}
    """
    found = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name):
        try:
            module = entry.load()
        except Exception as error:
            print(f"warning: the parts of '{entry.name}' cannot be imported ({error}): left out", file=sys.stderr)
            continue
        if kind in dir(module):
            found[entry.name] = partial(getattr, module, kind)
    return found
