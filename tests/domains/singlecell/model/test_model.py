"""The model from AnnData to embedding, corrected expression, types, query and file."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from advsci.errors import CheckpointError, DataError
from advsci.streams import Stream
from advsci_singlecell.evaluation.scores import correction_scores
from advsci_singlecell.model.fitting import sketch_rows
from advsci_singlecell.model.model import Model
from advsci_singlecell.model.query import _share


@pytest.fixture(scope="module")
def trained(simulated):
    cells = simulated.copy()
    Model.setup_anndata(cells, batch_key="batch", labels_key="cell_type")
    return Model(cells, steps=60, dimensions=20).train()


@pytest.fixture(scope="module")
def unsupervised(simulated):
    cells = simulated.copy()
    Model.setup_anndata(cells, batch_key="batch")
    return Model(cells, steps=60, dimensions=20).train()


def test_batches_mix_and_types_stay(unsupervised):
    obs = unsupervised.adata.obs
    before = correction_scores(unsupervised.projection(unsupervised.cells.matrix), obs.batch, obs.cell_type)
    after = correction_scores(unsupervised.get_latent_representation(), obs.batch, obs.cell_type)
    assert after["mixing where due"] > before["mixing where due"] + 0.2
    assert after["purity"] > before["purity"] - 0.05 and after["phantom mixing"] < 0.1


def test_labels_separate_types(trained, unsupervised):
    obs = trained.adata.obs
    z = [m.get_latent_representation() for m in (trained, unsupervised)]
    purity = [correction_scores(e, obs.batch, obs.cell_type)["purity"] for e in z]
    assert purity[0] >= purity[1] and silhouette_score(z[0], obs.cell_type) > silhouette_score(z[1], obs.cell_type)
    assert (np.asarray(trained.predict()) == obs.cell_type.astype(str)).mean() > 0.9
    soft = trained.predict(soft=True)
    np.testing.assert_allclose(soft.sum(axis=1), 1.0, rtol=1e-4)


def test_equal_seeds_give_equal_embeddings(simulated):
    embeddings = []
    for _ in range(2):
        cells = simulated.copy()
        Model.setup_anndata(cells, batch_key="batch")
        embeddings.append(Model(cells, steps=15, dimensions=10, seed=3).train().get_latent_representation())
    assert (embeddings[0] == embeddings[1]).all()


def test_a_subset_lands_where_it_did(trained):
    some = trained.adata[10:60].copy()
    np.testing.assert_allclose(
        trained.get_latent_representation(some), trained.get_latent_representation()[10:60], rtol=1e-3, atol=1e-3
    )


def test_genes_in_another_order_and_further_ones_are_put_right(trained):
    some = trained.adata[10:60, ::-1].copy()
    expected = trained.get_latent_representation(trained.adata[10:60].copy())
    assert np.array_equal(trained.get_latent_representation(some), expected)
    with pytest.raises(DataError, match="without 20 of 200 genes"):
        trained.get_latent_representation(some[:, 20:].copy())


def test_corrected_expression_is_nearer_to_the_truth_than_the_counts(unsupervised):
    adata = unsupervised.adata
    genes = adata.var_names[np.asarray(adata.X.mean(axis=0)).ravel() > 0.5][:40].tolist()
    corrected = unsupervised.get_corrected_expression(batch="batch0", genes=genes).to_numpy()
    truth = adata[:, genes].layers["mu_true"]
    counts = adata[:, genes].X.toarray()
    counts = 1e4 * counts / np.asarray(adata.X.sum(axis=1))

    def error(x):
        return np.abs(np.log1p(x) - np.log1p(truth)).mean()

    assert error(corrected) < 0.6 * error(counts)


def test_corrected_expression_follows_a_gene_better_than_a_mean_of_15_neighbours(unsupervised):
    cells, z = unsupervised.adata, unsupervised.get_latent_representation()
    near = np.linalg.norm(z[:, None] - z[None], axis=2).argsort(axis=1)[:, :15]
    counts = cells.X.toarray()
    plain = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))[near].mean(axis=1)
    ours = np.log1p(unsupervised.get_corrected_expression(genes=list(cells.var_names)).to_numpy())
    truth = np.log1p(cells.layers["mu_true"])

    def correlation(value):
        a, b = value - value.mean(axis=0), truth - truth.mean(axis=0)
        return np.median((a * b).sum(axis=0) / np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0) + 1e-12))

    assert correlation(ours) > correlation(plain) + 0.05


def test_corrected_expression_does_not_know_its_batch(unsupervised):
    obs = unsupervised.adata.obs
    genes = unsupervised.adata.var_names[:60].tolist()
    of_type = (obs.cell_type == "type3").to_numpy()
    gaps = []
    x = unsupervised.adata[:, genes].X.toarray()
    raw = np.log1p(1e4 * x / np.asarray(unsupervised.adata.X.sum(axis=1)))
    for values in (raw, np.log1p(unsupervised.get_corrected_expression(genes=genes).to_numpy())):
        means = [values[of_type & (obs.batch == b).to_numpy()].mean(axis=0) for b in ("batch0", "batch1")]
        gaps.append(np.abs(means[0] - means[1]).mean())
    assert gaps[1] < 0.3 * gaps[0]


def test_genes_outside_the_selection_are_corrected_too(simulated):
    cells = simulated.copy()
    Model.setup_anndata(cells, batch_key="batch")
    model = Model(cells, steps=5, dimensions=10, genes=100).train()
    outside = cells.var_names[~np.isin(np.arange(cells.n_vars), model.projection.genes)][:5].tolist()
    values = model.get_corrected_expression(genes=[*outside, cells.var_names[model.projection.genes[0]]])
    assert values.shape == (cells.n_obs, 6) and np.isfinite(values.to_numpy()).all() and (values >= 0).all(axis=None)


def test_a_saved_model_is_the_same_model(trained, tmp_path):
    trained.save(tmp_path / "m")
    again = Model.load(tmp_path / "m", trained.adata.copy())
    assert (again.get_latent_representation() == trained.get_latent_representation()).all()
    assert (again.predict() == trained.predict()).all()


def test_a_saved_model_refuses_other_genes_and_broken_files(trained, tmp_path):
    file = trained.save(tmp_path / "m")
    with pytest.raises(DataError, match="another order"):
        Model.load(tmp_path / "m", trained.adata[:, ::-1].copy())
    with pytest.raises(DataError, match="without 5 of 200 genes"):
        Model.load(tmp_path / "m", trained.adata[:, 5:].copy())
    with pytest.raises(CheckpointError, match="no model"):
        Model.load(tmp_path / "nowhere", trained.adata)
    whole = file.read_bytes()
    for broken in (whole[:-10], whole[:-10] + bytes(10)):
        file.write_bytes(broken)
        with pytest.raises(CheckpointError, match="model.safetensors"):
            Model.load(tmp_path / "m", trained.adata)


def test_unseen_batches_are_for_map_query(trained):
    query = trained.adata[:100].copy()
    query.obs["batch"] = "new"
    with pytest.raises(DataError, match="map_query"):
        trained.get_latent_representation(query)


def test_query_cells_are_placed_and_unseen_types_are_reported(simulated):
    # reference: batches 0 and 1 (without type 6); query: batch 2, in which type 6 is new
    reference = simulated[simulated.obs.batch != "batch2"].copy()
    query = simulated[simulated.obs.batch == "batch2"].copy()
    Model.setup_anndata(reference, batch_key="batch", labels_key="cell_type")
    model = Model(reference, steps=30, dimensions=20).train()
    found = model.map_query(query)
    new = (query.obs.cell_type == "type6").to_numpy()
    assert found.unseen_batches == ["batch2"] and found.missing_genes == []
    assert np.median(found.p_value[new]) < np.median(found.p_value[~new])
    right = (np.asarray(found.types)[~new] == query.obs.cell_type.astype(str)[~new]).mean()
    assert right > 0.6


def test_a_query_is_compared_with_the_reference_placed_without_its_own_labels(trained):
    query = trained.adata[:100].copy()
    query.obs["batch"] = "new"
    found = trained.map_query(query)
    reference = trained.calibration()
    np.testing.assert_array_equal(reference.cells, trained.get_latent_representation(labels=False))
    np.testing.assert_array_equal(found.p_value, reference.p_values(found.embedding, np.zeros(100, int)))


def test_the_reference_is_embedded_once_for_all_queries(trained, monkeypatch):
    model, query = trained, trained.adata[:20].copy()
    query.obs["batch"] = "new"
    first = model.map_query(query)
    monkeypatch.setattr(model, "embed_rows", None)
    assert np.array_equal(model.map_query(query).p_value, first.p_value)


def test_a_query_may_lack_some_genes_but_not_most(trained):
    query = trained.adata[:80].copy()
    query.obs["batch"] = "new"
    found = trained.map_query(query[:, 20:][:, ::-1].copy())
    assert len(found.missing_genes) == 20 and np.isfinite(found.embedding).all()
    with pytest.raises(DataError, match="expected at least 50%"):
        trained.map_query(query[:, 150:].copy())


def test_genes_that_only_the_query_has_change_nothing(trained):
    import anndata

    query = trained.adata[:60].copy()
    query.obs["batch"] = "new"
    more = anndata.AnnData(
        np.concatenate([query.X.toarray(), np.full((60, 9), 40.0, np.float32)], axis=1), obs=query.obs
    )
    more.var_names = [*query.var_names, *(f"other{i}" for i in range(9))]
    np.testing.assert_allclose(trained.map_query(more).embedding, trained.map_query(query).embedding, atol=1e-5)


def test_genes_that_a_query_lacks_count_with_their_share_of_the_reference(trained):
    query = trained.adata.copy()
    query.obs["batch"] = "new"
    whole = trained.map_query(query).embedding
    few = trained.map_query(query[:, 40:].copy()).embedding
    counts = query[:, 40:].copy()
    counts.X = counts.X * 3.0  # totals of the genes that are there must not matter, only their shares
    np.testing.assert_allclose(trained.map_query(counts).embedding, few, atol=1e-4)
    genes = np.isin(trained.cells.var_names, query.var_names[40:])
    assert 0.5 < _share(trained, genes) < 0.95
    same = [np.corrcoef(whole[:, i], few[:, i])[0, 1] for i in range(3)]
    assert min(same) > 0.8


def test_a_query_without_batches_is_told_how_to_name_them(trained):
    query = trained.adata[:20].copy()
    del query.obs["batch"]
    with pytest.raises(DataError, match=r"adata\.obs\['batch'\] = 'query'"):
        trained.map_query(query)


def test_covariates_groups_and_protection_make_players(simulated):
    cells = simulated.copy()
    cells.obs["sex"] = np.where(np.arange(cells.n_obs) % 2, "f", "m")
    cells.obs["phase"] = np.random.default_rng(0).normal(size=cells.n_obs)
    Model.setup_anndata(
        cells,
        batch_key="batch",
        categorical_covariate_keys=["sex"],
        continuous_covariate_keys=["phase"],
        adversarial_group_key="cell_type",
        protected_key="sex",
    )
    record = Model(cells, steps=5, dimensions=10).train().history[-1]
    assert {"batch/domain", "of sex/domain", "of phase/domain"} <= set(record)


def test_a_sketch_takes_as_many_of_every_batch():
    batch = np.repeat([0, 1, 2], [10, 100, 1000])
    rows = sketch_rows(batch, 150, Stream(0))
    assert np.bincount(batch[rows]).tolist() == [10, 70, 70]


def test_gaussian_likelihood_takes_log_data(simulated):
    cells = simulated.copy()
    x = cells.X.toarray()
    cells.X = np.log1p(1e4 * x / x.sum(axis=1, keepdims=True))
    Model.setup_anndata(cells, batch_key="batch")
    model = Model(cells, likelihood="gaussian", steps=5, dimensions=10).train()
    assert np.isfinite(model.get_corrected_expression().to_numpy()).all()


def test_genes_of_another_case_are_advised_upon(trained):
    query = trained.adata[:20].copy()
    query.var_names = [name.upper() + "X" for name in query.var_names]
    with pytest.raises(DataError, match="genes named as in the reference"):
        trained.map_query(query)
    query.var_names = [name.removesuffix("X") for name in query.var_names]
    with pytest.raises(DataError, match="upper and lower case"):
        trained.map_query(query)
