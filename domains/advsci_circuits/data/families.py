"""Which networks are one family: copies and revisions of a model travel under many names.

Two networks are of one family where one is the other with its genes renamed, or where they share at least half of their
edges by name; families are what is connected by that. A split by package names leaks: the same model is in several.
"""

import hashlib
import re
from collections.abc import Mapping

import numpy as np

from advsci_circuits.graphs.circuit import Circuit

__all__ = ["colour_key", "families_of", "is_toy"]

OVERLAP = 0.5
"""Shared edges over all edges of both, from which two networks are one family."""
TOYS = re.compile(r"random|toy|simple|example|^[^:]*:n\d+[sc]\d", re.IGNORECASE)
"""Names of networks that were made up."""


def is_toy(name: str) -> bool:
    """Whether a network was made up, by its name.

    Parameters
    ----------
    name
        Package and name, as ``"pyboolnet:randomnet_n7k3"``.

    Examples
    --------
    >>> is_toy("pyboolnet:randomnet_n7k3"), is_toy("pyboolnet:n12c5"), is_toy("pyboolnet:tournier_apoptosis")
    (True, True, False)
    """
    return bool(TOYS.search(name))


def colour_key(signs: np.ndarray, rounds: int = 6) -> bytes:
    """A key that isomorphic networks of any size share (colour refinement; others hardly ever do).

    Parameters
    ----------
    signs : array, shape [n, n]
        Sign matrix.
    rounds
        Rounds of refinement.

    Returns
    -------
    bytes
    """
    colours = [str(int(loop)) for loop in np.diag(signs)]
    for _ in range(rounds):
        told = []
        for i in range(len(signs)):
            into = sorted(f"{signs[i, j]:+d}{colours[j]}" for j in np.flatnonzero(signs[i]))
            out = sorted(f"{signs[j, i]:+d}{colours[j]}" for j in np.flatnonzero(signs[:, i]))
            told.append(hashlib.sha256(f"{colours[i]}|{into}|{out}".encode()).hexdigest()[:16])
        colours = told
    return hashlib.sha256("".join(sorted(colours)).encode()).digest()


def _edges(circuit: Circuit) -> set[tuple[str, str, int]]:
    """Edges by name, without case, signs of writing and numbers that a package appends."""
    plain = {gene: re.sub(r"(_\d+$|\W|_)", "", gene).lower() for gene in circuit.genes}
    return {(plain[source], plain[target], sign) for source, target, sign in circuit.edges}


def families_of(circuits: Mapping[str, Circuit]) -> dict[str, str]:
    """The family of every network: the first name of those connected to it.

    Parameters
    ----------
    circuits
        Networks by name.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> toggle = Circuit.from_edges([("A", "B", -1), ("B", "A", -1)])
    >>> other = Circuit.from_edges([("lacI", "tetR", -1), ("tetR", "lacI", -1)])
    >>> families_of({"one": toggle, "two": other})
    {'one': 'one', 'two': 'one'}
    """
    names = sorted(circuits)
    head = {name: name for name in names}

    def root(name: str) -> str:
        """The name that stands for the family of ``name``."""
        while head[name] != name:
            name = head[name]
        return name

    keys = {name: colour_key(circuits[name].signs) for name in names}
    edges = {name: _edges(circuits[name]) for name in names}
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            shared, both = len(edges[one] & edges[other]), len(edges[one] | edges[other])
            if keys[one] == keys[other] or shared >= OVERLAP * both:
                first, second = sorted((root(one), root(other)))
                head[second] = first
    return {name: root(name) for name in names}
