"""Papers: a published table printed again, beside the published numbers, with a status for every cell.

A paper is a folder ``papers/NAME`` of the core or of a domain, with ``paper.toml`` (`Paper`), a ``Snakefile`` whose
rules are plain commands, and the modules that these commands run (`step`). ``advsci reproduce NAME`` runs them.
"""

from typing import TYPE_CHECKING

from advsci.lazy import exports

if TYPE_CHECKING:
    from advsci.papers.paper import Cell as Cell
    from advsci.papers.paper import Paper as Paper
    from advsci.papers.paper import papers as papers
    from advsci.papers.paper import read_paper as read_paper
    from advsci.papers.status import Result as Result
    from advsci.papers.status import judge as judge
    from advsci.papers.step import step as step

__getattr__, __dir__, __all__ = exports(__name__)
