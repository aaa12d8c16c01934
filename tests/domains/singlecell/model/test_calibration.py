"""p-values of a query: uniform for a new batch, whatever its noise; small for what the reference lacks."""

from dataclasses import replace

import numpy as np
import pytest

from advsci.streams import Stream
from advsci_singlecell.model.calibration import Calibration
from advsci_singlecell.model.fitting import hold_out
from advsci_singlecell.model.model import Model


def batches(rng: np.random.Generator, count: int, cells: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Cells (n 4) of batches which scatter by unlike amounts about two types, and their batch numbers."""
    batch = np.repeat(np.arange(count), cells)
    spread = rng.lognormal(0.0, 0.4, count)[batch, None]
    types = rng.integers(2, size=len(batch))[:, None] * 8.0
    return types + spread * rng.normal(size=(len(batch), 4)), batch


def known_place(x: np.ndarray, batch: np.ndarray):
    """Batches of which nothing was fitted: held out, they lie where they are."""
    return lambda v: (x[batch != v], x[batch == v])


def test_p_values_of_new_batches_are_uniform():
    found = []
    for seed in range(8):
        x, batch = batches(np.random.default_rng(seed), 5)
        old = batch < 4
        reference = Calibration.fit(x[old], batch[old], known_place(x[old], batch[old]))
        found.append(reference.p_values(x[~old], np.zeros(150, int)))
    p = np.concatenate(found)
    assert 0.03 < (p < 0.05).mean() < 0.07 and 0.4 < p.mean() < 0.6


@pytest.mark.parametrize("cells", [60, 150, 1200])
def test_a_query_of_any_size_is_as_usual(cells):
    found = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        x, batch = rng.normal(size=(600, 4)), np.arange(600) % 4
        reference = Calibration.fit(x, batch, known_place(x, batch))
        found.append(reference.p_values(rng.normal(size=(cells, 4)), np.zeros(cells, int)))
    p = np.concatenate(found)
    assert 0.02 < (p < 0.05).mean() < 0.08 and 0.4 < p.mean() < 0.6


def test_a_reference_too_small_to_hold_a_batch_out_calls_nothing_unlike():
    x = np.random.default_rng(0).normal(size=(12, 3))
    batch = np.arange(12) % 2
    p = Calibration.fit(x, batch, known_place(x, batch)).p_values(x + 50.0, batch)
    assert (p == 1.0).all()


@pytest.mark.parametrize("method", ["chain", "counts"])
def test_what_a_held_out_batch_is_compared_with_has_not_seen_it(simulated, method):
    cells = simulated.copy()
    Model.setup_anndata(cells, batch_key="batch", labels_key="cell_type")
    model = Model(cells, steps=2, dimensions=20, method=method, device="cpu")
    of_held = model.cells.batch == 1
    about = {"stream": Stream(0), "obs": cells.obs, "fields": model.fields, "device": "cpu"}
    rest, held = hold_out(model.cells, 1, model.settings, **about)
    order = np.arange(len(of_held))
    order[of_held] = order[of_held][::-1]
    again, moved = hold_out(replace(model.cells, matrix=model.cells.matrix[order]), 1, model.settings, **about)
    np.testing.assert_array_equal(rest, again)
    np.testing.assert_allclose(moved[::-1], held, atol=1e-4)
    assert len(rest) == (~of_held).sum() and np.abs(held).max() > 0.0


def test_a_batch_of_nothing_but_a_new_type_is_unlike_the_reference():
    rng = np.random.default_rng(0)
    x, batch = batches(rng, 4)
    new = 16.0 + rng.normal(size=(150, 4))
    p = Calibration.fit(x, batch, known_place(x, batch)).p_values(new, np.zeros(150, int))
    assert (p < 0.05).mean() > 0.95


def test_the_p_value_is_its_formula():
    rng = np.random.default_rng(1)
    x, batch = batches(rng, 2, cells=40)
    z = rng.normal(size=(30, 4))
    found = Calibration.fit(x, batch, known_place(x, batch), k=3).p_values(z, np.zeros(30, int))

    def kth(a, b, k):
        return np.sort(np.linalg.norm(a[:, None] - b[None], axis=2), axis=1)[:, k - 1]

    p = []
    for v in (0, 1):
        own, other = x[batch == v], x[batch != v]
        s = kth(own, other, 3) / np.median(kth(own, own, 1 + 1))  # the third of 200 is the first of 40
        d = kth(z, other, 3) / np.median(kth(z, z, 1 + 1))
        p.append([(1 + (s >= di).sum()) / (1 + len(s)) for di in d])
    np.testing.assert_allclose(found, np.mean(p, axis=0))


def test_a_type_of_one_batch_alone_does_not_calibrate():
    rng = np.random.default_rng(0)
    x, batch = batches(rng, 3)
    types = (x[:, 0] > 4).astype(int)
    types[:50], x[:50] = 2, 40.0 + rng.normal(size=(50, 4))
    known, blind = (Calibration.fit(x, batch, known_place(x, batch), t) for t in (types, None))
    assert len(known.scores[0]) == 100 and len(blind.scores[0]) == 150
    far = np.full((30, 4), 20.0)
    far += rng.normal(size=far.shape)
    assert known.p_values(far, np.zeros(30, int)).max() < blind.p_values(far, np.zeros(30, int)).min()


@pytest.mark.parametrize("cells", [1, 5])
def test_few_cells_have_the_radius_of_the_reference(cells):
    x, batch = batches(np.random.default_rng(0), 3)
    reference = Calibration.fit(x, batch, known_place(x, batch))
    p = reference.p_values(x[:cells], np.zeros(cells, int))
    assert np.isfinite(p).all() and (p > 0).all() and (reference.p_values(x[:cells] + 90.0, batch[:cells]) < 0.01).all()


def test_batches_too_small_to_calibrate_do_so_together():
    x, batch = batches(np.random.default_rng(0), 3, cells=4)
    p = Calibration.fit(x, batch, known_place(x, batch)).p_values(x, batch)
    assert p.shape == (12,) and np.isfinite(p).all()


def test_of_a_held_out_simulated_batch_few_known_cells_are_called_unseen(simulated):
    shares = []
    for held in ("batch0", "batch2"):
        reference = simulated[simulated.obs.batch != held].copy()
        query = simulated[simulated.obs.batch == held].copy()
        Model.setup_anndata(reference, batch_key="batch")
        model = Model(reference, steps=2, dimensions=20, device="cpu").train()
        known = query.obs.cell_type.isin(reference.obs.cell_type.unique()).to_numpy()
        shares.append((model.map_query(query).p_value[known] < 0.05).mean())
    assert max(shares) < 0.15 and np.mean(shares) < 0.09
