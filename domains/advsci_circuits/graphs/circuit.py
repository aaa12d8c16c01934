"""One gene-regulatory circuit: a signed directed graph with self-loops and gene names."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from advsci.errors import DataError

__all__ = ["MAX_GENES", "Circuit"]

MAX_GENES = 200
"""Largest circuit that is accepted; a genome-scale network is not a design."""


@dataclass(frozen=True, eq=False)
class Circuit:
    """A signed directed graph: ``signs[i, j]`` is the effect of gene j on gene i.

    Parameters
    ----------
    signs : array, shape [n, n]
        +1 activation, -1 repression, 0 none.
    genes : sequence of n distinct names, optional
        ``G1 ... Gn`` where left out.
    name : str
        The circuit's title.

    Raises
    ------
    DataError
        On a matrix that is not square, a value other than -1, 0, 1, duplicate names, no regulation at all, or more
        than ``MAX_GENES`` genes.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci_circuits import Circuit, CircuitBatch
    >>> ring = Circuit.from_edges([("LacI", "TetR", -1), ("TetR", "cI", -1), ("cI", "LacI", -1)])
    >>> ring.genes
    ('LacI', 'TetR', 'cI')
    """

    signs: np.ndarray
    genes: tuple[str, ...] = ()
    name: str = "circuit"

    def __post_init__(self):
        signs = np.asarray(self.signs)
        if signs.ndim != 2 or signs.shape[0] != signs.shape[1]:
            raise DataError(f"got signs of shape {signs.shape}; expected a square matrix. Try: signs[target, source].")
        n = len(signs)
        if n > MAX_GENES:
            raise DataError(f"got {n} genes; expected at most {MAX_GENES}. Try: a sub-circuit (Circuit.induced).")
        if not np.isin(signs, (-1, 0, 1)).all():
            odd = signs[~np.isin(signs, (-1, 0, 1))].ravel()[0]
            raise DataError(f"got the unknown sign {odd!r}; expected -1, 0 or +1. Try: resolve or drop such edges.")
        if not (signs != 0).any():
            raise DataError("got an empty graph: no gene regulates another; expected at least one edge. Try: add one.")
        genes = tuple(self.genes) or tuple(f"G{i + 1}" for i in range(n))
        if len(genes) != n:
            raise DataError(f"got {len(genes)} gene names for {n} genes; expected one each. Try: leave genes out.")
        twice = [gene for gene, times in Counter(genes).items() if times > 1]
        if twice:
            raise DataError(
                f"got the duplicate gene or species '{twice[0]}'; expected distinct names. Try: rename one."
            )
        frozen = signs.astype(np.int8)
        frozen.setflags(write=False)
        object.__setattr__(self, "signs", frozen)
        object.__setattr__(self, "genes", genes)

    def __len__(self) -> int:
        return len(self.signs)

    def __eq__(self, other) -> bool:
        return isinstance(other, Circuit) and self.genes == other.genes and bool((self.signs == other.signs).all())

    def __hash__(self) -> int:
        return hash((self.genes, self.signs.tobytes()))

    @classmethod
    def from_edges(
        cls, edges: Iterable[tuple[str, str, int]], genes: Sequence[str] | None = None, name: str = "circuit"
    ) -> "Circuit":
        """The circuit of (source, target, sign) triples; genes in order of appearance where none are given.

        Parameters
        ----------
        edges
            (source, target, sign) triples.
        name
            The circuit's title.

        Raises
        ------
        DataError
            On an edge with both signs, an edge to a gene not listed, or anything `Circuit` refuses.
        """
        edges = list(edges)
        order = list(genes) if genes is not None else list(dict.fromkeys(g for s, t, _ in edges for g in (s, t)))
        place = {gene: i for i, gene in enumerate(order)}
        if len(order) > MAX_GENES:
            raise DataError(f"got {len(order)} genes; expected at most {MAX_GENES}. Try: a sub-circuit.")
        signs = np.zeros((len(order), len(order)), dtype=np.int8)
        for source, target, sign in edges:
            if source not in place or target not in place:
                raise DataError(
                    f"got the edge {source} -> {target} outside the gene list; expected both ends in it. Try: list "
                    "all genes."
                )
            if sign not in (-1, 1):
                raise DataError(
                    f"got the unknown sign {sign!r} on {source} -> {target}; expected +1 or -1. Try: resolve or drop "
                    "it."
                )
            i, j = place[target], place[source]
            if signs[i, j] == -sign:
                raise DataError(f"got {source} -> {target} with both signs; expected one. Try: drop the dual edge.")
            signs[i, j] = sign
        return cls(signs, tuple(order), name)

    @property
    def edges(self) -> list[tuple[str, str, int]]:
        """(source, target, sign) triples, by source then target."""
        pairs = np.argwhere(self.signs.T != 0)
        return [(self.genes[j], self.genes[i], int(self.signs[i, j])) for j, i in pairs]

    def induced(self, genes: Sequence[str]) -> "Circuit":
        """The sub-circuit of the named genes, in that order.

        Raises
        ------
        DataError
            The circuit has no gene of that name.
        """
        missing = [gene for gene in genes if gene not in self.genes]
        if missing:
            raise DataError(
                f"got the unknown gene '{missing[0]}'; expected one of {', '.join(self.genes)}. Try: the file's names."
            )
        index = [self.genes.index(gene) for gene in genes]
        return Circuit(self.signs[np.ix_(index, index)], tuple(genes), self.name)

    def __str__(self) -> str:
        arrow = {1: "->", -1: "-|"}
        return f"{self.name}: " + ", ".join(f"{s} {arrow[sign]} {t}" for s, t, sign in self.edges)
