"""What a sample of signed digraphs looks like: one histogram a graph and statistic."""

import itertools
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

__all__ = ["DESCRIPTORS", "clustering", "describe", "magnetic_spectrum", "signed_triads"]


def _share(counts: np.ndarray) -> np.ndarray:
    return counts / np.maximum(counts.sum(-1, keepdims=True), 1e-9)


def in_degree(signs: np.ndarray) -> np.ndarray:
    """Histogram of regulators a gene.

    Parameters
    ----------
    signs
        Sign matrices: ``signs[:, i, j]`` is the effect of gene j on gene i.
    """
    return np.bincount((signs != 0).sum(1), minlength=13)[:13]


def out_degree(signs: np.ndarray) -> np.ndarray:
    """Histogram of targets a gene.

    Parameters
    ----------
    signs
        Sign matrices: ``signs[:, i, j]`` is the effect of gene j on gene i.
    """
    return np.bincount((signs != 0).sum(0), minlength=13)[:13]


def signed_in_degree(signs: np.ndarray) -> np.ndarray:
    """Joint histogram of (activators, repressors) a gene, each capped at five.

    Parameters
    ----------
    signs
        Sign matrices: ``signs[:, i, j]`` is the effect of gene j on gene i.
    """
    pairs = np.minimum((signs > 0).sum(1), 5) * 6 + np.minimum((signs < 0).sum(1), 5)
    return np.bincount(pairs, minlength=36)


def clustering(signs: np.ndarray) -> np.ndarray:
    """Histogram of clustering coefficients of the undirected skeleton, without loops.

    Parameters
    ----------
    signs
        Sign matrices: ``signs[:, i, j]`` is the effect of gene j on gene i.
    """
    skeleton = ((signs != 0) | (signs != 0).T).astype(float)
    np.fill_diagonal(skeleton, 0)
    degree = skeleton.sum(1)
    triangles = np.einsum("ij,jk,ki->i", skeleton, skeleton, skeleton)
    coefficient = np.where(degree > 1, triangles / np.maximum(degree * (degree - 1), 1), 0)
    return np.histogram(coefficient, 20, (0, 1))[0]


def magnetic_spectrum(signs: np.ndarray, charge: float = 0.25) -> np.ndarray:
    """Histogram of eigenvalues of the normalised magnetic Laplacian: direction is a phase of a Hermitian matrix.

    Parameters
    ----------
    signs
        Sign matrices: ``signs[:, i, j]`` is the effect of gene j on gene i.
    charge
        Phase of an edge, in full turns.
    """
    edge = (signs != 0).astype(float)
    np.fill_diagonal(edge, 0)
    weight = (edge + edge.T) / 2
    phase = np.exp(2j * np.pi * charge * (edge.T - edge))
    root = 1 / np.sqrt(np.maximum(weight.sum(1), 1e-9))
    laplacian = np.eye(len(signs)) - root[:, None] * (weight * phase) * root
    # rounded, so that an eigenvalue on the edge of a bin does not depend on the order of genes
    return np.histogram(np.linalg.eigvalsh(laplacian).round(9), 40, (-1e-5, 2 + 1e-5))[0]


def self_loops(signs: np.ndarray) -> np.ndarray:
    """Genes without, with positive and with negative autoregulation.

    Parameters
    ----------
    signs
        Sign matrices: ``signs[:, i, j]`` is the effect of gene j on gene i.
    """
    loops = np.diag(signs)
    return np.array([(loops == sign).sum() for sign in (0, 1, -1)])


@lru_cache(maxsize=1)
def _triad_classes() -> tuple[np.ndarray, int]:
    """Class of each of the 3^6 loop-free signed triads (base-3 code of its six entries); class 0 is not connected."""
    entries = [(i, j) for i in range(3) for j in range(3) if i != j]
    orders = list(itertools.permutations(range(3)))
    names: dict[tuple[int, ...], int] = {}
    table = np.zeros(3**6, dtype=np.int64)
    for code, values in enumerate(itertools.product((-1, 0, 1), repeat=6)):
        matrix = np.zeros((3, 3), dtype=int)
        for (i, j), value in zip(entries, values, strict=True):
            matrix[i, j] = value
        linked = (matrix != 0) | (matrix != 0).T
        if linked.sum() < 4:
            continue
        form = max(tuple(matrix[np.ix_(order, order)].ravel()) for order in orders)
        table[code] = names.setdefault(form, len(names) + 1)
    return table, len(names) + 1


def signed_triads(signs: np.ndarray) -> np.ndarray:
    """Census of connected three-gene sub-circuits up to isomorphism, loops ignored.

    Parameters
    ----------
    signs
        Sign matrices: ``signs[:, i, j]`` is the effect of gene j on gene i.
    """
    table, classes = _triad_classes()
    n = len(signs)
    if n < 3:
        return np.zeros(classes)
    triples = np.array(list(itertools.combinations(range(n), 3)))
    i, j, k = triples.T
    digits = [signs[i, j], signs[i, k], signs[j, i], signs[j, k], signs[k, i], signs[k, j]]
    code = np.zeros(len(triples), dtype=np.int64)
    for digit in digits:
        code = code * 3 + digit + 1
    counts = np.bincount(table[code], minlength=classes)
    counts[0] = 0
    return counts


DESCRIPTORS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "in-degree": in_degree,
    "out-degree": out_degree,
    "signed in-degree": signed_in_degree,
    "clustering": clustering,
    "magnetic spectrum": magnetic_spectrum,
    "self-loops": self_loops,
    "signed triads": signed_triads,
}


def describe(graphs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Every descriptor of every graph, [graphs, bins] each, normalised to sum to one a graph."""
    return {name: _share(np.array([one(graph) for graph in graphs], dtype=float)) for name, one in DESCRIPTORS.items()}
