"""Every bad input is a named error before any training, with what to try."""

import warnings

import numpy as np
import pytest
from scipy import sparse

from advsci.errors import ConfigError, DataError
from advsci_singlecell.data.cells import Cells
from advsci_singlecell.data.fields import Fields
from advsci_singlecell.data.files import read_cells
from advsci_singlecell.data.matrix import chunks
from advsci_singlecell.model.model import Model


def made(cells, **changes):
    keys = {"batch_key": "batch", **{k: v for k, v in changes.items() if k not in ("likelihood",)}}
    Model.setup_anndata(cells, **keys)
    return Model(cells, likelihood=changes.get("likelihood", "nb"))


def replaced(cells, f):
    x = cells.X.toarray()
    f(x)
    cells.X = x
    return cells


BY_TWO = [f"b{i // 2}" for i in range(600)]
BAD = {
    "missing key": (lambda c: made(c, batch_key="bacth"), "Try: 'batch'"),
    "missing labels key": (lambda c: made(c, labels_key="celltype"), "Try: 'cell_type'"),
    "missing layer": (lambda c: made(c, layer="count"), "got no layer 'count'"),
    "NaN": (lambda c: made(replaced(c, lambda x: x.__setitem__((3, 4), np.nan))), "first in cell 3"),
    "infinity": (lambda c: made(replaced(c, lambda x: x.__setitem__((3, 4), np.inf))), "infinity"),
    "negative": (lambda c: made(replaced(c, lambda x: x.__setitem__((0, 0), -1.0))), "negative values in X"),
    "log data": (lambda c: made(replaced(c, lambda x: np.log1p(x, out=x))), "look log-transformed"),
    "normalised": (
        lambda c: made(replaced(c, lambda x: np.multiply(x, 1e4 / x.sum(axis=1, keepdims=True), out=x))),
        "expected raw counts",
    ),
    "counts for gaussian": (lambda c: made(c, likelihood="gaussian"), "look like raw counts"),
    "one batch": (lambda c: made(c[c.obs.batch == "batch0"].copy()), "got one batch"),
    "tiny batch": (lambda c: made(c[[0, *range(200, 600)]].copy()), "fewer than two cells"),
    "many tiny batches": (
        lambda c: (c.obs.__setitem__("batch", BY_TWO), made(c)),
        "got 300 batches in obs['batch'], half",
    ),
    "empty cell": (lambda c: made(replaced(c, lambda x: x.__setitem__(5, 0.0))), "1 cells without any counts"),
    "no cells": (lambda c: made(c[:0].copy()), "got 0 cells"),
    "duplicate genes": (lambda c: (setattr(c, "var_names", ["g"] * c.n_vars), made(c)), "duplicate var_names"),
    "duplicate cells": (lambda c: (setattr(c, "obs_names", ["c"] * c.n_obs), made(c)), "obs_names_make_unique"),
    "batch without a name": (
        lambda c: (setattr(c, "obs", c.obs.assign(batch=c.obs.batch.where(np.arange(600) != 2))), made(c)),
        "without a value",
    ),
    "no label at all": (lambda c: (c.obs.__setitem__("l", "Unknown"), made(c, labels_key="l")), "no labelled cell"),
    "text as number": (lambda c: made(c, continuous_covariate_keys=["cell_type"]), "expected numbers"),
    "not set up": (lambda c: Model(c), "Model.setup_anndata"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(cells, name):
    act, message = BAD[name]
    with pytest.raises(DataError) as error:
        act(cells)
    assert message in str(error.value) and "Try:" in str(error.value)


def test_remedy_names_the_layer_that_holds_counts(cells):
    cells.layers["raw_counts"] = cells.X.copy()
    replaced(cells, lambda x: np.log1p(x, out=x))
    with pytest.raises(DataError, match="layer='raw_counts'"):
        made(cells)
    made(cells, layer="raw_counts")


def test_remedy_names_raw_where_no_layer_holds_counts(cells):
    cells.raw = cells.copy()
    replaced(cells, lambda x: np.log1p(x, out=x))
    with pytest.raises(DataError, match=r"adata\.raw\.to_adata\(\)"):
        made(cells)


def test_several_modalities_are_refused_by_name(cells):
    class Modalities:
        mod = {"prot": cells, "rna": cells}

    with pytest.raises(DataError, match=r"got a Modalities.*expected an AnnData.*mod\['prot'\]"):
        Model.setup_anndata(Modalities(), batch_key="batch")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="expected an AnnData"):
        Model.setup_anndata(cells.X, batch_key="batch")


@pytest.mark.parametrize(("per_batch", "warned"), [(12, True), (20, False)])
def test_batches_that_look_like_barcodes_are_named(cells, per_batch, warned):
    cells.obs["batch"] = [f"b{i // per_batch}" for i in range(cells.n_obs)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made(cells)
    assert any("barcodes" in str(w.message) for w in caught) == warned


def test_truncated_file(cells, tmp_path):
    cells.write_h5ad(tmp_path / "a.h5ad")
    content = (tmp_path / "a.h5ad").read_bytes()
    (tmp_path / "b.h5ad").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError):
        read_cells(tmp_path / "b.h5ad")


def test_a_folder_that_is_no_zarr(tmp_path):
    with pytest.raises(DataError, match="AnnData in zarr"):
        read_cells(tmp_path)


def test_an_untrained_model_says_so(cells):
    with pytest.raises(ConfigError, match="model.train"):
        made(cells).get_latent_representation()


def test_a_marginal_adversary_warns(cells):
    Model.setup_anndata(cells, batch_key="batch")
    with pytest.warns(UserWarning, match="merges cell types"):
        Model(cells, adversary="marginal")


def test_a_zarr_store_keeps_all_that_it_holds(cells, tmp_path):
    cells.layers["counts"], cells.obsm["X_umap"], cells.uns["note"] = cells.X.copy(), np.ones((cells.n_obs, 2)), "kept"
    cells.raw = cells.copy()
    cells.X = np.log1p(cells.X)
    cells.write_zarr(tmp_path / "a.zarr")
    found = read_cells(tmp_path / "a.zarr")
    assert (found.layers["counts"][:].toarray() == cells.layers["counts"].toarray()).all()
    assert (found.obsm["X_umap"] == 1.0).all() and found.uns["note"] == "kept"
    assert (found.raw.X.toarray() == cells.raw.X.toarray()).all()
    assert Cells.of(found, Fields(batch_key="batch", layer="counts")).matrix.shape == cells.shape


def test_counts_that_a_correction_for_ambient_rna_left_are_used_with_a_warning(cells):
    cells.X = cells.X * np.float32(0.93)
    with pytest.warns(UserWarning, match="SoupX"):
        made(cells)


def test_keys_may_come_in_the_order_of_scvi(cells):
    Model.setup_anndata(cells, None, "batch", "cell_type")
    assert Fields.of(cells) == Fields(batch_key="batch", labels_key="cell_type")


@pytest.mark.parametrize("kind", ["csc", "uint16", "int64", "half", "twice", "strings", "integers", "unused", "view"])
def test_every_way_to_hold_the_same_cells_is_the_same(cells, kind):
    cells.X.data = np.minimum(cells.X.data, 2000.0)  # half precision holds these exactly
    expected = Cells.of(cells, Fields(batch_key="batch"))
    other = cells.copy()
    if kind == "csc":
        other.X = other.X.tocsc()
    elif kind in ("uint16", "int64"):
        other.X = other.X.astype(kind)
    elif kind == "half":
        other.X = other.X.toarray().astype(np.float16)
    elif kind == "twice":  # every count as two entries of one place
        x = other.X.tocsr()
        parts = np.stack([np.ones_like(x.data), x.data - 1.0], axis=1).ravel()
        other.X = sparse.csr_matrix((parts, np.repeat(x.indices, 2), 2 * x.indptr), x.shape)
    elif kind == "strings":
        other.obs["batch"] = other.obs["batch"].astype(str).astype("string")
    elif kind == "integers":
        other.obs["batch"] = other.obs["batch"].cat.codes.astype("int64")
    elif kind == "unused":
        other.obs["batch"] = other.obs["batch"].cat.add_categories(["ghost"])
    else:
        other = other[:]
    found = Cells.of(other, Fields(batch_key="batch"))
    assert (found.batch == expected.batch).all() and len(found.batches) == len(expected.batches)
    blocks = [np.concatenate([b.toarray() for _, b in chunks(c.matrix)]) for c in (found, expected)]
    assert (blocks[0] == blocks[1]).all()


@pytest.mark.parametrize(("other", "warned"), [("batch0 ", True), ("BATCH0", True), ("batch9", False)])
def test_batches_that_differ_by_spelling_alone_are_named(cells, other, warned):
    names = cells.obs["batch"].astype(str).to_numpy(dtype=object)
    names[:50] = other
    cells.obs["batch"] = names
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        Cells.of(cells, Fields(batch_key="batch"))
    assert any("case or spaces" in str(w.message) for w in found) == warned


def test_a_view_of_a_file_is_refused_by_name(cells, tmp_path):
    import anndata

    cells.write_h5ad(tmp_path / "cells.h5ad")
    view = anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r")[:300]
    with pytest.raises(DataError, match=r"to_memory"):
        Model.setup_anndata(view, batch_key="batch")
