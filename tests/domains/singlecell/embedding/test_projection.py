"""Components equal those of a dense decomposition, whatever the storage."""

import anndata
import numpy as np

from advsci_singlecell.data.files import read_cells
from advsci_singlecell.data.matrix import LIBRARY, chunks, log_normalise, median_library
from advsci_singlecell.embedding.projection import Projection, batch_share, select_genes


def dense(cells, library=1e4):
    x = cells.X.toarray()
    return np.log1p(library * x / x.sum(axis=1, keepdims=True))


def test_log_normalise_is_its_formula(cells):
    np.testing.assert_allclose(log_normalise(cells.X).toarray(), dense(cells), rtol=1e-5)


def test_the_library_is_the_median_up_to_ten_thousand(cells):
    totals = np.asarray(cells.X.sum(axis=1)).ravel()
    assert 1e3 < np.median(totals) < 1e4
    assert median_library(cells.X) == np.median(totals)
    assert median_library(cells.X, np.array([1, 4, 7])) == np.median(totals[[1, 4, 7]])
    assert median_library(100 * cells.X) == 1e4


def test_components_are_those_of_the_singular_value_decomposition(cells):
    y = dense(cells, np.median(np.asarray(cells.X.sum(axis=1))))
    found = Projection.fit(cells.X, np.arange(cells.n_vars), 5, counts=True, library=None)(cells.X)
    u, s, _ = np.linalg.svd(y - y.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs(found), np.abs(u[:, :5] * s[:5]), rtol=2e-2, atol=2e-2)


def test_the_share_of_the_batch_is_that_of_an_analysis_of_variance():
    rng = np.random.default_rng(0)
    x, batch = rng.normal(size=(60, 3)), np.repeat([0, 1, 2], [10, 20, 30])
    within = sum(((x[batch == b] - x[batch == b].mean(axis=0)) ** 2).sum() for b in range(3))
    np.testing.assert_allclose(batch_share(x, batch), 1 - within / ((x - x.mean(axis=0)) ** 2).sum())
    np.testing.assert_allclose(batch_share(np.eye(3)[batch], batch), 1.0)


def test_the_library_that_shows_less_of_the_batch_is_taken(cells):
    genes, shares, found = np.arange(cells.n_vars), {}, set()
    for seed in range(6):
        batch = np.random.default_rng(seed).integers(0, 2, cells.n_obs)  # neither of the two is always right
        for library in (LIBRARY, None):
            fitted = Projection.fit(cells.X, genes, 5, counts=True, library=library)
            shares[fitted.library] = batch_share(fitted(cells.X), batch)
        chosen = Projection.of_least_batch(cells.X, genes, 5, batch=batch)
        assert shares[chosen.library] == min(shares.values())
        found.add(chosen.library)
    assert len(found) == 2


def test_dense_sparse_backed_and_zarr_give_the_same(cells, tmp_path):
    genes = np.arange(0, 200, 3)
    expected = Projection.fit(cells.X, genes, 4, counts=True)(cells.X)
    cells.write_h5ad(tmp_path / "a.h5ad")
    cells.write_zarr(tmp_path / "a.zarr")
    stored = [
        cells.X.toarray(),
        anndata.read_h5ad(tmp_path / "a.h5ad", backed="r").X,
        read_cells(tmp_path / "a.zarr").X,
    ]
    for matrix in stored:
        np.testing.assert_allclose(
            Projection.fit(matrix, genes, 4, counts=True)(matrix), expected, rtol=1e-3, atol=1e-3
        )


def test_chunks_cover_every_row_once(cells):
    rows = np.array([5, 3, 400, 401, 402, 599])
    parts = list(chunks(cells.X, rows, size=2))
    assert np.concatenate([p for p, _ in parts]).tolist() == rows.tolist()
    assert (np.concatenate([b.toarray() for _, b in parts]) == cells.X[rows].toarray()).all()


def test_variable_genes_are_found_and_a_batch_cannot_select_its_own():
    rng = np.random.default_rng(0)
    x = rng.poisson(20.0, (400, 60)).astype(np.float32)
    batch = np.repeat([0, 1], 200)
    kind = rng.random(400) < 0.5
    x[:, :5] = rng.poisson(np.where(kind, 5.0, 35.0)[:, None], (400, 5))  # biology, in both batches
    x[batch == 1, 5:10] = rng.poisson(60.0, (200, 5))  # differs between batches only
    from scipy.sparse import csr_matrix

    assert set(select_genes(csr_matrix(x), batch, 5, counts=True)) == set(range(5))


def test_windows_of_a_stored_matrix_give_the_rows_asked_for(cells, tmp_path):
    cells.write_zarr(tmp_path / "a.zarr")
    rows = np.array([3, 5, 120, 121, 599])
    for size in (2, 100):
        parts = list(chunks(read_cells(tmp_path / "a.zarr").X, rows, size=size))
        assert [len(p) for p, _ in parts] == [len(p) for p, _ in chunks(cells.X, rows, size=size)]
        assert (np.concatenate([b.toarray() for _, b in parts]) == cells.X[rows].toarray()).all()


def test_components_and_counts_are_read_together(cells):
    rows = np.arange(5, 400, 3)
    projection = Projection.fit(cells.X, np.arange(50, 120), 8, counts=True)
    components, selected = projection.both(cells.X, rows)
    assert (components == projection(cells.X, rows)).all()
    assert (selected != projection.selected(cells.X, rows)).nnz == 0
