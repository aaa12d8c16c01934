"""The loaders against the counts of their sources, and splits without leakage."""

import numpy as np
import pytest

from advsci.errors import DataError
from advsci_circuits.data.real import embedded_circuits, stratified
from advsci_datasets.circuits import (
    SignedGraphs,
    cnet_rules,
    folder,
    load_cana,
    load_enumeration,
    load_gates,
    load_motifs,
    load_pyboolnet,
    load_unique,
    split_by_family,
)


def test_counts_of_the_sources(data_folder):
    table = load_enumeration()
    assert len(table.signs) == 3284 and int(table.in_library.sum()) == 1550
    assert int((table.oscillating > 0.01).sum()) == 765
    assert int(((table.oscillating > 0.01) & ~table.in_library).sum()) == 500
    assert len(load_gates()) == 133 and len(load_motifs()) == 92
    whole = load_unique()
    assert len(whole) > 200 and set(np.unique(whole.signs)) == {-1, 0, 1}


def test_missing_data_are_named(tmp_path):
    with pytest.raises(DataError, match="ADVSCI_DATA"):
        folder(tmp_path)


def families(count: int = 300) -> SignedGraphs:
    rng = np.random.default_rng(0)
    names = tuple(
        tuple(f"f{k}" for k in sorted(set(rng.integers(20, size=1 + (i % 5 == 0)).tolist()))) for i in range(count)
    )
    signs = np.zeros((count, 3, 3), dtype=np.int8)
    text = tuple("" for _ in range(count))
    return SignedGraphs(signs, np.full(count, 3), names, rng.random(count) < 0.05, text, text, text)


@pytest.mark.parametrize("shares", [(0.8, 0.2), (0.6, 0.2, 0.2)])
def test_no_family_is_on_two_sides(shares):
    graphs = families()
    parts = split_by_family(graphs, shares, seed=1)
    seen = [{family for i in part for family in graphs.families[i]} for part in parts]
    for a in range(len(parts)):
        assert not graphs.shared[parts[a]].any()
        for b in range(a):
            assert not seen[a] & seen[b]
    kept = np.array([len(part) for part in parts])
    assert np.abs(kept / kept.sum() - np.array(shares)).max() < 0.12
    with pytest.raises(DataError, match="add up"):
        split_by_family(graphs, (0.5, 0.4))


def test_every_family_is_drawn_alike():
    families = (("a",),) * 6 + (("b",),) + (("a", "b"),)
    signs = np.zeros((8, 3, 3), dtype=np.int8)
    words = ("",) * 8
    graphs = SignedGraphs(signs, np.full(8, 3), families, np.zeros(8, dtype=bool), words, words, words)
    chosen = stratified(graphs, np.arange(8), 10, np.random.default_rng(0))
    large, small = chosen[:5], chosen[5:]
    assert len(set(large)) == 5 and not set(large) & {6}
    assert sorted(np.bincount(small, minlength=8)[[6, 7]]) == [2, 3]  # the small family's two graphs take turns


def test_truth_tables_become_rules():
    text = ".v 2\n# 1 = A b\n# 2 = C\n.n 1 2 1 2\n1- 1\n01 1\n00 0\n.n 2 0\n"
    assert cnet_rules(text).splitlines()[1:] == ["A_b_1, A_b_1 | !A_b_1 & C_2", "C_2, C_2"]
    assert cnet_rules("no network") == ""
    pytest.importorskip("cana")
    assert len(load_cana()) > 40


def test_embedded_networks_are_read():
    pytest.importorskip("pyboolnet")
    assert len(load_pyboolnet()) >= 25
    graphs = embedded_circuits(3, 5, each=6)
    assert len(graphs) > 150 and len({f for fs in graphs.families for f in fs}) > 15
