"""One door for every format: the ending of a file says what it is."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np

from advsci.errors import DataError
from advsci.files.named import reading
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.formats.antimony import antimony_of, read_antimony
from advsci_circuits.formats.boolean import read_bnet, write_bnet
from advsci_circuits.formats.edge_list import read_sif, read_topology, write_sif, write_topology
from advsci_circuits.formats.experiment import Experiment
from advsci_circuits.formats.graphml import read_graphml, write_graphml
from advsci_circuits.formats.kinetic_circuit import KineticCircuit
from advsci_circuits.formats.own_model import OwnModel
from advsci_circuits.formats.qual import write_sbml_qual
from advsci_circuits.formats.sbml_read import read_sbml, read_sbml_text
from advsci_circuits.formats.sbml_write import write_sbml
from advsci_circuits.formats.sbol import read_sbol, write_sbol
from advsci_circuits.formats.sedml_read import read_sedml
from advsci_circuits.formats.sedml_write import write_sedml
from advsci_circuits.graphs.circuit import Circuit

__all__ = ["READABLE", "WRITABLE", "circuit_of", "read", "write"]

READABLE: dict[str, Callable[[Path], Circuit | KineticCircuit]] = {
    ".xml": read_sbml,
    ".sbml": read_sbml,
    ".ant": read_antimony,
    ".bnet": read_bnet,
    ".graphml": read_graphml,
    ".topo": read_topology,
    ".tpo": read_topology,
    ".sif": read_sif,
    ".nt": read_sbol,
    ".ttl": read_sbol,
    ".sedml": lambda path: circuit_of(read_sedml(path), path),
}
GRAPHS: dict[str, Callable[[Circuit], str]] = {
    ".bnet": write_bnet,
    ".graphml": write_graphml,
    ".topo": write_topology,
    ".tpo": write_topology,
    ".sif": write_sif,
    ".nt": write_sbol,
}
KINETIC = (".sbml", ".xml", ".ant", ".sedml")
WRITABLE = (*KINETIC, ".qual.sbml", *GRAPHS)


def read(path: str | Path) -> KineticCircuit:
    """The circuit of any supported file, with its kinetics where the file carries them.

    Parameters
    ----------
    path
        The file; ``.gz`` after the ending is unpacked.

    Returns
    -------
    KineticCircuit

    Raises
    ------
    DataError
        On an unknown ending, or whatever the format's reader refuses.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / "toggle.bnet"
    >>> _ = file.write_text("lacI, !tetR ; tetR, !lacI".replace(" ; ", chr(10)))
    >>> print(read(file).circuit)
    toggle: lacI -| tetR, tetR -| lacI
    """
    path = Path(path)
    ending = path.with_suffix("").suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    reader = READABLE.get(ending)
    if reader is None:
        raise DataError(
            f"got the unknown ending '{ending}' of {path.name}; expected one of {', '.join(READABLE)}, also with .gz. "
            "Try: export it as .graphml."
        )
    with reading(path, "a circuit", "export it again, or as .graphml"):
        circuit = reader(path)
    return circuit if isinstance(circuit, KineticCircuit) else KineticCircuit(circuit)


def write(
    circuit: Circuit,
    path: str | Path,
    model: HillModel | None = None,
    start: np.ndarray | None = None,
    own: OwnModel | None = None,
) -> Path:
    """Write a circuit in the format of the ending.

    Parameters
    ----------
    circuit
        The circuit.
    path
        The file to write; beside ``.sedml``, a time course, its model is written as ``.sbml``.
    model
        Hill kinetics of one member, which SBML, Antimony and SED-ML need.
    start : array, shape [n], optional
        Initial concentrations; one each where left out.
    own
        An author's own model, written in place of Hill kinetics.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DataError
        On an unknown ending, or where kinetics are needed and missing.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci_circuits import Circuit, CircuitBatch
    >>> ring = Circuit.from_edges([("LacI", "TetR", -1), ("TetR", "cI", -1), ("cI", "LacI", -1)])
    >>> import tempfile
    >>> from pathlib import Path
    >>> from advsci_circuits import read, write
    >>> path = Path(tempfile.mkdtemp()) / "ring.graphml"
    >>> _ = write(ring, path)
    >>> path.exists()
    True
    """
    path = Path(path)
    ending = path.suffix.lower()
    if path.name.lower().endswith(".qual.sbml"):
        text = write_sbml_qual(circuit)
    elif ending in GRAPHS:
        text = GRAPHS[ending](circuit)
    elif ending in KINETIC:
        if own is None and model is None:
            raise DataError(
                f"got no kinetics for {path.name}; expected a HillModel of one member. Try: racipe(...)[:1]."
            )
        text = own.sbml if own is not None else write_sbml(circuit, cast("HillModel", model), start)
        if ending == ".ant":
            text = antimony_of(text)
        elif ending == ".sedml":
            beside = path.with_suffix(".sbml")
            experiment = write_sedml(text, beside.name)
            _save(beside, text)
            text = experiment
    else:
        raise DataError(
            f"got the unknown ending '{ending}' of {path.name}; expected one of {', '.join(WRITABLE)}. Try: .graphml."
        )
    _save(path, text)
    return path


def circuit_of(experiment: Experiment, path: Path) -> KineticCircuit:
    """The circuit of an experiment's model.

    Parameters
    ----------
    experiment
        What a SED-ML file asks for.
    path
        That file, for the circuit's name.

    Returns
    -------
    KineticCircuit

    Raises
    ------
    DataError
        As `read_sbml_text`.
    """
    return read_sbml_text(experiment.model.sbml, path.name.split(".")[0])


def _save(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"got {path}, which cannot be written ({error.strerror}); expected a folder that is there. Try: another "
            "path."
        ) from error
