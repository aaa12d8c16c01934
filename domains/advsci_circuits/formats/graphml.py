"""networkx and GraphML: nodes are genes, edges carry ``sign`` +1 or -1."""

from pathlib import Path
from typing import Any

from advsci.errors import DataError, MissingDependencyError
from advsci_circuits.formats.untrusted import read_xml
from advsci_circuits.graphs.circuit import MAX_GENES, Circuit

__all__ = ["from_networkx", "read_graphml", "to_networkx", "write_graphml"]

SIGN_WORDS = {
    "1": 1, "+1": 1, "+": 1, "1.0": 1, "activation": 1, "activates": 1, "positive": 1, "->": 1, "up": 1,
    "-1": -1, "-": -1, "-1.0": -1, "inhibition": -1, "inhibits": -1, "repression": -1, "represses": -1,
    "negative": -1, "-|": -1, "down": -1,
}  # fmt: skip


def _networkx() -> Any:
    try:
        import networkx
    except ImportError as error:
        raise MissingDependencyError.of("networkx", "circuits") from error
    return networkx


def to_networkx(circuit: Circuit) -> Any:
    """A ``networkx.DiGraph`` with ``sign`` on its edges."""
    graph = _networkx().DiGraph(name=circuit.name)
    graph.add_nodes_from(circuit.genes)
    graph.add_edges_from((source, target, {"sign": sign}) for source, target, sign in circuit.edges)
    return graph


def from_networkx(graph: Any, name: str | None = None) -> Circuit:
    """The circuit of a directed graph; the sign of an edge is its ``sign``, else ``interaction``, else ``weight``.

    Raises
    ------
    DataError
        On an undirected graph, a missing or unknown sign, no edges, or over 100 nodes.
    """
    if not graph.is_directed():
        raise DataError("got an undirected graph; expected arrows from regulator to target. Try: a DiGraph")
    if graph.number_of_nodes() > MAX_GENES:
        raise DataError(f"got {graph.number_of_nodes()} genes; expected at most {MAX_GENES}. Try: a sub-circuit")
    edges = []
    for source, target, data in graph.edges(data=True):
        given = next((data[key] for key in ("sign", "interaction", "weight") if key in data), None)
        sign = SIGN_WORDS.get(str(given).strip().lower())
        if sign is None:
            raise DataError(f"got the unknown sign {given!r} on {source} -> {target}; expected +1 or -1 as 'sign'")
        edges.append((str(source), str(target), sign))
    return Circuit.from_edges(edges, [str(node) for node in graph], name or graph.graph.get("name") or "circuit")


def read_graphml(path: str | Path) -> Circuit:
    """The circuit of a GraphML file; see `from_networkx` for what edges must carry."""
    text = read_xml(path)
    try:
        graph = _networkx().parse_graphml(text)
    except Exception as error:
        raise DataError(
            f"got GraphML in {Path(path).name} that does not parse ({error}); expected a valid file"
        ) from error
    return from_networkx(graph)


def write_graphml(circuit: Circuit) -> str:
    """GraphML text."""
    return "\n".join(_networkx().generate_graphml(to_networkx(circuit))) + "\n"
