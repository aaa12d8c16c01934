"""One door for every format: the ending of a file says what it is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from advsci.errors import DataError
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.formats.antimony import read_antimony, write_antimony
from advsci_circuits.formats.boolean import read_bnet, write_bnet
from advsci_circuits.formats.graphml import read_graphml, write_graphml
from advsci_circuits.formats.qual import write_sbml_qual
from advsci_circuits.formats.sbml import KineticCircuit, read_sbml, write_sbml
from advsci_circuits.formats.sbol import read_sbol, write_sbol
from advsci_circuits.formats.topology import read_topology, write_topology
from advsci_circuits.graphs.circuit import Circuit

__all__ = ["READABLE", "WRITABLE", "read", "write"]

READABLE: dict[str, Callable[[Path], Circuit | KineticCircuit]] = {
    ".xml": read_sbml,
    ".sbml": read_sbml,
    ".ant": read_antimony,
    ".bnet": read_bnet,
    ".graphml": read_graphml,
    ".topo": read_topology,
    ".nt": read_sbol,
    ".ttl": read_sbol,
}
WRITABLE = (".sbml", ".xml", ".ant", ".qual.sbml", ".bnet", ".graphml", ".topo", ".nt")


def read(path: str | Path) -> KineticCircuit:
    """The circuit of any supported file, with its kinetics where the file carries ours.

    Raises
    ------
    DataError
        On an unknown ending, or whatever the format's reader refuses.
    """
    path = Path(path)
    reader = READABLE.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"got the unknown ending '{path.suffix}' of {path.name}; expected one of {', '.join(READABLE)}")
    circuit = reader(path)
    return circuit if isinstance(circuit, KineticCircuit) else KineticCircuit(circuit)


def write(circuit: Circuit, path: str | Path, model: HillModel | None = None, start: np.ndarray | None = None) -> Path:
    """Write a circuit in the format of the ending; SBML and Antimony need its kinetics.

    Raises
    ------
    DataError
        On an unknown ending, or where kinetics are needed and missing.
    """
    path = Path(path)
    graph_writers = {".bnet": write_bnet, ".graphml": write_graphml, ".topo": write_topology, ".nt": write_sbol}
    ending = path.suffix.lower()
    if path.name.lower().endswith(".qual.sbml"):
        text = write_sbml_qual(circuit)
    elif ending in graph_writers:
        text = graph_writers[ending](circuit)
    elif ending in (".sbml", ".xml", ".ant"):
        if model is None:
            raise DataError(
                f"got no kinetics for {path.name}; expected a HillModel of one member. Try: racipe(...)[:1]"
            )
        text = (write_antimony if ending == ".ant" else write_sbml)(circuit, model, start)
    else:
        raise DataError(f"got the unknown ending '{path.suffix}' of {path.name}; expected one of {', '.join(WRITABLE)}")
    path.write_text(text, encoding="utf-8")
    return path
