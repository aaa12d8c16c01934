"""Real circuits to learn from: the user's library, or what installed packages carry."""

from functools import lru_cache

import numpy as np
import torch

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_circuits.data.families import families_of, is_toy
from advsci_circuits.data.networks import installed_networks
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.graphs.circuit import Circuit
from advsci_circuits.graphs.validity import is_valid
from advsci_datasets.circuits import (
    SignedGraphs,
    load_enumeration,
    load_library,
    load_unique,
)

__all__ = [
    "balanced", "batch_of", "embedded_circuits", "held_out_oscillators", "published_keys", "real_circuits",
    "stratified", "subcircuits",
]  # fmt: skip


def subcircuits(circuit: Circuit, size: int, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Connected induced sub-circuits, grown from random genes by random neighbours.

    Parameters
    ----------
    circuit
        The circuit.
    size
        Genes of each.
    count
        How many are grown.
    rng
        Where the draws come from.
    """
    linked = (circuit.signs != 0) | (circuit.signs != 0).T
    found = []
    for _ in range(count):
        chosen = [int(rng.integers(len(circuit)))]
        while len(chosen) < size:
            border = np.flatnonzero(linked[chosen].any(0) & ~np.isin(np.arange(len(circuit)), chosen))
            if not len(border):
                break
            chosen.append(int(rng.choice(border)))
        if len(chosen) == size:
            found.append(circuit.signs[np.ix_(chosen, chosen)])
    return found


@lru_cache(maxsize=4)
def embedded_circuits(
    smallest: int = 3, largest: int = 8, each: int = 40, seed: int = 0, curated: bool = True
) -> SignedGraphs:
    """Sub-circuits of the Boolean networks that the packages *pyboolnet* and *cana* carry.

    Networks that cannot be read (too many genes, rules over 18 inputs) are left out; dual regulators are dropped.

    Parameters
    ----------
    smallest
        Fewest genes.
    largest
        Most genes.
    each
        Sub-circuits grown per network and size.
    seed
        Root of the draws.
    curated
        Families are those of `advsci_circuits.data.families`, and networks that were made up are left out. False: every
        name is a family, as models trained before had it.

    Returns
    -------
    SignedGraphs
    """
    rng = Stream(seed).at("embedded").numpy()
    circuits = installed_networks()
    if not curated:
        circuits = {name: circuit for name, circuit in circuits.items() if len(circuit) <= 100}
    family = families_of(circuits) if curated else {name: name for name in circuits}
    kept: dict[bytes, tuple[np.ndarray, set[str]]] = {}
    for name, circuit in circuits.items():
        if curated and is_toy(name):
            continue
        for size in range(smallest, min(largest, len(circuit)) + 1):
            graphs = subcircuits(circuit, size, each, rng)
            for key, graph in zip(canonical_keys(graphs) if graphs else [], graphs, strict=True):
                kept.setdefault(key, (graph, set()))[1].add(family[name])
    signs = np.zeros((len(kept), largest, largest), dtype=np.int8)
    sizes = np.array([len(graph) for graph, _ in kept.values()])
    for row, (graph, _) in zip(signs, kept.values(), strict=True):
        row[: len(graph), : len(graph)] = graph
    families = tuple(tuple(sorted(names)) for _, names in kept.values())
    return _valid(
        SignedGraphs(
            signs, sizes, families, np.zeros(len(kept), dtype=bool), ("package licence; models: authors",) * len(kept),
            tuple(names[0] for names in families), tuple(str(i) for i in range(len(kept))),
        )
    )  # fmt: skip


def _valid(graphs: SignedGraphs) -> SignedGraphs:
    fine = is_valid(batch_of(graphs))
    return graphs.take(fine.numpy())


def real_circuits(source: str = "library", smallest: int = 3, largest: int = 8, curated: bool = True) -> SignedGraphs:
    """Valid real circuits.

    Parameters
    ----------
    source
        ``"library"``: that in ``$ADVSCI_DATA``; ``"embedded"``: what installed packages carry.
    smallest
        Fewest genes.
    largest
        Most genes.
    curated
        As in `embedded_circuits`.

    Returns
    -------
    SignedGraphs

    Raises
    ------
    DataError
        On another name, or where the data are missing.
    """
    if source == "library":
        return _valid(load_library(smallest=smallest, largest=largest))
    if source == "embedded":
        return embedded_circuits(smallest, largest, curated=curated)
    raise DataError(f"got the data '{source}'; expected 'library' or 'embedded'. Try: embedded.")


def stratified(
    graphs: SignedGraphs, index: np.ndarray, count: int, rng: np.random.Generator, smallest: int = 3
) -> np.ndarray:
    """Equally many graphs of every family (at most one more of some), ``count`` in all, family after family.

    What `balanced` has in the mean, without the luck of its draws; a graph comes again only after all of its family.

    Parameters
    ----------
    index
        Which of the graphs.
    rng
        Where the draws come from.
    smallest
        Fewest genes.
    """
    members = _members(graphs, index, smallest)
    quota = np.full(len(members), count // len(members)) + (rng.permutation(len(members)) < count % len(members))
    chosen = []
    for own, q in zip(members, quota.tolist(), strict=True):
        turns = [rng.permutation(own) for _ in range(-(-q // len(own)))]
        chosen.append(np.concatenate(turns)[:q] if turns else np.zeros(0, dtype=np.int64))
    return np.concatenate(chosen)


def balanced(
    graphs: SignedGraphs, index: np.ndarray, count: int, rng: np.random.Generator, smallest: int = 3
) -> np.ndarray:
    """``count`` draws in which every family counts alike: a family, then one of its graphs.

    Parameters
    ----------
    index
        Which of the graphs.
    rng
        Where the draws come from.
    smallest
        Fewest genes.
    """
    members = _members(graphs, index, smallest)
    picks = rng.integers(len(members), size=count)
    return np.array([members[p][rng.integers(len(members[p]))] for p in picks])


def _members(graphs: SignedGraphs, index: np.ndarray, smallest: int) -> list[list[int]]:
    """Graphs of each family, families in the order of their names."""
    members: dict[str, list[int]] = {}
    for i in index:
        if graphs.sizes[i] >= smallest:
            for family in graphs.families[i]:
                members.setdefault(family, []).append(int(i))
    if not members:
        raise DataError(f"got no graph of at least {smallest} genes; expected some. Try: a smaller size.")
    return [members[name] for name in sorted(members)]


def held_out_oscillators() -> set[bytes]:
    """Keys of the three-gene circuits that oscillate in over 1 % of parameter sets and are in no real library."""
    table = load_enumeration()
    held = (table.oscillating > 0.01) & ~table.in_library
    return set(canonical_keys(list(table.signs[held])))


def published_keys() -> set[bytes] | None:
    """Keys of whole published circuits; None where the data are not at hand."""
    try:
        return set(canonical_keys(load_unique().matrices()))
    except DataError:
        return None


def batch_of(graphs: SignedGraphs) -> CircuitBatch:
    """The graphs as tensors.

    Parameters
    ----------
    graphs
        Real circuits.
    """
    return CircuitBatch(torch.from_numpy(graphs.signs), torch.from_numpy(graphs.sizes))
