"""Effects in closed form; a correction that shifts a batch back keeps the markers and clears the batch."""

import numpy as np
import pytest

from advsci_singlecell.evaluation.markers import batch_genes, effects, marker_table, markers


@pytest.fixture(scope="module")
def case():
    """Genes 0-2 mark type a, 3-5 type b; genes 10-19 are shifted in batch 1. (truth, measured, types, batch)"""
    rng = np.random.default_rng(0)
    types, batch = np.repeat(["a", "b"], 200), np.tile(["0", "1"], 200)
    truth = rng.normal(size=(400, 40))
    truth[types == "a", :3] += 3.0
    truth[types == "b", 3:6] += 3.0
    measured = truth.copy()
    measured[np.ix_(batch == "1", np.arange(10, 20))] += 2.0
    return truth, measured, types, batch


def test_the_effect_of_a_shift_is_the_shift_over_the_spread():
    rng = np.random.default_rng(1)
    x = 2.0 * rng.normal(size=(4000, 1))
    group = np.arange(4000) % 2 == 0
    x[group] += 1.0
    assert effects(x, group)[0] == pytest.approx(0.5, abs=0.1)


def test_after_a_correction_the_unit_is_the_spread_before():
    rng = np.random.default_rng(2)
    measured = rng.normal(size=(2000, 1))
    group = np.arange(2000) % 2 == 0
    expected = np.where(group, 0.2, 0.0)[:, None]  # without any spread of its own
    assert effects(expected, group, measured)[0] == pytest.approx(0.2, abs=0.02)
    assert effects(expected, group)[0] > 100


def test_markers_are_found_best_first(case):
    found = markers(case[0], case[2], 3)
    assert set(found["a"]) == {0, 1, 2} and set(found["b"]) == {3, 4, 5}


def test_genes_of_the_batch_are_counted_within_the_type(case):
    truth, measured, types, batch = case
    assert batch_genes(measured, types, batch, "a") == pytest.approx(0.25, abs=0.03)  # 10 of 40
    assert batch_genes(truth, types, batch, "a") < 0.03
    assert np.isnan(batch_genes(truth, types, np.where(types == "a", "0", batch), "a"))


def test_the_table_says_what_stayed_and_what_went(case):
    truth, measured, types, batch = case
    rows = marker_table(measured, truth, np.array([f"g{i}" for i in range(40)]), types, batch)
    assert [row["type"] for row in rows] == ["a", "b"]
    assert {"g0", "g1", "g2"} <= set(str(rows[0]["markers after"]).split(", "))
    before, after = (float(str(rows[0][key])) for key in ("genes that differ between batches, before", "after"))
    assert before > 0.2 > 0.03 > after
