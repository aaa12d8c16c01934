"""p-values of a query: uniform for a new batch, whatever its noise; small for what the reference lacks."""

import numpy as np
import pytest

from advsci_singlecell.model.calibration import Calibration
from advsci_singlecell.model.model import Model


def batches(rng: np.random.Generator, count: int, cells: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Cells (n 4) of batches which scatter by unlike amounts about two types, and their batch numbers."""
    batch = np.repeat(np.arange(count), cells)
    spread = rng.lognormal(0.0, 0.4, count)[batch, None]
    types = rng.integers(2, size=len(batch))[:, None] * 8.0
    return types + spread * rng.normal(size=(len(batch), 4)), batch


def test_p_values_of_new_batches_are_uniform():
    found = []
    for seed in range(8):
        x, batch = batches(np.random.default_rng(seed), 5)
        old = batch < 4
        reference = Calibration.fit(x[old], x[old], batch[old])
        found.append(reference.p_values(x[~old], np.zeros(150, int)))
    p = np.concatenate(found)
    assert 0.03 < (p < 0.05).mean() < 0.07 and 0.4 < p.mean() < 0.6


def test_a_batch_of_nothing_but_a_new_type_is_unlike_the_reference():
    rng = np.random.default_rng(0)
    x, batch = batches(rng, 4)
    new = 16.0 + rng.normal(size=(150, 4))
    p = Calibration.fit(x, x, batch).p_values(new, np.zeros(150, int))
    assert (p < 0.05).mean() > 0.95


def test_the_p_value_is_its_formula():
    rng = np.random.default_rng(1)
    x, batch = batches(rng, 2, cells=40)
    z = rng.normal(size=(30, 4))
    found = Calibration.fit(x, x, batch, k=3).p_values(z, np.zeros(30, int))

    def kth(a, b, skip=0):
        return np.sort(np.linalg.norm(a[:, None] - b[None], axis=2), axis=1)[:, 2 + skip]

    p = []
    for v in (0, 1):
        own, other = x[batch == v], x[batch != v]
        s = kth(own, other) / np.median(kth(own, own, skip=1))
        d = kth(z, other) / np.median(kth(z, z, skip=1))
        p.append([(1 + (s >= di).sum()) / (1 + len(s)) for di in d])
    np.testing.assert_allclose(found, np.mean(p, axis=0))


def test_a_type_of_one_batch_alone_does_not_calibrate():
    rng = np.random.default_rng(0)
    x, batch = batches(rng, 3)
    types = (x[:, 0] > 4).astype(int)
    types[:50], x[:50] = 2, 40.0 + rng.normal(size=(50, 4))
    known, blind = (Calibration.fit(x, x, batch, t) for t in (types, None))
    assert len(known.scores[0]) == 100 and len(blind.scores[0]) == 150
    far = np.full((30, 4), 20.0)
    far += rng.normal(size=far.shape)
    assert known.p_values(far, np.zeros(30, int)).max() < blind.p_values(far, np.zeros(30, int)).min()


@pytest.mark.parametrize("cells", [1, 5])
def test_few_cells_have_the_radius_of_the_reference(cells):
    x, batch = batches(np.random.default_rng(0), 3)
    reference = Calibration.fit(x, x, batch)
    p = reference.p_values(x[:cells], np.zeros(cells, int))
    assert np.isfinite(p).all() and (p > 0).all() and (reference.p_values(x[:cells] + 90.0, batch[:cells]) < 0.01).all()


def test_batches_too_small_to_calibrate_do_so_together():
    x, batch = batches(np.random.default_rng(0), 3, cells=4)
    p = Calibration.fit(x, x, batch).p_values(x, batch)
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
