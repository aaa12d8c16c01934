"""Writing SED-ML Level 1 Version 4: one time course of an SBML file, its species as data, a plot and a report.

https://sed-ml.org, Smith et al. 2021, https://doi.org/10.1515/jib-2021-0021.
"""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from advsci.errors import DataError, MissingDependencyError
from advsci_circuits.formats.identifiers import import_libsbml

__all__ = ["ask_libsedml", "write_sedml"]

PROCESS = Path(__file__).with_name("libsedml_process.py")
LONGEST = 120
"""Seconds that libsedml may take."""


def ask_libsedml(question: dict[str, Any]) -> Any:
    """The answer of `advsci_circuits.formats.libsedml_process`.

    Parameters
    ----------
    question
        ``read``: SED-ML text; or ``write``: facts.

    Returns
    -------
    dict or str
        Facts, or SED-ML text.

    Raises
    ------
    MissingDependencyError
        libsedml is not installed.
    DataError
        libsedml fails.
    """
    if find_spec("libsedml") is None:
        raise MissingDependencyError.of("python-libsedml", "circuits-simulation")
    try:
        found = subprocess.run(
            [sys.executable, "-P", str(PROCESS)], input=json.dumps(question), capture_output=True, text=True,
            encoding="utf-8", timeout=LONGEST, check=True,
        )  # fmt: skip
        return json.loads(found.stdout)
    except (subprocess.SubprocessError, json.JSONDecodeError) as error:
        raise DataError(
            "got a simulation experiment that libsedml cannot work on; expected SED-ML. Try: export it again."
        ) from error


def write_sedml(sbml: str, source: str, end: float = 100.0, steps: int = 400) -> str:
    """SED-ML text that runs a model from time 0 and plots its species.

    Parameters
    ----------
    sbml
        The model's SBML.
    source
        Name of the SBML file, beside the SED-ML file.
    end
        Last time, in the model's unit.
    steps
        Equal steps.

    Returns
    -------
    str

    Raises
    ------
    MissingDependencyError
        libsedml is not installed.
    """
    document = import_libsbml().readSBMLFromString(sbml)
    species = [(s.getId(), s.getName() or s.getId()) for s in document.getModel().getListOfSpecies()]
    facts = {
        "source": source, "level": document.getLevel(), "version": document.getVersion(), "species": species,
        "namespace": document.getNamespaces().getURI(""), "end": float(end), "steps": steps,
    }  # fmt: skip
    return ask_libsedml({"write": facts})
