"""Would it be taken for a real one, and is it unlike anything known: judge, alarm, and what pages say."""

import numpy as np
import pytest
import torch

from advsci_circuits.data.real import batch_of
from advsci_circuits.evaluation.alarm import unlikeness
from advsci_circuits.evaluation.judge import PARTS, RANGES, CircuitJudge, fit_judge, random_like
from advsci_circuits.game.condition import contents_of
from advsci_circuits.graphs import Circuit, CircuitBatch
from advsci_circuits.looks import looks, looks_real, small_plausibility
from advsci_circuits.store import load_judge, save_judge
from advsci_datasets.circuits import SignedGraphs


def planted(per_family: int, families: int, rng: np.random.Generator, star: bool) -> SignedGraphs:
    """Stars of repression with extra edges, or circuits with as many edges anywhere: 4 to 12 genes, many families."""
    count = per_family * families
    signs, sizes = np.zeros((count, 12, 12), dtype=np.int8), 4 + np.arange(count) % 9
    for own, n in zip(signs, sizes, strict=True):
        own[1:n, 0] = -1
        own[rng.integers(n), rng.integers(n)] = 1
    if not star:
        found = random_like(CircuitBatch(torch.from_numpy(signs), torch.from_numpy(sizes)), rng)
        signs = found.signs.numpy()
    names = tuple((f"f{k // per_family}",) for k in range(count))
    rest = ("",) * count
    return SignedGraphs(signs, sizes, names, np.zeros(count, dtype=bool), rest, rest, rest)


def test_random_circuits_have_the_counts_of_real_ones_and_are_connected():
    from advsci_circuits.graphs.validity import is_weakly_connected

    rng = np.random.default_rng(0)
    real = batch_of(planted(9, 5, rng, True))
    made = random_like(real, rng)
    for sign in (1, -1):
        assert torch.equal((made.signs == sign).sum((1, 2)), (real.signs == sign).sum((1, 2)))
    assert bool(is_weakly_connected(made).double().mean() > 0.95) and not torch.equal(made.signs, real.signs)


def test_the_judge_learns_what_is_there_and_is_off_where_nothing_is(tmp_path):
    rng = np.random.default_rng(1)
    judge, facts = fit_judge(planted(18, 10, rng, True), 0, draws=200)
    assert all(judge.has_a_say(n) for n in (6, 8, 9, 12)) and not judge.has_a_say(3) and not judge.has_a_say(13)
    assert np.mean(facts["9-12 genes, AUC"]) > 0.95 and len(facts) == 2 * len(RANGES)
    star = np.zeros((10, 10), dtype=np.int8)
    star[1:, 0] = -1
    ring = Circuit(np.roll(np.eye(10, dtype=np.int8), 1, 0) * -1)
    real, made = small_plausibility(judge, Circuit(star)), small_plausibility(judge, ring)
    assert real is not None and made is not None
    assert real.low <= real.p <= real.high and real.p > 0.8 > 0.3 > made.p
    again, told = load_judge(save_judge(judge, tmp_path / "judge.safetensors", dict(facts)))
    assert small_plausibility(again, ring) == made and told == facts
    nothing, _ = fit_judge(planted(18, 10, rng, False), 0, draws=200)
    off = [n for n in (4, 6, 9) if not nothing.has_a_say(n)]
    assert len(off) >= 2 and small_plausibility(nothing, Circuit(star[:9, :9])) is None or 9 not in off
    assert len(CircuitJudge().weight) == PARTS


def test_the_alarm_is_calibrated_on_its_own_kind_and_sees_what_is_dense():
    rng = np.random.default_rng(2)
    known = batch_of(planted(90, 20, rng, True))
    prior = torch.cat([known.sizes[:, None], contents_of(known.signs, known.sizes)], 1)
    fresh = [Circuit(a) for a in batch_of(planted(9, 30, rng, True)).matrices() if len(a) == 7]
    said = [unlikeness(prior, c) for c in fresh]
    assert np.mean([s is not None and s.alarm for s in said]) < 0.2
    dense = unlikeness(prior, Circuit(np.ones((7, 7), dtype=np.int8)))
    assert dense is not None and dense.alarm and dense.known == 200
    assert unlikeness(prior, Circuit(np.ones((3, 3), dtype=np.int8))) is None


@pytest.mark.parametrize(
    ("genes", "real", "alarm"), [(3, "off", "no"), (5, "off", "no"), (7, "p = ", "no"), (11, "p = ", "off")]
)
def test_pages_say_it_or_say_off(genes, real, alarm):
    """Chains: with the models of the package."""
    chain = Circuit.from_edges([(f"g{k}", f"g{k + 1}", 1) for k in range(genes - 1)])
    one, two = looks(chain)
    assert real in one and f"known: {alarm}" in two
    assert (looks_real(chain) is None) == (real == "off")


def test_pages_on_networks_of_all_sizes():
    for genes, real in ((20, "real network: p = "), (80, "real circuit: off")):
        one, two = looks(Circuit.from_edges([(f"g{k}", f"g{k // 3}", 1) for k in range(1, genes)]))
        assert real in one and "known: off" in two


def test_real_circuits_beat_random_ones():
    pytest.importorskip("pyboolnet")
    pytest.importorskip("cana", reason="cana is not installed: it does not build on Python 3.13")
    from advsci_circuits.data.networks import installed_networks

    rng = np.random.default_rng(3)
    real = [c for name, c in installed_networks().items() if 6 <= len(c) <= 12 and "random" not in name]
    judge = load_judge()[0]
    made = random_like(CircuitBatch.of(real), rng)
    pairs = [(judge(CircuitBatch.of([c])).mean(), judge(made[k : k + 1]).mean()) for k, c in enumerate(real)]
    ours, theirs = np.array(pairs).T
    assert len(real) > 10 and (ours[:, None] > theirs).mean() > 0.7
