"""Names of genes as identifiers that no simulator takes for something else; names themselves are kept beside them."""

import re
from collections.abc import Sequence
from typing import Any

from advsci.errors import needs

__all__ = ["import_libsbml", "safe_ids"]

RESERVED = frozenset(
    "time avogadro pi exponentiale e true false infinity inf nan notanumber cell s t ln log exp root sqrt pow abs "
    "min max "
    "sin cos tan and or not xor model module end species var ext const function at after compartment in is has import "
    "unit delete gene reaction operator formula dna rate delay piecewise".split()
)
"""Words of SBML's formulas and of Antimony, in small letters, and the compartment of our own files."""
OURS = re.compile(r"(g|k|K|n|leak|top|production|degradation)_")
"""How the identifiers of our parameters and reactions begin."""


def import_libsbml() -> Any:
    """The package libsbml.

    Raises
    ------
    MissingDependencyError
        Where it is not installed; names the extra.
    """
    with needs("python-libsbml", "circuits"):
        import libsbml
    return libsbml


def safe_ids(names: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """Distinct SBML identifiers.

    Parameters
    ----------
    names
        Names in any alphabet.
    taken
        Identifiers that are in use already.

    Returns
    -------
    list of str
        One each: letters, digits and single underscores, no reserved word, none that a parameter of ours could have.

    Examples
    --------
    >>> safe_ids(["lacI", "lac I", "pi", "g_lacI", "λ"])
    ['lacI', 'lac_I', 'gene_pi', 'gene_g_lacI', 'gene_5']
    """
    ids: list[str] = []
    for number, name in enumerate(names, 1):
        word = re.sub(r"_+", "_", re.sub(r"\W", "_", name, flags=re.ASCII))
        if not re.search(r"[A-Za-z0-9]", word):
            word = f"gene_{number}"
        elif word.lower() in RESERVED or OURS.match(word) or not re.match(r"[A-Za-z_]", word):
            word = f"gene_{word}"
        stem, count = word, 1
        while word in ids or word in taken:
            count += 1
            word = f"{stem}_{count}"
        ids.append(word)
    return ids
