"""Designs by their posterior: a normalised likelihood, chains that sample what they should, rules that hold."""

import itertools
import math

import numpy as np
import pytest
import torch

from advsci.errors import ConfigError, DataError, ShapeError
from advsci.streams import Stream
from advsci_circuits.design.chains import propose, run_chains, split_r_hat
from advsci_circuits.design.fitting import held_out_surprise
from advsci_circuits.design.likelihood import CircuitLikelihood, LikelihoodGame, SizeLikelihood, renamed
from advsci_circuits.design.posterior import Budget, design
from advsci_circuits.design.rules import Rules, is_dual
from advsci_circuits.game.held_out import LeastSurprised
from advsci_circuits.graphs import Circuit, canonical_keys, is_valid
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.messengers import without_messengers
from advsci_circuits.graphs.variation import random_circuits

EVERY = torch.tensor(list(itertools.product((-1, 0, 1), repeat=4)), dtype=torch.int8).view(-1, 2, 2)
"""All circuits of two genes."""
SMALL = Budget(models=2500, chains=8, steps=12, rounds=1, first_sets=8, sets=20, fit_steps=5)


def test_the_likelihood_sums_to_one_and_knows_no_names():
    with Stream(0).seeded():
        network = SizeLikelihood(2, 16)
    assert float(network(EVERY).detach().exp().sum()) == pytest.approx(1, abs=1e-5)
    assert float(network.as_named(EVERY).detach().exp().sum()) == pytest.approx(1, abs=1e-5)
    swapped = renamed(EVERY, torch.tensor([[1, 0]]).expand(len(EVERY), 2))
    assert torch.allclose(network(EVERY), network(swapped), atol=1e-5)
    assert not torch.allclose(network.as_named(EVERY), network.as_named(swapped), atol=1e-3)


def test_samples_have_the_frequencies_of_the_likelihood():
    with Stream(1).seeded():
        network = SizeLikelihood(2, 16)
    drawn = network.sample(20_000, Stream(2))
    code = ((drawn.flatten(1).long() + 1) * torch.tensor([27, 9, 3, 1])).sum(1)
    frequency = torch.bincount(code, minlength=81) / len(code)
    p = network.as_named(EVERY).exp().detach()
    assert float((frequency - p).abs().max()) < 5 * math.sqrt(float(p.max()) / 20_000)


def test_training_makes_real_circuits_likelier(tmp_path):
    from advsci.solvers import Alternating
    from advsci.training import Trainer

    ring = torch.tensor([[[0, 0, -1], [-1, 0, 0], [0, -1, 0]]], dtype=torch.int8).expand(64, 3, 3)
    with Stream(0).seeded():
        network = SizeLikelihood(3, 32)
    best = LeastSurprised("likelihood", held_out_surprise(ring[:8]), tmp_path / "best.safetensors")
    trainer = Trainer(steps=300, batch_size=32, device="cpu", quiet=True, log_every=20, callbacks=[best])
    trainer.fit(LikelihoodGame(network), {"signs": ring}, Alternating(lambda p: torch.optim.Adam(p, lr=1e-2)))
    # a ring of three has two namings, each with probability near one half
    assert float(network(ring[:1]).detach()) > math.log(0.3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    best.restore(network)
    assert float(network.as_named(ring[:8]).mean()) == pytest.approx(-best.surprise, abs=1e-5)


def test_a_size_that_was_not_trained_is_named():
    with pytest.raises(ShapeError, match="7 genes"):
        CircuitLikelihood((3, 4)).of(7)


def test_chains_sample_their_density():
    """Two genes, all circuits that are valid: visits against the exact density."""
    table = torch.linspace(-1, 1, 81)
    power = torch.tensor([27, 9, 3, 1])

    def energy(signs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        value = table[((signs.flatten(1).long() + 1) * power).sum(1)]
        return value, 0.5 * value

    rules = Rules(dual=True)
    able = rules.allow(EVERY)
    start = EVERY[able][:1].expand(4000, 2, 2)
    found = run_chains(energy, start, rules, Stream(3), 60)
    exact = torch.where(able, (1.5 * table).exp(), 0.0)
    exact = exact / exact.sum()
    code = ((found.signs.flatten(1).long() + 1) * power).sum(1)
    frequency = torch.bincount(code, minlength=81) / len(code)
    assert float((frequency - exact).abs().max()) < 5 * math.sqrt(float(exact.max()) / 4000)
    assert 0 < found.acceptance < 1 and found.r_hat < 1.2


def test_a_proposal_leaves_the_kept_genes_alone():
    signs = random_circuits(4, 200, np.random.default_rng(0))
    changed = propose(signs, Stream(0), fixed=2)
    assert (changed[:, :2, :2] == signs[:, :2, :2]).all()
    assert ((changed != signs).flatten(1).sum(1) <= 4).all() and (changed != signs).any()


def test_r_hat_tells_chains_that_disagree():
    same = Stream(0).normal((200, 8))
    assert split_r_hat(same) < 1.05
    assert split_r_hat(same + torch.arange(8.0)) > 1.5
    assert split_r_hat(same + torch.linspace(0, 5, 200)[:, None]) > 1.3


@pytest.mark.parametrize("dual", [False, True])
def test_rules_hold_of_what_they_allow(dual):
    keep = Circuit.from_edges([("A", "B", 1), ("A", "A", -1)])
    rules = Rules(2, dual, keep)
    signs = random_circuits(4, 3000, np.random.default_rng(1))
    able = rules.start(signs)
    able = able[rules.allow(able)]
    assert len(able) > 20
    assert (able[:, :2, :2] == torch.from_numpy(keep.signs.copy())).all()
    assert bool(is_valid(CircuitBatch(able, torch.full((len(able),), 4)), 2).all())
    if not dual:  # A is dual in the user's own circuit, and may stay so
        assert not bool(is_dual(able)[:, 1:].any()) and bool(is_dual(able)[:, 0].all())
    only = Rules(gates=[{"gate": "a"}, {"gate": "b"}])
    built = only.start(signs)
    built = built[only.allow(built)]
    assert len(built) and not bool((built > 0).any()) and int((built < 0).any(1).sum(1).max()) <= 2


def test_designs_obey_and_are_not_the_users_own():
    keep = Circuit.from_edges([("A", "B", -1), ("B", "A", -1)])
    found = design(None, "bistability", Stream(0), max_genes=3, rules=Rules(keep=keep), best=3, budget=SMALL)
    assert found.proposals and found.models <= SMALL.models
    for proposal in found.proposals:
        assert len(proposal.circuit) == 3 and proposal.circuit.genes[:2] == ("A", "B") and proposal.share > 0
        assert proposal.circuit.induced(["A", "B"]) == Circuit(keep.signs, keep.genes, proposal.circuit.name)
        assert not is_dual(torch.from_numpy(proposal.circuit.signs.copy())[None]).any()
    shares = [p.low for p in found.proposals]
    assert shares == sorted(shares, reverse=True)
    same = design(None, "bistability", Stream(0), max_genes=3, rules=Rules(keep=keep), best=3, budget=SMALL)
    assert [p.key for p in same.proposals] == [p.key for p in found.proposals]


def test_several_sizes_and_weights():
    likelihood = CircuitLikelihood((3, 4), 16)
    found = design(likelihood, "memory", Stream(1), max_genes=4, best=2, budget=SMALL, fronts=(0.0,))
    assert {(row["genes"], row["weight"]) for row in found.facts} == {(3, 1.0), (3, 0.0), (4, 1.0), (4, 0.0)}
    assert all(p.log_likelihood is not None for p in found.proposals)


def test_what_cannot_be_designed_is_named():
    with pytest.raises(ConfigError, match="flying"):
        design(None, "flying", Stream(0))
    big = Circuit.from_edges([(f"G{i}", f"G{i + 1}", 1) for i in range(5)])
    with pytest.raises(ConfigError, match="6 genes to keep"):
        design(None, "oscillation", Stream(0), rules=Rules(keep=big))
    with pytest.raises(DataError, match="obeys the rules"):
        design(None, "oscillation", Stream(0), rules=Rules(gates=[]), budget=SMALL)


def test_messengers_join_their_proteins():
    edges = [("mA", "A", 1), ("mB", "B", 1), ("mC", "C", 1), ("A", "mB", -1), ("B", "mC", -1), ("C", "mA", -1)]
    joined, pairs = without_messengers(Circuit.from_edges(edges))
    assert set(joined.edges) == {("A", "B", -1), ("B", "C", -1), ("C", "A", -1)}
    assert pairs == [("mA", "A"), ("mB", "B"), ("mC", "C")]
    chain = Circuit.from_edges([("A", "B", 1), ("B", "C", 1), ("C", "A", -1), ("A", "C", 1)])
    once, _ = without_messengers(chain)
    assert canonical_keys([once]) != canonical_keys([chain]) or once == chain
