"""What to cite for what was used: BibTeX of the works that the docstrings of an object and of its parts name."""

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["citation", "references"]

_IDENTIFIER = re.compile(r"(?<![\d./])(\d{4}\.\d{4,5})(?!\d)|(10\.\d{4,}/[^\s,;\"'`]+)")
_OWN = """@software{advsci,
  author = {{The advsci developers}},
  title = {advsci: adversarial learning for science},
  version = {%s},
}"""


def citation(*used: Any) -> str:
    """BibTeX of advsci and of the methods that these objects are made of.

    Parameters
    ----------
    used
        Games, solvers, trainings, penalties, functions, classes of advsci or of a domain: what a study used. Parts of a
        game or a solver (objective, penalties, networks, inner rule) are found by themselves.

    Returns
    -------
    str
        Entries, advsci's first, then by key. A work counts as used where the docstring of a class, of one that it
        descends from, or of its module names its arXiv number or DOI.

    Examples
    --------
    >>> from advsci.penalties import R1
    >>> print(citation(R1()).splitlines()[0])
    @software{advsci,
    >>> "Which training methods for" in citation(R1())
    True
    """
    from advsci import __version__

    texts = [text for part in _parts(used) for text in _docstrings(part)]
    known = references()
    keys = sorted({known[i][0] for text in texts for i in identifiers(text) if i in known})
    entries = dict(known.values())
    return "\n\n".join([_OWN % __version__, *(entries[key] for key in keys)])


def identifiers(text: str) -> list[str]:
    """arXiv numbers and DOIs in a text.

    Parameters
    ----------
    text
        A docstring.

    Returns
    -------
    list of str
        In order; a bracket that closes one of the text is not part of a DOI.
    """
    found = []
    for number, doi in _IDENTIFIER.findall(text):
        while doi and (doi[-1] in ".:" or (doi[-1] == ")" and doi.count("(") < doi.count(")"))):
            doi = doi[:-1]
        found.append(number or doi)
    return found


@cache
def references() -> Mapping[str, tuple[str, str]]:
    """arXiv number or DOI -> key and BibTeX entry, of all works that advsci and its domains cite so.

    Returns
    -------
    Mapping
        Read from ``references.bib`` of the package.

    Examples
    --------
    >>> references()["1406.2661"][0]
    'Goodfellow2014'
    """
    text = files("advsci").joinpath("references.bib").read_text(encoding="utf-8")
    found = {}
    for entry in re.findall(r"^@\w+\{.*?^\}", text, re.DOTALL | re.MULTILINE):
        key = re.match(r"@\w+\{(\w+)", entry)
        number = re.search(r"^  (?:eprint|doi) = \{(.+)\}", entry, re.MULTILINE)
        assert key and number, entry
        found[number[1]] = (key[1], entry)
    return found


def _parts(used: tuple[Any, ...]) -> Iterator[Any]:
    """Objects and what they are made of, as far as it is advsci's, each once."""
    seen: set[int] = set()
    rest = list(used)
    while rest:
        part = rest.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, list | tuple):
            rest += part
        elif isinstance(part, Mapping):
            rest += part.values()
        elif _ours(part):
            yield part
            if not isinstance(part, type) and not inspect.isroutine(part):
                rest += [value for name, value in getattr(part, "__dict__", {}).items() if name != "log"]


def _ours(part: Any) -> bool:
    kind = part if isinstance(part, type) or inspect.isroutine(part) else type(part)
    return any((getattr(c, "__module__", None) or "").startswith("advsci") for c in getattr(kind, "__mro__", (kind,)))


def _docstrings(part: Any) -> Iterator[str]:
    """Docstrings of an object's class with all that it descends from, or of a function, and those of their modules."""
    kind = part if isinstance(part, type) or inspect.isroutine(part) else type(part)
    for one in getattr(kind, "__mro__", (kind,)):
        module = getattr(one, "__module__", None) or ""
        if module.startswith("advsci"):
            yield one.__doc__ or ""
            yield getattr(sys.modules.get(module), "__doc__", None) or ""
