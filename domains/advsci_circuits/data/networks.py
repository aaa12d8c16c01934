"""Whole real networks to learn from, and connected parts of those that are too large."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.sparse.csgraph import connected_components

from advsci.errors import DataError, MissingDependencyError
from advsci_circuits.data.families import families_of, is_toy
from advsci_circuits.formats.boolean import read_bnet
from advsci_circuits.graphs.circuit import Circuit
from advsci_datasets.circuits import load_cana, load_networks, load_pyboolnet

__all__ = ["Networks", "grown", "installed_networks", "largest_part", "real_networks", "whole_or_part"]


@dataclass(frozen=True)
class Networks:
    """Connected networks of any sizes, and the family of each.

    Attributes
    ----------
    matrices
        Sign matrices.
    families
        One name each.
    """

    matrices: tuple[np.ndarray, ...]
    families: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.matrices)

    def split(self, shares: Sequence[float], seed: int) -> "list[Networks]":
        """Parts without a common family.

        Parameters
        ----------
        shares
            Share of the families of each part; they add up to one.
        seed
            Which split.

        Returns
        -------
        list of Networks
        """
        names = np.random.default_rng(seed).permutation(sorted(set(self.families)))
        ends = np.rint(np.cumsum([0, *shares]) * len(names)).astype(int)
        parts = [set(names[a:b]) for a, b in zip(ends[:-1], ends[1:], strict=True)]
        return [self._of(part) for part in parts]

    def by_family(self) -> dict[str, list[np.ndarray]]:
        """The networks of each family, families in the order of their names."""
        found: dict[str, list[np.ndarray]] = {name: [] for name in sorted(set(self.families))}
        for matrix, name in zip(self.matrices, self.families, strict=True):
            found[name].append(matrix)
        return found

    def _of(self, names: set[str]) -> "Networks":
        rows = [i for i, name in enumerate(self.families) if name in names]
        return Networks(tuple(self.matrices[i] for i in rows), tuple(self.families[i] for i in rows))


@lru_cache(maxsize=1)
def installed_networks() -> dict[str, Circuit]:
    """Boolean networks of those of the packages *pyboolnet* and *cana* that are there, by package and name.

    Networks that cannot be read (too many genes, rules over 18 inputs) are left out; dual regulators are dropped.

    Raises
    ------
    MissingDependencyError
        Where neither package is.
    """
    texts: dict[str, str] = {}
    for package, load in (("pyboolnet", load_pyboolnet), ("cana", load_cana)):
        try:
            texts |= {f"{package}:{name}": text for name, text in load().items()}
        except MissingDependencyError:
            continue
    if not texts:
        raise MissingDependencyError.of("pyboolnet", "circuits")
    circuits: dict[str, Circuit] = {}
    for name, text in texts.items():
        try:
            circuits[name] = read_bnet(text + "\n", name, identity_is_input=True, dual="drop")
        except DataError:
            continue
    return circuits


def real_networks(source: str = "library", smallest: int = 13) -> Networks:
    """Real networks: the largest connected part of each, where it is large enough.

    Parameters
    ----------
    source
        ``"library"``: those in ``$ADVSCI_DATA``; ``"embedded"``: what installed packages carry, made-up ones left out.
    smallest
        Fewest genes.

    Returns
    -------
    Networks

    Raises
    ------
    DataError
        On another name, or where the data are missing.
    """
    if source == "library":
        records = load_networks(smallest=smallest)
        found = [(_signs(r["nodes"], r["edges"]), r["family"]) for r in records]
    elif source == "embedded":
        circuits = {name: circuit for name, circuit in installed_networks().items() if not is_toy(name)}
        family = families_of(circuits)
        found = [(circuit.signs, family[name]) for name, circuit in circuits.items()]
    else:
        raise DataError(f"got the data '{source}'; expected 'library' or 'embedded'. Try: embedded.")
    parts = [(largest_part(signs), name) for signs, name in found]
    parts = [(signs, name) for signs, name in parts if len(signs) >= smallest]
    return Networks(tuple(signs for signs, _ in parts), tuple(name for _, name in parts))


def _signs(nodes: Sequence[str], edges: Sequence[tuple[str, str, int]]) -> np.ndarray:
    place = {name: i for i, name in enumerate(nodes)}
    signs = np.zeros((len(nodes), len(nodes)), dtype=np.int8)
    for source, target, sign in edges:
        signs[place[target], place[source]] = sign
    return signs


def largest_part(signs: np.ndarray) -> np.ndarray:
    """The largest connected part, arrows ignored.

    Parameters
    ----------
    signs : array, shape [n, n]
        Sign matrix.

    Returns
    -------
    array, shape [m, m]
    """
    _, part = connected_components(signs != 0, directed=True, connection="weak")
    chosen = np.flatnonzero(part == np.bincount(part).argmax())
    return signs[np.ix_(chosen, chosen)]


def grown(signs: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A connected induced part: from a random gene on, the far end of a random edge that leaves it joins.

    Parameters
    ----------
    signs : array, shape [n, n]
        A connected network.
    size
        Genes of the part.
    rng
        Where the draws come from.

    Returns
    -------
    array, shape [size, size]
    """
    linked = ((signs != 0) | (signs != 0).T).astype(float)
    inside = np.zeros(len(signs), dtype=bool)
    inside[rng.integers(len(signs))] = True
    edges = linked[inside].sum(0)
    for _ in range(size - 1):
        ends = np.cumsum(edges * ~inside)
        gene = int(np.searchsorted(ends, rng.random() * ends[-1], side="right"))
        inside[gene] = True
        edges += linked[gene]
    return signs[np.ix_(inside, inside)]


def whole_or_part(
    signs: np.ndarray, smallest: int, largest: int, rng: np.random.Generator, parts: bool = True
) -> np.ndarray:
    """One draw of what is learned: the whole network, every second time where it fits, else a part of random size.

    Parameters
    ----------
    signs : array, shape [n, n]
        A connected network of at least ``smallest`` genes.
    smallest, largest
        Fewest and most genes of a draw.
    rng
        Where the draws come from.
    parts
        Whether a network that fits is parted too; without, only larger ones are.

    Returns
    -------
    array, shape [m, m]
    """
    n = len(signs)
    if n <= largest and (not parts or rng.random() < 0.5):
        return signs
    return grown(signs, int(rng.integers(smallest, min(largest, n) + 1)), rng)
