"""Families: copies under other names and revisions are one, and no family is on two sides of a split."""

import numpy as np
import pytest

from advsci_circuits.data.families import colour_key, families_of, is_toy
from advsci_circuits.data.real import embedded_circuits
from advsci_circuits.graphs import Circuit, canonical_keys
from advsci_circuits.graphs.variation import random_circuits
from advsci_datasets.circuits import split_by_family


def test_copies_and_revisions_are_one_family():
    rng = np.random.default_rng(0)
    signs = np.where(rng.random((20, 20)) < 0.12, rng.choice([-1, 1], (20, 20)), 0)
    model = Circuit(signs, tuple(f"gene{i}" for i in range(20)))
    order = rng.permutation(20)
    renamed = Circuit(signs[np.ix_(order, order)], tuple(f"x{i}" for i in range(20)))
    revised = signs.copy()
    revised[0, :5] = 1
    revision = Circuit(revised, tuple(f"GENE-{i}" for i in range(20)))
    other = Circuit(np.where(rng.random((20, 20)) < 0.12, 1, 0), tuple(f"gene{i}" for i in range(20)))
    found = families_of({"b": model, "c": renamed, "a": revision, "d": other})
    assert found == {"a": "a", "b": "a", "c": "a", "d": "d"}


def test_the_key_of_large_networks_is_invariant_and_tells_small_ones_apart():
    graphs = list(random_circuits(4, 300, np.random.default_rng(1)).numpy())
    rng = np.random.default_rng(2)
    for graph in graphs[:50]:
        order = rng.permutation(4)
        assert colour_key(graph) == colour_key(graph[np.ix_(order, order)])
    assert len(set(map(colour_key, graphs))) == len(set(canonical_keys(graphs)))


def test_embedded_circuits_split_without_made_up_networks():
    pytest.importorskip("pyboolnet")
    graphs = embedded_circuits(3, 4)
    names = {family for families in graphs.families for family in families}
    assert not any(is_toy(name) for name in names)
    train, test = split_by_family(graphs, (0.8, 0.2), 0)
    sides = [{f for i in part for f in graphs.families[i]} for part in (train, test)]
    assert not sides[0] & sides[1] and min(map(len, sides)) > 3
