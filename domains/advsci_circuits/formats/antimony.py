"""Antimony, the readable form of SBML: written from and read through it."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from advsci.errors import DataError, needs
from advsci.files.text import read_text
from advsci.files.xml_text import check_xml
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.formats.kinetic_circuit import KineticCircuit
from advsci_circuits.formats.sbml_read import read_sbml_text
from advsci_circuits.formats.sbml_write import write_sbml
from advsci_circuits.graphs.circuit import Circuit

_DEEPEST, _LONGEST = 100, 20_000
"""Nested brackets, and characters of a statement."""
__all__ = ["antimony_of", "read_antimony", "sbml_of", "write_antimony"]


def _antimony() -> Any:
    with needs("antimony", "circuits"):
        import antimony
    antimony.clearPreviousLoads()
    return antimony


def write_antimony(circuit: Circuit, model: HillModel, start: np.ndarray | None = None) -> str:
    """Antimony text of one circuit with one parameter set.

    Parameters
    ----------
    circuit, model, start
        As for `advsci_circuits.formats.sbml_write.write_sbml`.
    """
    return antimony_of(write_sbml(circuit, model, start))


def antimony_of(sbml: str) -> str:
    """SBML text as Antimony.

    Parameters
    ----------
    sbml
        A model's text.

    Raises
    ------
    DataError
        Where Antimony refuses it.
    """
    antimony = _antimony()
    if antimony.loadSBMLString(sbml) < 0:
        raise DataError(
            f"got SBML that Antimony refuses ({antimony.getLastError()}); expected a core model. Try: .sbml instead."
        )
    return antimony.getAntimonyString(None)


def read_antimony(path: str | Path) -> KineticCircuit:
    """The circuit of an Antimony file.

    Parameters
    ----------
    path
        The file, also gzipped.

    Returns
    -------
    KineticCircuit

    Raises
    ------
    DataError
        Where Antimony does not parse it, it imports another file, or `read_sbml` refuses its SBML.
    """
    path = Path(path)
    sbml = sbml_of(read_text(path, expected="a circuit"), path.name)
    return read_sbml_text(sbml, path.name.split(".")[0])


def sbml_of(text: str, name: str = "the text") -> str:
    """Antimony text as SBML.

    Parameters
    ----------
    text
        A model in Antimony.
    name
        The file's name, for errors.

    Returns
    -------
    str

    Raises
    ------
    DataError
        Where Antimony does not parse it, or it imports another file.
    """
    _check(text, name)
    antimony = _antimony()
    if antimony.loadAntimonyString(text) < 0:
        raise DataError(
            f"got Antimony in {name} that does not parse ({antimony.getLastError()}); expected a model. "
            "Try: open it in tellurium."
        )
    sbml = antimony.getSBMLString(None)
    check_xml(sbml, name)
    return sbml


def _check(text: str, name: str) -> None:
    """Refuse text that names another file, or whose formulas are too long or too deep for a parser in C."""
    bare = re.sub(r"/\*.*?\*/|//[^\n]*|#[^\n]*", " ", text, flags=re.DOTALL)
    if any(re.search(r"""(?i)(?<!\w)import[\s\\]*["']""", form) for form in (text, bare)):
        raise DataError(f"got an import in {name}; expected one self-contained file. Try: export the flat model.")
    depth = deepest = 0
    for mark in re.findall(r"[()\[\]{}]", bare):
        depth += 1 if mark in "([{" else -1
        deepest = max(deepest, depth)
    longest = max((len(part) for part in re.split(r"[;\n]", bare)), default=0)
    if deepest > _DEEPEST or longest > _LONGEST:
        raise DataError(
            f"got a formula of {longest:,} characters, or brackets {deepest} deep, in {name}; expected at most "
            f"{_LONGEST:,} and {_DEEPEST}. Try: assignment rules for its parts."
        )
