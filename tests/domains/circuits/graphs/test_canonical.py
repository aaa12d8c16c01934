"""The canonical form against brute force, networkx and Burnside's count."""

import itertools

import networkx as nx
import numpy as np
import pytest

from advsci.errors import ShapeError
from advsci_circuits.graphs import canonical_form, canonical_keys


def test_all_three_gene_graphs_fall_into_burnsides_number_of_classes():
    """(3^9 + 3 * 3^5 + 2 * 3^3) / 6 = 3411 signed digraphs with loops on three nodes."""
    graphs = np.array(list(itertools.product((-1, 0, 1), repeat=9)), dtype=np.int8).reshape(-1, 3, 3)
    assert len(set(canonical_keys(list(graphs)))) == 3411


@pytest.mark.parametrize("n", [2, 5, 8, 12])
def test_the_form_does_not_depend_on_the_order_of_genes(n):
    rng = np.random.default_rng(n)
    graphs = rng.choice([-1, 0, 0, 0, 1], size=(200, n, n)).astype(np.int8)
    orders = [rng.permutation(n) for _ in graphs]
    shuffled = np.stack([g[np.ix_(p, p)] for g, p in zip(graphs, orders, strict=True)])
    assert (canonical_form(graphs) == canonical_form(shuffled)).all()


def symmetric_graphs():
    yield np.kron(np.eye(4), 1 - np.eye(3))  # four triangles
    yield np.kron(np.eye(4), np.roll(np.eye(3), 1, 0))  # four directed triangles
    yield np.block([[np.zeros((6, 6)), 1 - np.eye(6)], [1 - np.eye(6), np.zeros((6, 6))]])  # bipartite minus a matching
    yield nx.to_numpy_array(nx.icosahedral_graph())
    yield nx.to_numpy_array(nx.star_graph(11))
    yield -np.roll(np.eye(12), 1, 0)


@pytest.mark.parametrize("matrix", symmetric_graphs(), ids=range(6))
def test_symmetric_graphs_keep_their_form(matrix):
    rng = np.random.default_rng(0)
    matrix = matrix.astype(np.int8)
    orders = [rng.permutation(len(matrix)) for _ in range(5)]
    forms = canonical_form(np.stack([matrix[np.ix_(p, p)] for p in orders]))
    assert (forms == forms[0]).all()


def test_keys_agree_with_networkx_isomorphism():
    rng = np.random.default_rng(1)
    # few edges on five genes: isomorphic and near-isomorphic pairs are common
    graphs = rng.choice([-1, 0, 0, 0, 0, 0, 1], size=(60, 5, 5)).astype(np.int8)
    graphs = np.concatenate([graphs, graphs[:, ::-1, ::-1]])
    keys = canonical_keys(list(graphs))
    digraphs = [nx.from_numpy_array(g, create_using=nx.DiGraph) for g in graphs]
    same_weight = nx.isomorphism.numerical_edge_match("weight", 0)
    for a, b in itertools.combinations(range(0, 120, 3), 2):
        assert (keys[a] == keys[b]) == nx.is_isomorphic(digraphs[a], digraphs[b], edge_match=same_weight)


def test_beyond_twelve_genes_is_refused():
    with pytest.raises(ShapeError, match="12"):
        canonical_form(np.ones((1, 13, 13), dtype=np.int8))
