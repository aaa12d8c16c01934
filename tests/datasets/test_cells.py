"""The simulator's truth is a truth: composition, counterfactual expectation, repeatability."""

import numpy as np
import pytest

from advsci.errors import ConfigError

pytest.importorskip("anndata")
from advsci_datasets.cells import CONFOUNDED, CellSimulator, simulate_cells, write_simulated


def crosstab(cells):
    import pandas as pd

    return pd.crosstab(cells.obs["batch"], cells.obs["cell_type"], normalize="index")


def test_composition_is_the_one_asked_for():
    cells = simulate_cells(6000, rng=np.random.default_rng(0), n_genes=20)
    found = crosstab(cells).to_numpy()
    # three standard errors of a multinomial share with 2,000 cells
    assert np.abs(found - np.asarray(CONFOUNDED)).max() < 3 * np.sqrt(0.25 / 2000)
    assert found[1, 5] == 0 and found[0, 6] == 0


def test_mean_counts_follow_the_expectation():
    simulator = CellSimulator.draw(np.random.default_rng(1), n_genes=30, composition=[[1.0]], batch_scale=0.0)
    cells = simulator.sample(20000, np.random.default_rng(2))
    expected = cells.layers["mu_true"] * np.asarray(cells.X.sum(axis=1)) / 1e4
    counts = cells.X.toarray()
    # gamma-Poisson: variance mu + (dispersion mu)^2, biased by conditioning on the total only at order 1/genes
    error = np.sqrt((expected + (simulator.dispersion * expected) ** 2).sum(axis=0)) / len(counts)
    assert (np.abs((counts - expected).mean(axis=0)) < 5 * error + 0.01 * expected.mean(axis=0)).all()


def test_truth_has_no_batch_effect():
    cells = simulate_cells(3000, rng=np.random.default_rng(3), n_genes=40)
    mu, obs = cells.layers["mu_true"], cells.obs
    means = [mu[(obs.cell_type == "type0") & (obs.batch == f"batch{b}")].mean(axis=0) for b in (0, 2)]
    raw = [
        np.asarray(cells.X[((obs.cell_type == "type0") & (obs.batch == f"batch{b}")).to_numpy()].mean(axis=0)).ravel()
        for b in (0, 2)
    ]
    true_gap = np.abs(np.log(means[0] / means[1])).mean()
    raw_gap = np.abs(np.log((raw[0] / raw[0].sum() + 1e-9) / (raw[1] / raw[1].sum() + 1e-9))).mean()
    assert true_gap < 0.05 < raw_gap


def test_the_missing_type_resembles_a_present_one():
    simulator = CellSimulator.draw(np.random.default_rng(4))
    log = np.log(simulator.of_type)
    assert np.linalg.norm(log[5] - log[2]) < 0.4 * np.linalg.norm(log[3] - log[2])


def test_nested_batches_of_one_group_are_alike():
    simulator = CellSimulator.draw(
        np.random.default_rng(5), composition=np.ones((4, 2)), groups=(0, 0, 1, 1), interaction=0.0
    )
    log = np.log(simulator.of_batch[:, 0])
    assert np.linalg.norm(log[0] - log[1]) < np.linalg.norm(log[0] - log[2])


def test_equal_seeds_give_equal_cells():
    a, b = (simulate_cells(200, rng=np.random.default_rng(6), n_genes=30) for _ in range(2))
    assert (a.X != b.X).nnz == 0 and (a.obs == b.obs).all(axis=None)


@pytest.mark.parametrize("composition", [[0.5, 0.5], [[0.5, -0.1]], [[0.0, 0.0]]])
def test_a_bad_composition_is_named(composition):
    with pytest.raises(ConfigError, match="composition"):
        CellSimulator.draw(np.random.default_rng(0), composition=composition)


@pytest.mark.parametrize("suffix", ["zarr", "h5ad"])
def test_a_file_is_written_in_chunks(suffix, tmp_path):
    import anndata

    path = tmp_path / f"a.{suffix}"
    write_simulated(path, 250, rng=np.random.default_rng(7), chunk=100, n_genes=20)
    cells = anndata.read_zarr(path) if suffix == "zarr" else anndata.read_h5ad(path)
    assert cells.shape == (250, 20) and cells.obs["batch"].nunique() == 3 and cells.obs_names.is_unique
    assert (np.asarray(cells.X.sum(axis=1)) > 0).all()
