"""Gene-regulatory circuits: real sub-circuits, whole circuits, the three-gene enumeration, measured gates.

The files lie in ``$ADVSCI_DATA/circuits`` (many state no licence, so none is shipped); what the packages *pyboolnet*
and *cana* carry is read from where they are installed. Splits go by source family: no graph is on one side while a
model that contains it is on the other.
"""

import gzip
import importlib.util
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from advsci.errors import DataError, MissingDependencyError

__all__ = [
    "Enumeration",
    "SignedGraphs",
    "cnet_rules",
    "folder",
    "load_cana",
    "load_enumeration",
    "load_gates",
    "load_library",
    "load_motifs",
    "load_networks",
    "load_pyboolnet",
    "load_unique",
    "split_by_family",
]

MASS_ACTION = "ode-influence"


@dataclass(frozen=True)
class SignedGraphs:
    """Signed directed graphs of several sizes.

    Parameters
    ----------
    signs : int8 array, shape [graphs, width, width]
        ``signs[:, i, j]``: effect of node j on node i; zero beyond a graph's size.
    sizes : int array, shape [graphs]
    families : tuple of tuples of str
        Source families that contain each graph.
    shared : bool array, shape [graphs]
        Graphs found in more families than the record lists: they can be on no side of a split.
    licences, sources, identifiers : tuples of str
    """

    signs: np.ndarray
    sizes: np.ndarray
    families: tuple[tuple[str, ...], ...]
    shared: np.ndarray
    licences: tuple[str, ...]
    sources: tuple[str, ...]
    identifiers: tuple[str, ...]
    labels: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sizes)

    def take(self, index: np.ndarray) -> "SignedGraphs":
        """The graphs of an index or mask."""
        index = np.flatnonzero(index) if np.asarray(index).dtype == bool else np.asarray(index)
        pick = {name: tuple(getattr(self, name)[i] for i in index) for name in ("families", "licences", "sources")}
        names = tuple(self.identifiers[i] for i in index)
        labels = tuple(self.labels[i] for i in index) if self.labels else ()
        return SignedGraphs(
            self.signs[index], self.sizes[index], shared=self.shared[index], identifiers=names, labels=labels, **pick
        )

    def matrices(self) -> list[np.ndarray]:
        """One matrix each, without padding."""
        return [signs[:n, :n] for signs, n in zip(self.signs, self.sizes, strict=True)]


def folder(root: str | Path | None = None) -> Path:
    """The folder of circuit data: the argument, or ``$ADVSCI_DATA/circuits``.

    Parameters
    ----------
    root
        Folder of the circuit data; None takes ``$ADVSCI_DATA/circuits``.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DataError
        Where there is none.
    """
    root = Path(root) if root is not None else Path(os.environ.get("ADVSCI_DATA", "")) / "circuits"
    if not (root / "library_grn_3_12.jsonl.gz").is_file():
        raise DataError(f"got no circuit data at '{root}'; expected library_grn_3_12.jsonl.gz. Try: set ADVSCI_DATA.")
    return root


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _graphs(records: list[tuple[int, list, dict[str, Any]]], width: int | None = None) -> SignedGraphs:
    sizes = np.array([n for n, _, _ in records], dtype=np.int64)
    signs = np.zeros(
        (len(records), width or int(sizes.max(initial=1)), width or int(sizes.max(initial=1))), dtype=np.int8
    )
    for row, (_, edges, _) in zip(signs, records, strict=True):
        for source, target, sign in edges:
            row[target, source] = sign
    extra = [record for _, _, record in records]
    return SignedGraphs(
        signs,
        sizes,
        tuple(tuple(r.get("families") or [r.get("family", "")]) for r in extra),
        np.array([r.get("n_families", 1) > len(r.get("families") or [""]) for r in extra], dtype=bool),
        tuple(str(r["licence"]) for r in extra),
        tuple(str(r.get("src") or r.get("source") or "") for r in extra),
        tuple(str(r.get("id") or r.get("name") or "") for r in extra),  # some sources number their models
        tuple(str(r.get("label") or "") for r in extra),
    )


def load_library(root: str | Path | None = None, *, smallest: int = 3, largest: int = 12) -> SignedGraphs:
    """The distinct, connected, fully signed sub-circuits of gene-regulatory models (no mass-action influence graphs).

    Parameters
    ----------
    root
        Folder of the circuit data; None takes ``$ADVSCI_DATA/circuits``.
    smallest
        Fewest genes of a circuit.
    largest
        Most genes of a circuit.

    Returns
    -------
    SignedGraphs
        The circuits, padded to ``largest`` genes.

    Raises
    ------
    DataError
        Where the data are missing.
    """
    keep = [
        (r["nodes"], r["edges"], r)
        for r in _lines(folder(root) / "library_grn_3_12.jsonl.gz")
        if smallest <= r["nodes"] <= largest
    ]
    return _graphs(keep, largest)


def load_unique(root: str | Path | None = None, *, largest: int = 12, mass_action: bool = False) -> SignedGraphs:
    """Whole published circuits, distinct up to isomorphism and fully signed, up to ``largest`` genes.

    Parameters
    ----------
    root
        Folder of the circuit data; None takes ``$ADVSCI_DATA/circuits``.
    largest
        Most genes of a circuit.
    mass_action
        Also influence graphs of mass-action models.

    Returns
    -------
    SignedGraphs
        The circuits, padded to ``largest`` genes.
    """
    keep = []
    for r in _lines(folder(root) / "unique_circuits.jsonl.gz"):
        if len(r["nodes"]) > largest or (r["kind"] == MASS_ACTION and not mass_action) or not r["edges"]:
            continue
        place = {name: i for i, name in enumerate(r["nodes"])}
        edges = [(place[s], place[t], sign) for s, t, sign in r["edges"]]
        if all(sign in (-1, 1) for _, _, sign in edges):
            keep.append((len(place), edges, r))
    return _graphs(keep, largest)


def load_networks(root: str | Path | None = None, *, smallest: int = 13) -> list[dict[str, Any]]:
    """Whole published networks: ``name``, ``family``, ``nodes``, ``edges`` (source, target, sign), ``licence``.

    No influence graphs of mass-action models, no motifs and no logic designs. Edges of both or of unknown sign are left
    out.

    Parameters
    ----------
    root
        Folder of the circuit data; None takes ``$ADVSCI_DATA/circuits``.
    smallest
        Fewest genes.

    Returns
    -------
    list of dict
        One per network, of any size from the smallest on.
    """
    found = []
    for record in _lines(folder(root) / "unique_circuits.jsonl.gz"):
        if len(record["nodes"]) < smallest or record["kind"] in (MASS_ACTION, "motif", "cello-logic"):
            continue
        edges = [edge for edge in record["edges"] if edge[2] in (-1, 1)]
        kept = {key: record[key] for key in ("name", "family", "nodes", "licence")}
        found.append(kept | {"edges": edges})
    return found


def load_motifs(root: str | Path | None = None) -> list[dict[str, Any]]:
    """Published circuits: ``name``, ``nodes``, ``edges`` (source, target, sign), ``label`` (function), ``ref``.

    Parameters
    ----------
    root
        Folder of the circuit data; None takes ``$ADVSCI_DATA/circuits``.

    Returns
    -------
    list of dict
        One per circuit.
    """
    return [r for r in _lines(folder(root) / "circuits.jsonl.gz") if r["kind"] == "motif"]


def load_gates(root: str | Path | None = None) -> list[dict[str, Any]]:
    """Measured repressor gates of the Cello library: ``ucf``, ``gate``, ``ymax``, ``ymin``, ``K``, ``n``.

    Parameters
    ----------
    root
        Folder of the circuit data; None takes ``$ADVSCI_DATA/circuits``.

    Returns
    -------
    list of dict
        One per gate.
    """
    return json.loads((folder(root) / "cello_gates.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Enumeration:
    """All weakly connected three-gene circuits with measured shares of parameter sets (150 each)."""

    signs: np.ndarray
    oscillating: np.ndarray
    bistable: np.ndarray
    tristable: np.ndarray
    in_library: np.ndarray


def load_enumeration(root: str | Path | None = None) -> Enumeration:
    """The RACIPE enumeration of the 3,284 weakly connected three-gene topologies.

    Parameters
    ----------
    root
        Folder of the circuit data; None takes ``$ADVSCI_DATA/circuits``.

    Returns
    -------
    Enumeration
        Circuits and what they do.
    """
    rows = json.loads((folder(root) / "enum3_racipe.json").read_text(encoding="utf-8"))
    return Enumeration(
        np.array([r["W"] for r in rows], dtype=np.int8),
        np.array([r["osc"] for r in rows]),
        np.array([r["bi"] for r in rows]),
        np.array([r["tri"] for r in rows]),
        np.array([bool(r.get("in_library_grn")) for r in rows]),
    )


def load_pyboolnet() -> dict[str, str]:
    """Boolean networks that the installed package *pyboolnet* carries: name -> .bnet text.

    Raises
    ------
    MissingDependencyError
        Where pyboolnet is not installed.
    """
    found = importlib.util.find_spec("pyboolnet")
    if found is None or not found.submodule_search_locations:
        raise MissingDependencyError.of("pyboolnet", "circuits")
    files = sorted(Path(found.submodule_search_locations[0]).glob("repository/*/*.bnet"))
    return {path.stem: path.read_text(encoding="utf-8") for path in files}


def load_cana(most_inputs: int = 9) -> dict[str, str]:
    """Boolean networks that the installed package *cana* carries (Cell Collective and classics): name -> .bnet text.

    Networks with a gene of more than ``most_inputs`` regulators are left out: their tables are long as rules.

    Raises
    ------
    MissingDependencyError
        Where cana is not installed.
    """
    found = importlib.util.find_spec("cana")
    if found is None or not found.submodule_search_locations:
        raise MissingDependencyError.of("cana", "circuits")
    root = Path(found.submodule_search_locations[0]) / "datasets"
    files = sorted([*root.glob("*.txt"), *root.glob("bns/*.cnet"), *root.glob("cell_collective/*.txt")])
    rules = {path.stem: cnet_rules(path.read_text(encoding="utf-8", errors="replace"), most_inputs) for path in files}
    return {name: text for name, text in rules.items() if text}


def cnet_rules(text: str, most_inputs: int = 9) -> str:
    """Truth tables in .cnet as .bnet rules (the rows that are on); empty where the text holds no such network.

    Parameters
    ----------
    text
        Contents of a .cnet file.
    most_inputs
        Genes with more inputs make the text one without a network.

    Returns
    -------
    str
        Rules, one per line.
    """
    names: dict[int, str] = {}
    tables: dict[int, tuple[list[int], list[str]]] = {}
    node = 0
    for line in text.splitlines():
        words = line.split()
        labelled = len(words) >= 3 and (words[0] == ".l" or (words[0] == "#" and words[2] == "="))
        if labelled and words[1].isdigit():
            names[int(words[1])] = re.sub(r"\W", "_", "_".join(words[3 if words[0] == "#" else 2 :]))
        elif len(words) > 2 and words[0] == ".n" and all(word.isdigit() for word in words[1:]):
            node, inputs = int(words[1]), [int(word) for word in words[3:]]
            if len(inputs) > most_inputs:
                return ""
            tables[node] = (inputs, [])
        elif len(words) == 2 and node and words[1] == "1" and set(words[0]) <= set("01-"):
            tables[node][1].append(words[0])
    lines = ["targets, factors"]
    title = {k: f"{names.get(k) or 'gene'}_{k}" for k in tables}
    for k, (inputs, rows) in tables.items():
        terms = []
        for row in rows:
            pairs = [(bit, title.get(source, "")) for bit, source in zip(row, inputs, strict=False) if bit != "-"]
            terms.append(" & ".join(("" if bit == "1" else "!") + name for bit, name in pairs) or "1")
        lines.append(f"{title[k]}, {title[k] if not inputs else ' | '.join(terms) or '0'}")
    return "\n".join(lines) + "\n" if tables else ""


def split_by_family(
    graphs: SignedGraphs, shares: tuple[float, ...] = (0.8, 0.2), seed: int = 0, *, shared: str = "drop"
) -> tuple[np.ndarray, ...]:
    """Indices of the parts of a split in which no two parts hold graphs of one source family.

    Families are dealt out at random until a part has its share of the graphs; a graph whose families fall into
    several parts (common small motifs) belongs to none.

    Parameters
    ----------
    graphs
        What to split.
    shares
        Share of each part.
    seed
        Which split.
    shared
        What becomes of graphs that several families share.
    shares : tuple of float
        Shares of the parts, adding up to one.
    shared : {"drop", "first"}
        Where graphs of several parts go: nowhere, or into the first (for training only; say so).

    Returns
    -------
    tuple of array
        Indices of each part.

    Raises
    ------
    DataError
        The shares are not positive, or do not add up to one.
    """
    if abs(sum(shares) - 1) > 1e-6 or min(shares) <= 0:
        raise DataError(f"got shares {shares}; expected positive numbers that add up to one. Try: (0.8, 0.2).")
    rng = np.random.default_rng(seed)
    weight: dict[str, float] = {}
    for families in graphs.families:
        for family in families:
            weight[family] = weight.get(family, 0) + 1 / len(families)
    names = sorted(weight)
    rng.shuffle(names)
    total = sum(weight.values())
    part_of: dict[str, int] = {}
    filled = np.zeros(len(shares))
    for name in names:
        part = int(np.argmax(np.array(shares) - filled / total))
        part_of[name] = part
        filled[part] += weight[name]
    belongs = np.full(len(graphs), -1)
    for i, families in enumerate(graphs.families):
        parts = {part_of[family] for family in families}
        if len(parts) == 1 and not graphs.shared[i]:
            belongs[i] = parts.pop()
    if shared == "first":
        belongs[belongs < 0] = 0
    return tuple(np.flatnonzero(belongs == part) for part in range(len(shares)))
