"""RACIPE's .topo: ``Source Target Type`` a line, type 1 activation and 2 inhibition."""

from pathlib import Path

from advsci.errors import DataError
from advsci_circuits.formats.untrusted import read_text
from advsci_circuits.graphs.circuit import Circuit

__all__ = ["read_topology", "write_topology"]

TYPES = {"1": 1, "2": -1}


def read_topology(path: str | Path) -> Circuit:
    """The circuit of a .topo or .tpo file.

    Raises
    ------
    DataError
        On a line without three fields, or a type other than 1 and 2.
    """
    edges = []
    for number, line in enumerate(read_text(path).splitlines()):
        fields = line.replace(",", " ").split()
        if not fields or (number == 0 and fields[-1].lower() in ("type", "interaction")):
            continue
        if len(fields) != 3:
            raise DataError(f"got the line '{line[:60]}'; expected 'source target type'. Try: RACIPE's .topo format")
        if fields[2] not in TYPES:
            raise DataError(f"got the unknown sign (type) '{fields[2]}' on {fields[0]} -> {fields[1]}; expected 1 or 2")
        edges.append((fields[0], fields[1], TYPES[fields[2]]))
    return Circuit.from_edges(edges, name=Path(path).stem)


def write_topology(circuit: Circuit) -> str:
    """RACIPE's text; genes without any edge cannot be written in it."""
    lines = ["Source Target Type"] + [f"{s} {t} {1 if sign > 0 else 2}" for s, t, sign in circuit.edges]
    return "\n".join(lines) + "\n"
