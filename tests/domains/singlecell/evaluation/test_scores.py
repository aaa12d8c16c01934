"""Scores on embeddings whose score is known, and against scib-metrics."""

import numpy as np
import pytest

from advsci.errors import MissingDependencyError, ShapeError
from advsci_singlecell.evaluation.confounding import association, check_confounding
from advsci_singlecell.evaluation.scores import (
    batch_probe,
    correction_scores,
    fair_embedding,
    label_transfer,
    lisi,
    mixing_where_due,
    neighbourhood_purity,
    own_neighbours,
    phantom_mixing,
)


@pytest.fixture(scope="module")
def case():
    """Types a, b in both batches; c in batch 0 only. (types, batches, rng)"""
    y = np.array(["a"] * 80 + ["b"] * 80 + ["c"] * 40)
    b = np.array(["0", "1"] * 80 + ["0"] * 40)
    return y, b


def embedding(y, b, *, batch_gap=0.0, c_on_b=False):
    rng = np.random.default_rng(0)
    places = {"a": [0, 0], "b": [50, 0], "c": [50, 0] if c_on_b else [0, 50]}
    z = np.array([places[t] for t in y], float) + rng.normal(size=(len(y), 2))
    z[:, 1] += batch_gap * (b == "1")
    return z


def test_right_answer(case):
    s = correction_scores(embedding(*case), case[1], case[0])
    assert s["purity"] == 1.0 and s["purity of missing types"] == 1.0 and s["phantom mixing"] == 0.0
    assert s["mixing where due"] > 0.9 and s["label transfer F1"] == 1.0 and abs(s["batch probe, linear"]) < 0.2


def test_uncorrected(case):
    y, b = case
    z = embedding(y, b, batch_gap=15.0)
    assert mixing_where_due(own_neighbours(z, 15), y, b) == 0.0
    assert batch_probe(z, y, b) == 1.0 and batch_probe(z, y, b, probe="neighbours") == 1.0


def test_over_corrected(case):
    y, b = case
    n = own_neighbours(embedding(y, b, c_on_b=True), 15)
    assert neighbourhood_purity(n, y, b)[1] < 0.6
    assert 0.2 < phantom_mixing(n, y, b) < 0.5  # a third of the cells there are of batch 1
    assert label_transfer(embedding(y, b, c_on_b=True), y, b) < 1.0


def test_equal_cells_are_not_their_own_neighbours():
    n = own_neighbours(np.zeros((20, 2)), 5)
    assert n.shape == (20, 5) and not (n == np.arange(20)[:, None]).any()


def test_lisi_is_one_to_the_number_of_batches(case):
    y, b = case
    assert lisi(embedding(y, b, batch_gap=1e3), b) < 1.2
    rng = np.random.default_rng(1)
    assert lisi(rng.normal(size=(400, 2)), np.arange(400) % 2) == pytest.approx(2.0, abs=0.1)


def test_lisi_of_cells_that_are_all_equally_far_apart_counts_all_others_alike():
    n, m = 40, 20
    own, other = (m - 1) / (n - 1), m / (n - 1)
    for scale in (1.0, 1e4):  # distances beyond the range of exp in float32
        assert lisi(scale * np.eye(n), np.arange(n) % 2) == pytest.approx(1 / (own**2 + other**2), rel=1e-4)


def test_a_missing_scib_names_its_extra(monkeypatch):
    from advsci_singlecell.evaluation import scores

    monkeypatch.setattr(scores, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="scib"):
        scores.require_scib()


def test_scores_without_scib_lack_lisi_alone(monkeypatch):
    from advsci_singlecell.evaluation import scores

    rng = np.random.default_rng(0)
    y, b = np.arange(200) % 2, np.arange(200) // 100
    z = rng.normal(size=(200, 2)) + 9.0 * y[:, None]
    whole = correction_scores(z, b, y)
    monkeypatch.setattr(scores, "find_spec", lambda name: None)
    assert correction_scores(z, b, y).keys() == whole.keys() - {"iLISI", "cLISI"}


def test_the_embedding_to_score_by_given_labels_is_without_them():
    from types import SimpleNamespace

    made = {"advsci": {"labels_key": "type"}}
    labelled = SimpleNamespace(uns=made, obsm={"X_advsci": 0, "X_advsci_hidden": 0})
    assert fair_embedding(labelled, "type") == "X_advsci_hidden"
    assert fair_embedding(labelled, "other") == "X_advsci"
    assert fair_embedding(SimpleNamespace(uns={}, obsm={"X_advsci": 0}), "type") == "X_advsci"


def test_wrong_length_is_named(case):
    with pytest.raises(ShapeError, match="one row per cell"):
        correction_scores(np.zeros((3, 2)), case[1], case[0])


def test_association_is_cramers_v():
    assert association(np.array([[10, 0], [0, 10]])) == pytest.approx(1.0)
    assert association(np.array([[10, 10], [10, 10]])) == pytest.approx(0.0)


def test_confounding_is_found_and_said(case):
    import pandas as pd

    y, b = (pd.Series(values) for values in case)
    found = check_confounding(embedding(*case), b, y)
    assert found.missing == [("c", ["1"])] and any("'c' is missing from 1" in w for w in found.warnings)
    full = check_confounding(embedding(*case), b, b.map({"0": "ill", "1": "well"}), biology="condition")
    assert any("fully confounded" in w for w in full.warnings)
    rng = np.random.default_rng(3)
    balanced = check_confounding(
        rng.normal(size=(200, 4)), pd.Series(np.arange(200) % 2), pd.Series(np.arange(200) // 2 % 2)
    )
    assert balanced.warnings == [] and balanced.shared < 0.01


def test_shares_of_variance_add_up():
    import pandas as pd

    rng = np.random.default_rng(4)
    b, c = np.arange(400) % 2, np.arange(400) // 2 % 2
    x = np.stack([3.0 * b + rng.normal(size=400), 5.0 * c + rng.normal(size=400)], axis=1)
    found = check_confounding(x, pd.Series(b), pd.Series(c))
    total = x.var(axis=0).sum()
    assert found.batch_only == pytest.approx(2.25 / total, rel=0.2)
    assert found.other_only == pytest.approx(6.25 / total, rel=0.2)
    assert found.shared < 0.01


def test_unknown_is_not_scored_as_a_type():
    rng = np.random.default_rng(0)
    types, batch = np.repeat(["T", "B"], 100), np.tile(["one", "two"], 100)
    z = rng.normal(size=(200, 3)) + 20.0 * (types == "T")[:, None]
    seen = np.where(rng.random(200) < 0.2, types, "Unknown").astype(object)
    scores = correction_scores(z, batch, seen)
    assert scores["purity"] == 1.0 and scores["label transfer F1"] == 1.0
    assert correction_scores(z, batch, seen, unlabeled_category="?")["purity"] < 0.9


def test_a_type_of_few_cells_is_scored():
    rng = np.random.default_rng(1)
    types, batch = np.repeat(["many", "few"], [100, 20]), np.tile(["one", "two"], 60)
    assert np.isfinite(correction_scores(rng.normal(size=(120, 3)), batch, types)["batch probe, neighbours"])
