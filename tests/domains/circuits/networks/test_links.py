"""Completing large networks: what is hidden, what a pair is told by, that it learns, and the answers to users."""

import json

import numpy as np
import pytest
import torch

from advsci.cli import run_app
from advsci.errors import ConfigError, DataError
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import Trainer
from advsci_circuits.cli import app
from advsci_circuits.formats import read, write
from advsci_circuits.graphs import Circuit, CircuitBatch
from advsci_circuits.networks.completing import complete_network
from advsci_circuits.networks.hiding import BESIDE, MOST, LinksGame, hidden_edges, link_surprise
from advsci_circuits.networks.links import NetworkLinks
from advsci_circuits.networks.model import NetworkModel
from advsci_circuits.networks.pairs import pair_features
from advsci_circuits.networks.rows import RowGenerator
from advsci_circuits.store import load_networks, save_networks


def random_signs(n: int, rng: np.random.Generator, share: float = 0.12) -> np.ndarray:
    """Random signs, none on the diagonal."""
    signs = np.where(rng.random((n, n)) < share, rng.choice([-1, 1], (n, n)), 0).astype(np.int8)
    np.fill_diagonal(signs, 0)
    return signs


def doubles(n: int, rng: np.random.Generator) -> np.ndarray:
    """Pairs of genes (k, k + n/2): whatever activates one represses the other, and nothing else is there."""
    half = n // 2
    signs = np.zeros((n, n), dtype=np.int8)
    for k in range(half):
        regulators = rng.choice([j for j in range(half) if j != k], 3, replace=False)
        signs[k, regulators], signs[k + half, regulators] = 1, -1
    return signs


def small(sizes: tuple[int, int] = (13, 60)) -> NetworkLinks:
    """An untrained link predictor, in evaluation mode."""
    with Stream(0).seeded():
        return NetworkLinks(8, 1, sizes).eval()


def test_pairs_are_told_by_walks_that_are_counted_one_by_one():
    rng = np.random.default_rng(0)
    s = random_signs(9, rng, 0.3)
    found = pair_features(torch.from_numpy(s)[None])[0]
    loops = pair_features(torch.from_numpy(s + 2 * np.eye(9, dtype=np.int8) - np.eye(9, dtype=np.int8))[None])[0]
    assert torch.equal(found, loops)  # loops say nothing of other pairs, and nothing of their own
    i, j = 4, 7
    walks = {True: 0, False: 0}
    cubes = {True: 0, False: 0}
    for k in range(9):
        if s[i, k] and s[k, j]:
            walks[bool(s[i, k] * s[k, j] > 0)] += 1
        for m in range(9):
            if s[i, k] and s[m, k] and s[m, j]:
                cubes[bool(s[i, k] * s[m, k] * s[m, j] > 0)] += 1
    assert found[i, j, 2:4].expm1().tolist() == pytest.approx([walks[True], walks[False]], abs=1e-4)
    assert found[j, i, 4:6].expm1().tolist() == pytest.approx([walks[True], walks[False]], abs=1e-4)
    assert found[i, j, 10:12].expm1().tolist() == pytest.approx([cubes[True], cubes[False]], abs=1e-4)
    assert found[i, j, :2].tolist() == [float(s[j, i] > 0), float(s[j, i] < 0)]
    assert found[..., -1].tolist() == np.eye(9).tolist()


def test_hidden_are_edges_beside_absent_pairs_and_never_padding():
    rng = np.random.default_rng(1)
    batch = CircuitBatch.of([random_signs(30, rng), random_signs(14, rng), random_signs(20, rng)])
    hidden, absent = hidden_edges(batch, torch.tensor([0.999, 0.0, 0.5]), Stream(0).uniform((3, 30, 30)))
    edges = (batch.signs != 0).sum((1, 2))
    assert bool((batch.signs != 0)[hidden].all()) and not bool((batch.signs != 0)[absent].any())
    assert hidden.sum((1, 2)).tolist() == [int(0.999 * MOST * edges[0]), 1, int(0.5 * MOST * edges[2])]
    assert absent.sum((1, 2)).tolist() == [BESIDE * k for k in hidden.sum((1, 2)).tolist()]
    assert not absent[1, 14:].any() and not absent[1, :, 14:].any()


def test_what_is_hidden_is_not_looked_at():
    rng = np.random.default_rng(2)
    signs = torch.from_numpy(random_signs(16, rng))[None]
    share, order = torch.tensor([0.9]), Stream(3).uniform((1, 16, 16))
    sizes = torch.tensor([16])
    hidden, _ = hidden_edges(CircuitBatch(signs, sizes), share, order)
    seen = []

    class Spy(NetworkLinks):
        def forward(self, batch, graph, target, source):
            seen.append(batch.signs)
            return super().forward(batch, graph, target, source)

    network = Spy(8, 1).eval()
    link_surprise(network, CircuitBatch(signs, sizes), share, order)
    link_surprise(network, CircuitBatch(torch.where(hidden, -signs, signs), sizes), share, order)
    assert torch.equal(seen[0], seen[1]) and not seen[0][hidden].any() and bool(hidden.any())


def test_it_learns_a_planted_rule_with_its_sign():
    """A gene's double is repressed by what activates it: hidden edges are known from the other half."""
    rng = np.random.default_rng(3)
    real = CircuitBatch.of([doubles(14, rng) for _ in range(64)])
    with Stream(4).seeded():
        network = NetworkLinks(16, 2)
    Trainer(steps=120, batch_size=12, device="cpu", quiet=True).fit(
        LinksGame(network), {"signs": real.signs, "sizes": real.sizes},
        Alternating(lambda p: torch.optim.Adam(p, lr=1e-2)),
    )  # fmt: skip
    model = NetworkModel(RowGenerator(8, 1, 8), [], network.eval())
    right = []
    for _ in range(10):
        signs = doubles(14, rng)
        target, source = np.argwhere(signs)[rng.integers((signs != 0).sum())]
        blind = signs.copy()
        blind[target, source] = 0
        circuit = Circuit(blind)
        found = complete_network(model, circuit)
        assert found.circuit == circuit
        names = (circuit.genes[source], circuit.genes[target])
        rank, link = next((k, x) for k, x in enumerate(found.links) if (x.source, x.target) == names)
        right.append(rank < 12 and (link.activation > link.repression) == (signs[target, source] > 0))
    assert sum(right) >= 8


def test_names_padding_and_what_is_said_of_open_pairs_change_nothing():
    rng = np.random.default_rng(5)
    signs = random_signs(15, rng)
    order = rng.permutation(15)
    model = NetworkModel(RowGenerator(8, 1, 8), [], small())
    circuit = Circuit(signs, tuple(f"g{k}" for k in range(15)))
    renamed = Circuit(signs[np.ix_(order, order)], tuple(f"g{k}" for k in order))
    pairs = [("g1", "g2"), ("g2", "g1"), ("g3", "g9")]
    one, two = (complete_network(model, c, pairs) for c in (circuit, renamed))
    said = {(k.source, k.target): k.none for k in two.links}
    assert {(k.source, k.target): pytest.approx(k.none, abs=1e-5) for k in one.links} == said
    turned = signs.copy()
    turned[2, 1] = 1 if signs[2, 1] != 1 else -1
    assert complete_network(model, Circuit(turned, circuit.genes), pairs).links == one.links
    kept = np.ones_like(signs, dtype=bool)
    kept[[2, 1, 9], [1, 2, 3]] = False
    assert (one.circuit.signs[kept] == signs[kept]).all()
    links, asked = small(), [torch.tensor([k]) for k in (0, 4, 7)]
    wide = CircuitBatch.of([signs], 22)
    assert torch.allclose(links(CircuitBatch.of([signs]), *asked), links(wide, *asked), atol=1e-5)


def test_every_absent_pair_is_ranked_and_other_sizes_are_warned_of():
    rng = np.random.default_rng(6)
    model = NetworkModel(RowGenerator(8, 1, 8), [], small((13, 20)))
    found = complete_network(model, Circuit(random_signs(18, rng)))
    assert sorted(found.links, key=lambda k: k.none) == found.links and not found.warning
    assert len(found.links) == 18 * 18 - len(found.circuit.edges)
    large = complete_network(model, Circuit(random_signs(25, rng)))
    assert "25 genes" in large.warning and "13 to 20" in large.warning
    with pytest.raises(DataError, match="gene 'X'"):
        complete_network(model, Circuit(random_signs(18, rng)), [("G1", "X")])
    with pytest.raises(DataError, match="no open pair"):
        complete_network(model, Circuit(random_signs(18, rng)), [])
    with pytest.raises(ConfigError, match="link predictor"):
        complete_network(NetworkModel(RowGenerator(8, 1, 8), []), Circuit(random_signs(18, rng)))


def test_a_model_keeps_its_link_predictor(tmp_path):
    rng = np.random.default_rng(7)
    model = NetworkModel(RowGenerator(8, 1, 8), [], small((13, 33))).eval()
    again = load_networks(save_networks(model, tmp_path / "model.safetensors", {}))[0]
    circuit = Circuit(random_signs(14, rng))
    assert complete_network(again, circuit).links == complete_network(model, circuit).links
    assert again.links is not None and again.links.sizes == (13, 33)
    alone = save_networks(NetworkModel(RowGenerator(8, 1, 8), []), tmp_path / "alone.safetensors", {})
    assert load_networks(alone)[0].links is None


def test_the_command_completes_networks_with_the_model_of_the_package(tmp_path, capsys):
    rng = np.random.default_rng(8)
    ring = np.roll(np.eye(110, dtype=np.int8), 1, 0) | random_signs(110, rng, 0.005)
    for n in (14, 110):
        path = write(Circuit(ring[:n, :n]), tmp_path / f"net{n}.graphml")
        words = ["complete", str(path), "--best", "30", "--out", str(tmp_path / f"all{n}")]
        assert run_app(app, words) == 0
        told = json.loads((tmp_path / f"all{n}" / "links.json").read_text())
        assert len(told["links"]) == 30 and ("warning" in told) == (n == 110)
    assert "warning: got 110 genes" in capsys.readouterr().err
    words = ["complete", str(tmp_path / "net14.graphml"), "--open", "G1:G2", "--out", str(tmp_path / "open")]
    assert run_app(app, words) == 0
    assert len(json.loads((tmp_path / "open" / "links.json").read_text())["links"]) == 1
    assert len(read(tmp_path / "open" / "completed.graphml").circuit) == 14
