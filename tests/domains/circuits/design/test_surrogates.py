"""Surrogates that are fitted once: what they are fitted to, what they rank, and that a search uses them as they are."""

import pytest
import torch

from advsci.errors import CheckpointError
from advsci.streams import Stream
from advsci.training import Run
from advsci_circuits.design import posterior, surrogates
from advsci_circuits.design.posterior import Budget, design
from advsci_circuits.design.surrogates import FunctionSurrogates, fit_surrogate, judged_circuits
from advsci_circuits.dynamics.robustness import robustness
from advsci_circuits.graphs import CircuitBatch, canonical_keys, is_valid
from advsci_circuits.graphs.edges import edges_of
from advsci_circuits.store import load_surrogates, save_surrogates

SMALL = Budget(models=2500, chains=8, steps=12, rounds=1, first_sets=8, sets=20, fit_steps=5)


def test_circuits_are_judged_once_per_class_and_more_and_more_of_them_do_it():
    signs, shares = judged_circuits("oscillation", 3, None, 240, Stream(0), sets=50)
    assert len(set(canonical_keys(list(signs.numpy())))) == len(signs) == len(shares)
    assert bool(is_valid(CircuitBatch(signs, torch.full((len(signs),), 3))).all())
    first, last = shares[: len(shares) // 3], shares[-len(shares) // 3 :]
    assert float((last >= 0.01).double().mean()) > float((first >= 0.01).double().mean())
    again = robustness(signs, "oscillation", Stream(9), 200).share
    assert float(torch.corrcoef(torch.stack([again, shares]))[0, 1]) > 0.7


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("surrogate"))
    return run, *fit_surrogate("oscillation", None, 0, run, sizes=(3,), count=600, steps=300, device="cpu")


def test_a_fitted_surrogate_ranks_classes_that_it_has_not_seen(fitted):
    _, surrogate, facts = fitted
    assert facts["circuits"] > 200 and facts["AUC of 1%"] > 0.8
    ring = torch.tensor([[[0, 0, -1], [-1, 0, 0], [0, -1, 0]], [[0, 0, 1], [1, 0, 0], [0, 1, 0]]], dtype=torch.int8)
    negative, positive = surrogate(edges_of(ring), torch.full((2, 1), 3.0)).mean(1)[:, 0]
    assert negative > positive + 0.05  # a ring of repressors oscillates, a ring of activators never does


def test_a_repeated_fit_simulates_nothing_again(fitted, monkeypatch):
    run, surrogate, facts = fitted
    monkeypatch.setattr(surrogates, "judged_circuits", lambda *_, **__: pytest.fail("simulated again"))
    again, told = fit_surrogate("oscillation", None, 0, run, sizes=(3,), count=600, steps=300, device="cpu")
    assert told == facts
    assert all(
        torch.equal(a, b) for a, b in zip(again.state_dict().values(), surrogate.state_dict().values(), strict=True)
    )


def test_what_is_not_known_is_none():
    some = FunctionSurrogates(("oscillation", "band-pass"), (3, 4), 8, 1)
    assert some.of("oscillation", 4) is some.each["oscillation"] and some.of("band-pass", 3) is not None
    assert some.of("memory", 4) is None and some.of("oscillation", 5) is None
    assert some.of("oscillation", 4, logic="average") is None


def test_a_search_takes_a_known_surrogate_as_it_is(fitted, monkeypatch):
    _, surrogate, _ = fitted
    known = FunctionSurrogates(("oscillation",), (3,))
    known.each["oscillation"] = surrogate
    before = [p.clone() for p in surrogate.parameters()]
    fitting = []
    monkeypatch.setattr(posterior, "_fit", lambda *a: fitting.append(a))
    found = design(None, "oscillation", Stream(1), max_genes=3, best=1, budget=SMALL, surrogates=known)
    assert found.proposals[0].share > 0 and not fitting
    assert all(torch.equal(a, b) for a, b in zip(before, surrogate.parameters(), strict=True))
    design(None, "bistability", Stream(1), max_genes=3, best=1, budget=SMALL, surrogates=known)
    assert len(fitting) == 1  # what nothing is known of is learned


def test_surrogates_are_written_and_read(tmp_path):
    with Stream(3).seeded():
        some = FunctionSurrogates(("oscillation", "memory"), (3, 4), 8, 1)
    again, facts = load_surrogates(save_surrogates(some, tmp_path / "some.safetensors", {"functions": {}}))
    assert again.functions == some.functions and again.sizes == some.sizes and facts == {"functions": {}}
    x, size = edges_of(torch.eye(4, dtype=torch.int8)[None]), torch.full((1, 1), 4.0)
    one, two = (s.each["memory"](x, size) for s in (some, again))
    assert torch.allclose(one, two, atol=1e-2)  # stored in half precision
    with pytest.raises(CheckpointError, match="train --surrogates"):
        load_surrogates(tmp_path / "none.safetensors")
