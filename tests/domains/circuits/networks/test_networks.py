"""Large networks: a normalised generator that is connected by construction, a discriminator that ranks."""

import itertools

import networkx as nx
import numpy as np
import pytest
import torch

from advsci.cli import run_app
from advsci.errors import ConfigError, DataError
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import Trainer
from advsci_circuits.cli import app
from advsci_circuits.data.families import colour_key
from advsci_circuits.data.networks import (
    Networks,
    grown,
    installed_networks,
    largest_part,
    real_networks,
    whole_or_part,
)
from advsci_circuits.formats import read, write
from advsci_circuits.graphs import Circuit, CircuitBatch
from advsci_circuits.graphs.breadth_first import breadth_first
from advsci_circuits.graphs.validity import is_weakly_connected
from advsci_circuits.networks.batches import NearSizes
from advsci_circuits.networks.discriminator import NetworkDiscriminator, cycles
from advsci_circuits.networks.fitting import drawn_networks, known_contents
from advsci_circuits.networks.games import RankingGame, RowsGame, narrowed
from advsci_circuits.networks.model import NetworkModel
from advsci_circuits.networks.plausibility import FEWEST, plausibility
from advsci_circuits.networks.rows import RowGenerator
from advsci_circuits.networks.sample import generate_networks, proposals
from advsci_circuits.networks.triads import triads
from advsci_circuits.networks.wishes import WISHES, asked_for, contents, left_over, wishes_of
from advsci_circuits.store import NETWORKS, load_networks, save_networks

CODES = torch.tensor([0, 1, -1], dtype=torch.int8)


def small(known: int = 0) -> RowGenerator:
    """An untrained generator, in evaluation mode."""
    with Stream(0).seeded():
        return RowGenerator(8, 1, 8, known).eval()


def tree(n: int, rng: np.random.Generator, sign: int = -1) -> np.ndarray:
    """A random tree of regulations, all of one sign, each gene regulated by an earlier one."""
    signs = np.zeros((n, n), dtype=np.int8)
    for i in range(1, n):
        signs[i, rng.integers(i)] = sign
    return signs


def test_breadth_first_order_keeps_the_network_and_leaves_no_gene_alone():
    rng = np.random.default_rng(0)
    for n in (5, 20):
        signs = np.where(rng.random((n, n)) < 2 / n, rng.choice([-1, 1], (n, n)), 0).astype(np.int8) + tree(n, rng) * 0
        signs = largest_part(signs | (signs == 0) * tree(n, rng, 1))
        ordered = breadth_first(signs, rng)
        assert colour_key(ordered) == colour_key(signs)
        linked = (ordered != 0) | (ordered != 0).T
        firsts = [int(linked[k, :k].argmax()) for k in range(1, len(ordered)) if linked[k, :k].any()]
        assert len(firsts) == len(ordered) - 1 and firsts == sorted(firsts)
        degree = (linked & ~np.eye(len(linked), dtype=bool)).sum(1)
        assert degree[0] == degree.max()
    with pytest.raises(DataError, match="2 are connected"):
        breadth_first(np.array([[0, 1, 0], [0, 0, 0], [0, 0, 1]]), rng)


@pytest.mark.parametrize("k", [1, 2])
def test_the_rows_after_a_part_have_probabilities_that_sum_to_one(k):
    every = list(itertools.product(range(9), repeat=k))
    rows = [(links, loop) for links in every for loop in range(3)]
    signs = torch.zeros(len(rows), 4, 4, dtype=torch.int8)
    signs[:, 0, 0] = 1
    if k == 2:
        signs[:, 1, 0] = -1
    for network, (links, loop) in zip(signs, rows, strict=True):
        network[k, k] = CODES[loop]
        for j, c in enumerate(links):
            network[k, j], network[j, k] = CODES[c // 3], CODES[c % 3]
    genes, sizes = torch.full((len(rows),), k), torch.full((len(rows),), 4)
    p = small().log_likelihood(signs, genes, sizes, torch.full((len(rows), len(WISHES)), 0.5)).exp().detach()
    empty = torch.tensor([not any(links) for links, _ in rows])
    assert float(p[~empty].sum()) == pytest.approx(1, abs=1e-5) and float(p[empty].sum()) < 1e-5


def test_samples_have_the_frequencies_of_the_likelihood():
    generator, count = small(), 20_000
    sizes, wishes = torch.full((count,), 2), torch.full((count, len(WISHES)), 0.5)
    drawn = generator.sample(sizes, wishes, Stream(1))
    code = ((drawn.flatten(1).long() + 1) * torch.tensor([27, 9, 3, 1])).sum(1)
    every = torch.tensor(list(itertools.product((-1, 0, 1), repeat=4)), dtype=torch.int8).view(-1, 2, 2)
    p = torch.zeros(81)
    for k in range(2):
        p += generator.log_likelihood(every, torch.full((81,), k), sizes[:81], wishes[:81]).detach()
    p = torch.where((every[:, 0, 1] == 0) & (every[:, 1, 0] == 0), 0.0, p.exp())
    frequency = torch.bincount(code, minlength=81) / count
    assert float((frequency - p).abs().max()) < 5 * (float(p.max()) / count) ** 0.5


def test_what_a_sharp_generator_draws_is_what_it_finds_certain():
    """Logits a thousand times as large leave one class per link: drawing and likelihood see the same part of a row."""
    generator, n = small(), 12
    with torch.no_grad():
        for last in (generator.pair, generator.loop):
            *_, weight, bias = last.parameters()
            weight.mul_(1e3)
            bias.mul_(1e3)
    sizes, wishes = torch.full((30,), n), torch.rand(30, len(WISHES), generator=torch.Generator().manual_seed(0))
    drawn = generator.sample(sizes, wishes, Stream(3))
    rows = torch.stack([generator.log_likelihood(drawn, torch.full((30,), k), sizes, wishes) for k in range(n)])
    assert float(rows.detach().min()) > -10 and len(torch.unique(drawn, dim=0)) > 5


def test_triads_count_the_ways_of_two_links_as_loops_over_genes_do():
    rng = np.random.default_rng(12)
    signs, own = rng.integers(-1, 2, (5, 5)), rng.integers(-1, 2, (4, 2))
    ways, total = np.zeros(4), np.zeros(4)
    for i in range(4):  # gene 4 is the earlier one that is asked about
        for number, (a, r) in enumerate([(signs[4, i], own[i, 0]), (signs[4, i], own[i, 1]),
                                         (signs[i, 4], own[i, 0]), (signs[i, 4], own[i, 1])]):  # fmt: skip
            ways[number] += abs(a * r)
            total[number] += a * r
    given = torch.from_numpy(signs).float()[None]
    found = triads(given[:, 4:, :4], given[:, :4, 4][:, None], torch.from_numpy(own).float()[None], torch.tensor([[3]]))
    assert found[0, 0].tolist() == pytest.approx([*np.log1p(ways), *np.arcsinh(total), *ways / 3, np.log(4)], abs=1e-5)


def test_a_generator_learns_to_close_triangles():
    """Two groups of genes that regulate within: which group a new gene is of is known from its first link alone."""
    rng = np.random.default_rng(13)
    groups = []
    for _ in range(96):
        member = rng.permutation(np.repeat([0, 1], 7))
        signs = (member[:, None] == member[None]).astype(np.int8) - np.eye(14, dtype=np.int8)
        a, b = (rng.choice(np.flatnonzero(member == k)) for k in (0, 1))
        signs[a, b] = 1
        groups.append(breadth_first(signs, rng))
    real = torch.from_numpy(np.stack(groups))
    with Stream(3).seeded():
        generator = RowGenerator(16, 2, 16)
    sizes = torch.full((96,), 14)
    Trainer(steps=100, batch_size=24, device="cpu", quiet=True).fit(
        RowsGame(generator), NearSizes({"signs": real, "sizes": sizes}),
        Alternating(lambda p: torch.optim.Adam(p, lr=1e-2)),
    )  # fmt: skip
    made = proposals(generator.eval(), sizes[:32], wishes_of(real, sizes)[:32], Stream(4)).signs.numpy()
    closed = [nx.transitivity(nx.from_numpy_array(((m != 0) | (m != 0).T).astype(int))) for m in made]
    assert float(np.mean(closed)) > 0.7  # 0.45 without triads


def test_every_network_is_connected_and_of_its_size_by_construction():
    sizes = torch.tensor([13, 40, 25, 30])
    made = proposals(small(), sizes, torch.full((4, len(WISHES)), 0.3), Stream(2))
    assert bool(is_weakly_connected(made).all()) and made.sizes.tolist() == sizes.tolist()
    for signs in made.matrices():
        assert nx.is_weakly_connected(nx.from_numpy_array(signs.T, create_using=nx.DiGraph))
    again = proposals(small(), sizes, torch.full((4, len(WISHES)), 0.3), Stream(2))
    assert torch.equal(made.signs, again.signs)


def test_training_learns_a_planted_structure():
    """Stars of repression: the first gene represses all others, and nothing else is there."""
    stars = np.zeros((64, 14, 14), dtype=np.int8)
    stars[:, 1:, 0] = -1
    with Stream(3).seeded():
        generator = RowGenerator(16, 2, 16)
    data = NearSizes({"signs": torch.from_numpy(stars), "sizes": torch.full((64,), 14)})
    Trainer(steps=100, batch_size=16, device="cpu", quiet=True).fit(
        RowsGame(generator), data, Alternating(lambda p: torch.optim.Adam(p, lr=1e-2))
    )
    some = torch.from_numpy(stars[:32])
    made = proposals(generator.eval(), torch.full((32,), 14), wishes_of(some, torch.full((32,), 14)), Stream(4))
    right = (made.signs == some).float().mean((1, 2))
    assert float(right.mean()) > 0.98
    assert float((made.signs < 0).sum()) == pytest.approx(13 * 32, rel=0.1) and int((made.signs > 0).sum()) < 8


def test_contents_are_counts_and_what_is_left_of_them_runs_out():
    signs = torch.tensor([[[1, -1, 0], [1, 0, 0], [1, 0, 0]]], dtype=torch.int8)
    three = torch.tensor([3])
    assert contents(signs, three)[0].tolist() == [4, 3, 0, 1, 3, 2, 1, 1]
    assert float(left_over(wishes_of(signs, three), contents(signs, three), three, three).abs().max()) < 1e-6
    first = contents(signs * torch.tensor([[[1, 0, 0], [0, 0, 0], [0, 0, 0]]], dtype=torch.int8), torch.tensor([1]))
    assert float(left_over(wishes_of(signs, three), first, torch.tensor([1]), three)[0, 0]) == pytest.approx(1.5)
    asked = asked_for(wishes_of(signs, three), edges=2.0, hub=0.5)
    assert asked[0, [0, 1, 4]].tolist() == pytest.approx([2.0, 1.5, 0.5])


def test_the_discriminator_knows_neither_names_nor_padding():
    rng = np.random.default_rng(5)
    signs = np.where(rng.random((15, 15)) < 0.15, rng.choice([-1, 1], (15, 15)), 0).astype(np.int8)
    order = rng.permutation(15)
    with Stream(6).seeded():
        judge = NetworkDiscriminator(16, 2).eval()
    pair = CircuitBatch.of([signs, signs[np.ix_(order, order)], -signs])
    one, renamed, turned = judge(pair).tolist()
    padded = judge(CircuitBatch.of([signs], 22)).tolist()[0]
    assert one == pytest.approx(renamed, abs=1e-4) and one == pytest.approx(padded, abs=1e-4)
    assert abs(one - turned) > 1e-3
    ring = CircuitBatch.of([np.array([[0, 0, -1], [1, 0, 0], [0, 1, 0]])])
    assert torch.allclose(cycles(ring)[0, 0], torch.tensor([0.0, 0.0, 0.0, np.log(2.0), 1.0], dtype=torch.float32))


def test_ranking_raises_what_the_discriminator_has_learned_of():
    """Real: trees. Proposals of an untrained generator have many edges; those that are kept have fewer."""
    rng = np.random.default_rng(7)
    sizes, wishes = torch.full((96,), 13), torch.full((96, len(WISHES)), 0.3)
    made = proposals(small(), sizes, wishes, Stream(8))
    real = CircuitBatch.of([breadth_first(tree(13, rng, 1), rng) for _ in range(96)])
    with Stream(9).seeded():
        judge = NetworkDiscriminator(16, 2)
    data = NearSizes({"signs": real.signs, "sizes": sizes, "made": made.signs, "made_sizes": sizes})
    Trainer(steps=40, batch_size=24, device="cpu", quiet=True).fit(
        RankingGame(judge), data, Alternating(lambda p: torch.optim.Adam(p, lr=5e-3))
    )
    model = NetworkModel(small(), [judge.eval()])
    edges = {}
    for tries in (1, 8):
        best = generate_networks(model, sizes[:40], Stream(10), wishes=wishes[:40], tries=tries).signs
        edges[tries] = float((best != 0).sum()) / best.shape[0] / best.shape[1]
    assert edges[8] < edges[1] - 0.5
    logits = model.log_ratio(real), model.log_ratio(made)
    assert float(logits[0].mean() - logits[1].mean()) > 1
    alone = generate_networks(NetworkModel(small(), []), sizes[:3], Stream(10), wishes=wishes[:3], tries=8)
    assert len(alone) == 3
    with pytest.raises(ConfigError, match="0 tries"):
        generate_networks(model, sizes[:2], Stream(0), wishes=wishes[:2], tries=0)


def test_wishes_come_from_real_networks_of_about_the_size():
    generator = small(known=200)
    generator.prior[:, 0] = torch.arange(200) // 4 + 13.0
    generator.prior[:, 1] = generator.prior[:, 0]
    model = NetworkModel(generator, [])
    wishes = model.likely_wishes(torch.tensor([30, 150]), torch.tensor([0.999, 0.0]))
    assert abs(float(wishes[0, 0]) - 30) <= 2 and float(wishes[1, 0]) >= 54


def test_contents_of_networks_beyond_the_training_are_known():
    """Contents of 60 genes are not asked of 150: larger networks that are never learned say what theirs are."""
    rng = np.random.default_rng(3)
    dense = tree(150, rng)
    dense[:, :2] = 1
    networks = Networks((tree(40, rng), dense), ("small", "large"))
    drawn = drawn_networks(networks, 40, rng, 13, 60)
    prior = known_contents(drawn, networks, 60)
    assert len(prior) == 41 and int(prior[:-1, 0].max()) <= 60
    assert float(prior[-1, 0]) == 150 and float(prior[-1, 1]) == pytest.approx((dense != 0).sum() / 150)
    model = NetworkModel(small(known=len(prior)), [])
    model.generator.prior.copy_(prior[torch.arange(len(prior))])
    assert torch.equal(model.likely_wishes(torch.tensor([150]), torch.tensor([0.999]))[0], prior[-1, 1:])


def test_parts_of_networks_are_connected_and_families_stay_together():
    rng = np.random.default_rng(11)
    signs = tree(80, rng)
    for _ in range(20):
        part = grown(signs, 30, rng)
        assert len(part) == 30 and len(largest_part(part)) == 30 and (part != 0).sum() == 29
        assert 13 <= len(whole_or_part(signs, 13, 60, rng)) <= 60
        assert whole_or_part(signs, 13, 80, rng, parts=False) is signs  # it fits
        assert len(whole_or_part(signs, 13, 60, rng, parts=False)) <= 60  # it does not
    networks = Networks((signs,) * 40, tuple(f"f{i // 2}" for i in range(40)))
    parts = networks.split((0.6, 0.4), 0)
    assert sum(map(len, parts)) == 40 and not set(parts[0].families) & set(parts[1].families)
    drawn = drawn_networks(parts[0], 12, rng, 13, 60)
    assert bool(is_weakly_connected(drawn).all()) and drawn.signs.shape == (12, 60, 60)
    assert narrowed(drawn.signs, drawn.sizes).signs.shape[1] == int(drawn.sizes.max())
    assert set(drawn_networks(parts[0], 12, rng, 13, 80, parts=False).sizes.tolist()) == {80}
    with pytest.raises(DataError, match="13 genes"):
        drawn_networks(Networks((), ()), 2, rng, 13, 60)


def test_a_model_is_read_back_as_it_was_written(tmp_path):
    with Stream(12).seeded():
        model = NetworkModel(RowGenerator(8, 1, 8, 5), [NetworkDiscriminator(8, 1)]).eval()
    read_back, facts = load_networks(save_networks(model, tmp_path / "model.safetensors", {"seed": 3}))
    assert facts == {"seed": 3}
    batch = CircuitBatch.of([tree(14, np.random.default_rng(0))])
    assert torch.equal(model.log_ratio(batch), read_back.log_ratio(batch))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    pytest.importorskip("pyboolnet")
    folder = tmp_path_factory.mktemp("networks")
    words = "train --networks --data embedded --network-steps 6 --ranking-steps 3 --network-links 2 --draws 100"
    assert run_app(app, [*words.split(), "--out", str(folder)]) == 0
    return folder / "model.safetensors"


def test_the_commands(trained, tmp_path, capsys):
    _, facts = load_networks(trained)
    assert facts["settings"]["data"] == "embedded" and len(facts["discriminators"]) == 2
    words = f"generate --model {trained} --genes 20 --count 3 --tries 3 --edges-per-gene 2 --out {tmp_path / 'g'}"
    assert run_app(app, words.split()) == 0
    files = sorted((tmp_path / "g").glob("*.graphml"))
    assert len(files) == 3 and all(len(read(file).circuit) == 20 for file in files)
    assert run_app(app, ["generate", "--genes", "20", "--function", "oscillation"]) == 2
    assert run_app(app, ["generate", "--hub", "0.5"]) == 2
    assert run_app(app, ["train", "--networks", "--game", "--data", "embedded", "--out", str(tmp_path / "t")]) == 2
    assert "Try:" in capsys.readouterr().err


def test_the_package_brings_a_model_of_large_networks():
    model, facts = load_networks()
    assert facts["settings"]["data"] == "embedded" and NETWORKS.stat().st_size < 2_000_000
    sizes = torch.tensor([40, 20, 30, 25])
    made = generate_networks(model, sizes, Stream(3), tries=2)
    assert bool(is_weakly_connected(made).all())
    # learned: an untrained generator puts several edges on every gene, real networks one to four
    edges = (made.signs != 0).sum((1, 2)) / sizes
    assert 1 <= float(edges.mean()) < 4 and float((made.signs > 0).sum() / (made.signs != 0).sum()) > 0.5


def test_real_networks_are_told_from_random_ones():
    pytest.importorskip("pyboolnet")
    model, rng = load_networks()[0], np.random.default_rng(0)
    real = [c for c in installed_networks().values() if FEWEST <= len(c) <= 30][:15]
    pairs = []
    for circuit in real:
        drawn = np.zeros(circuit.signs.size, np.int8)
        signs = circuit.signs[circuit.signs != 0]
        drawn[rng.choice(drawn.size, len(signs), replace=False)] = rng.permutation(signs)
        random = Circuit(drawn.reshape(circuit.signs.shape), circuit.genes)
        pairs.append([plausibility(model, circuit).p, plausibility(model, random).p])
    ours, theirs = np.array(pairs).T
    assert (ours[:, None] > theirs).mean() > 0.8 and np.median(ours) > 0.55 > np.median(theirs)
    found = plausibility(model, real[0])
    order = rng.permutation(len(real[0]))
    renamed = Circuit(real[0].signs[np.ix_(order, order)], tuple(real[0].genes[k] for k in order))
    assert found.low <= found.p <= found.high and abs(plausibility(model, renamed).p - found.p) < 1e-4
    for genes in (12, 61):
        with pytest.raises(ConfigError, match=f"got {genes} genes"):
            plausibility(model, Circuit.from_edges([(str(k), str(k + 1), 1) for k in range(genes - 1)]))


def test_a_page_on_a_network_says_how_real_it_is(tmp_path):
    chain = Circuit.from_edges([(f"g{k}", f"g{k // 2 + 14}", 1 - k % 2 * 2) for k in range(14)])
    path = write(chain, tmp_path / "net.graphml")
    assert run_app(app, ["report", str(path), "--sets", "10", "--out", str(tmp_path / "r")]) == 0
    assert "taken for a real network" in (tmp_path / "r" / "report.html").read_text()


def test_embedded_networks_are_real_ones():
    pytest.importorskip("pyboolnet")
    pytest.importorskip("cana", reason="cana is not installed: it does not build on Python 3.13")
    networks = real_networks("embedded", 13)
    assert len(networks) > 30 and not any("random" in name for name in networks.families)
    with pytest.raises(DataError, match="'web'"):
        real_networks("web")
