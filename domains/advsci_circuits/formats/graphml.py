"""networkx and GraphML: nodes are genes, edges carry ``sign`` +1 or -1; Cytoscape's names and words are understood."""

from pathlib import Path
from typing import Any

from advsci.errors import DataError, needs
from advsci.files.xml_text import read_xml
from advsci_circuits.formats.edge_list import sign_of
from advsci_circuits.graphs.circuit import MAX_GENES, Circuit

__all__ = ["from_networkx", "read_graphml", "to_networkx", "write_graphml"]


def _networkx() -> Any:
    with needs("networkx", "circuits"):
        import networkx
    return networkx


def to_networkx(circuit: Circuit) -> Any:
    """A ``networkx.DiGraph`` with ``sign`` on its edges.

    Parameters
    ----------
    circuit
        The circuit.
    """
    graph = _networkx().DiGraph(name=circuit.name)
    graph.add_nodes_from(circuit.genes)
    graph.add_edges_from((source, target, {"sign": sign}) for source, target, sign in circuit.edges)
    return graph


def from_networkx(graph: Any, name: str | None = None) -> Circuit:
    """The circuit of a directed graph.

    The sign of an edge is its ``sign``, else ``interaction``, ``shared interaction`` or ``weight``; a gene's name is
    the node's ``name``, ``shared name`` or ``label`` where all nodes have distinct ones, else the node itself.

    Parameters
    ----------
    graph
        A networkx graph; parallel edges must agree.
    name
        The circuit's name; by default the graph's.

    Returns
    -------
    Circuit

    Raises
    ------
    DataError
        On an undirected graph, a missing or unknown sign, no edges, or too many nodes.
    """
    if not graph.is_directed():
        raise DataError("got an undirected graph; expected arrows from regulator to target. Try: a DiGraph.")
    if graph.number_of_nodes() > MAX_GENES:
        raise DataError(f"got {graph.number_of_nodes()} genes; expected at most {MAX_GENES}. Try: a sub-circuit.")
    title = {node: str(node) for node in graph}
    for key in ("label", "shared name", "name"):
        words = {node: str(data[key]) for node, data in graph.nodes(data=True) if str(data.get(key) or "").strip()}
        if len(words) == len(title) == len(set(words.values())):
            title = words
    edges = []
    for source, target, data in graph.edges(data=True):
        keys = ("sign", "interaction", "shared interaction", "weight")
        given = next((data[key] for key in keys if key in data), None)
        edges.append((title[source], title[target], sign_of(given, f"{title[source]} -> {title[target]}")))
    return Circuit.from_edges(edges, list(title.values()), name or graph.graph.get("name") or "circuit")


def read_graphml(path: str | Path) -> Circuit:
    """The circuit of a GraphML file; see `from_networkx` for what edges must carry.

    Parameters
    ----------
    path
        The file, also gzipped.

    Returns
    -------
    Circuit

    Raises
    ------
    DataError
        The file does not parse.
    """
    path, text = Path(path), read_xml(path)
    try:
        graph = _networkx().parse_graphml(text)
    except Exception as error:
        raise DataError(
            f"got GraphML in {path.name} that does not parse ({error}); expected a valid file. Try: export it again."
        ) from error
    return from_networkx(graph, graph.graph.get("name") or path.name.split(".")[0])


def write_graphml(circuit: Circuit) -> str:
    """GraphML text.

    Parameters
    ----------
    circuit
        The circuit.
    """
    return "\n".join(_networkx().generate_graphml(to_networkx(circuit))) + "\n"
