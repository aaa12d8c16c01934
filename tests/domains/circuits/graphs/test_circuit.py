"""Circuits, batches, cycles and validity."""

import networkx as nx
import numpy as np
import pytest
import torch

from advsci.errors import DataError
from advsci_circuits.graphs import (
    Circuit,
    CircuitBatch,
    cycle_signs,
    elementary_cycles,
    is_valid,
    is_weakly_connected,
    signed_closed_walks,
)


def toggle() -> Circuit:
    return Circuit.from_edges([("A", "B", -1), ("B", "A", -1)], name="toggle")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Circuit(np.zeros((3, 3))), "empty graph"),
        (lambda: Circuit(np.full((2, 2), 2)), "unknown sign"),
        (lambda: Circuit(np.ones((500, 500))), "500 genes"),
        (lambda: Circuit(np.ones((2, 2)), ("A", "A")), "duplicate"),
        (lambda: Circuit(np.ones((2, 3))), "square"),
        (lambda: Circuit(np.ones((2, 2)), ("A",)), "gene names"),
        (lambda: Circuit.from_edges([("A", "B", 0)]), "unknown sign"),
        (lambda: Circuit.from_edges([("A", "B", 1), ("A", "B", -1)]), "both signs"),
        (lambda: Circuit.from_edges([("A", "B", 1)], genes=["A"]), "outside"),
        (lambda: toggle().induced(["C"]), "unknown gene"),
    ],
)
def test_bad_circuits_are_refused_by_name(make, words):
    with pytest.raises(DataError, match=words):
        make()


def test_edges_and_batches_round_trip():
    circuits = [toggle(), Circuit.from_edges([("A", "B", 1), ("B", "C", -1), ("C", "C", 1)])]
    again = Circuit.from_edges(circuits[1].edges, genes=circuits[1].genes)
    assert again == circuits[1]
    batch = CircuitBatch.of(circuits, width=5)
    for circuit, matrix in zip(circuits, batch.matrices(), strict=True):
        assert (circuit.signs == matrix).all()
    pyg = batch.to_pyg()
    assert pyg[1].edge_index.tolist() == [[0, 1, 2], [1, 2, 2]]
    assert (CircuitBatch.from_pyg(pyg).signs == batch.signs[:, :3, :3]).all()
    pyg[1].edge_type = None
    with pytest.raises(DataError, match="graph 1 whose edges have no signs"):
        CircuitBatch.from_pyg(pyg)
    classes = batch.one_hot()
    assert (classes.sum((1, 2, 3)) == torch.tensor([4.0, 9.0])).all()


def test_cycles_agree_with_networkx():
    rng = np.random.default_rng(0)
    for _ in range(30):
        signs = rng.choice([-1, 0, 0, 1], size=(5, 5))
        own = sorted(tuple(sorted(genes)) for genes, _ in elementary_cycles(signs))
        graph = nx.from_numpy_array(signs.T, create_using=nx.DiGraph)
        assert own == sorted(tuple(sorted(cycle)) for cycle in nx.simple_cycles(graph))


def test_cycle_signs_of_known_circuits():
    assert cycle_signs(toggle().signs) == (True, False, False)
    ring = -np.roll(np.eye(3, dtype=int), 1, 0)
    assert cycle_signs(ring) == (False, True, True)
    assert cycle_signs(np.array([[-1]])) == (False, True, False)


def test_closed_walks_count_cycles_of_a_ring():
    """An odd repression ring of m genes has one closed walk of length m a starting point, and it is negative."""
    ring = torch.tensor(-np.roll(np.eye(5), 1, 0))
    walks = signed_closed_walks(ring, 5)
    assert walks.tolist() == pytest.approx([0] * 9 + [1.0])


def test_validity():
    star = np.zeros((6, 6))
    star[0, 1:] = 1  # five regulators
    apart = np.kron(np.eye(2), 1 - np.eye(2))
    chain = np.eye(6, k=1)
    batch = CircuitBatch.of([star, apart, chain, np.zeros((2, 2)), np.ones((1, 1))], width=8)
    assert is_weakly_connected(batch).tolist() == [True, False, True, False, True]
    assert is_valid(batch).tolist() == [False, False, True, False, True]
    assert is_valid(batch, most_regulators=5).tolist() == [True, False, True, False, True]


def test_cycles_of_a_dense_network_do_not_hang():
    """Thirty genes with three activators each have more cycles than could be listed; their signs need none of them."""
    rng = np.random.default_rng(0)
    signs = np.zeros((30, 30), dtype=np.int8)
    for i in range(30):
        signs[i, rng.choice(30, 3, replace=False)] = 1
    assert cycle_signs(signs) == (True, False, False)
    assert len(list(elementary_cycles(signs, 500))) == 500
    i, j = np.argwhere(signs * (1 - np.eye(30, dtype=np.int8)))[0]
    signs[i, j] = -1
    assert cycle_signs(signs) == (True, True, True)


def test_signs_of_cycles_agree_with_a_list_of_all():
    rng = np.random.default_rng(1)
    for _ in range(60):
        signs = rng.choice([-1, 0, 1], p=[0.2, 0.6, 0.2], size=(5, 5))
        every = list(elementary_cycles(signs))
        wanted = (
            any(sign > 0 for _, sign in every),
            any(sign < 0 for _, sign in every),
            any(sign < 0 and len(genes) > 1 for genes, sign in every),
        )
        assert cycle_signs(signs) == wanted
