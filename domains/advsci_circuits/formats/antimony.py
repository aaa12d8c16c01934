"""Antimony, the readable form of SBML: written from and read through it."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from advsci.errors import DataError, MissingDependencyError
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.formats.sbml import KineticCircuit, read_sbml_text, write_sbml
from advsci_circuits.formats.untrusted import read_text
from advsci_circuits.graphs.circuit import Circuit

__all__ = ["read_antimony", "write_antimony"]


def _antimony() -> Any:
    try:
        import antimony
    except ImportError as error:
        raise MissingDependencyError.of("antimony", "circuits") from error
    antimony.clearPreviousLoads()
    return antimony


def write_antimony(circuit: Circuit, model: HillModel, start: np.ndarray | None = None) -> str:
    """Antimony text of one circuit with one parameter set; see `write_sbml`."""
    antimony = _antimony()
    if antimony.loadSBMLString(write_sbml(circuit, model, start)) < 0:
        raise DataError(f"got SBML that Antimony refuses: {antimony.getLastError()}")
    return antimony.getAntimonyString(None)


def read_antimony(path: str | Path) -> KineticCircuit:
    """The circuit of an Antimony file.

    Raises
    ------
    DataError
        Where Antimony does not parse it, it imports another file, or `read_sbml` refuses its SBML.
    """
    text = read_text(path)
    if re.search(r"^\s*import\s", text, re.MULTILINE):
        raise DataError(
            f"got an import in {Path(path).name}; expected one self-contained file. Try: export the flat model"
        )
    antimony = _antimony()
    if antimony.loadAntimonyString(text) < 0:
        raise DataError(f"got Antimony in {Path(path).name} that does not parse: {antimony.getLastError()}")
    return read_sbml_text(antimony.getSBMLString(None), Path(path).stem)
