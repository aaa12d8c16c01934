"""An h5ad file whose matrix stays on the disk is corrected as one in memory, and written whole."""

import numpy as np
import pytest
from scipy import sparse

from advsci.cli import run_app
from advsci.errors import DataError
from advsci_datasets.cells import simulate_cells
from advsci_singlecell.cli import app
from advsci_singlecell.data import files
from advsci_singlecell.data.on_disk import open_h5ad, stays_on_disk, write_cells
from advsci_singlecell.model.model import Model


@pytest.fixture(scope="module")
def cells():
    found = simulate_cells(90, rng=np.random.default_rng(0), n_genes=60)
    found.X = sparse.csr_matrix(found.X)
    found.layers["columns"] = sparse.csc_matrix(found.X)
    found.layers["dense"] = found.X.toarray()
    found.raw = found.copy()
    found.uns["note"] = "kept"
    return found


def plain(matrix):
    return matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)


def test_a_file_that_stays_on_the_disk_is_the_file_in_memory(tmp_path, cells, monkeypatch):
    cells.write_h5ad(tmp_path / "cells.h5ad")
    assert not stays_on_disk(files.read_cells(tmp_path / "cells.h5ad").X)
    monkeypatch.setattr(files, "IN_MEMORY", 100)
    found = files.read_cells(tmp_path / "cells.h5ad")
    assert stays_on_disk(found.X) and all(stays_on_disk(found.layers[name]) for name in ("columns", "dense"))
    assert np.array_equal(plain(found.X[10:40]), plain(cells.X)[10:40])
    assert found.obs.equals(cells.obs) and found.uns["note"] == "kept"
    assert np.array_equal(plain(found.raw.X), plain(cells.raw.X))


@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_what_is_copied_block_by_block_is_what_was_there(tmp_path, cells, monkeypatch, suffix):
    monkeypatch.setattr("advsci_singlecell.data.on_disk.BLOCK", 700)
    place = tmp_path / f"cells.{suffix}"
    getattr(cells, f"write_{suffix}")(place)
    found = open_h5ad(place) if suffix == "h5ad" else files.read_cells(place)
    assert stays_on_disk(found.X)
    found.obsm["X_new"] = np.arange(180.0).reshape(90, 2)
    write_cells(found, place)  # over the file that it is read from
    back = files.read_cells(place)
    for one, other in ((back.X, cells.X), *((back.layers[k], cells.layers[k]) for k in ("columns", "dense"))):
        assert one.dtype == other.dtype and np.array_equal(plain(one[:]), plain(other))
        assert getattr(one, "format", None) == getattr(other, "format", None)
    assert np.array_equal(back.obsm["X_new"], found.obsm["X_new"]) and back.uns["note"] == "kept"
    assert np.array_equal(plain(back.raw.X), plain(cells.raw.X))
    assert [p.name for p in tmp_path.iterdir()] == [place.name]


def test_a_store_is_written_where_the_name_says_so(tmp_path, cells):
    import anndata

    back = anndata.read_zarr(write_cells(cells, tmp_path / "cells.zarr"))
    assert np.array_equal(plain(back.X), plain(cells.X)) and back.obs.equals(cells.obs)
    write_cells(cells[:30], tmp_path / "cells.zarr")
    assert anndata.read_zarr(tmp_path / "cells.zarr").n_obs == 30
    assert [p.name for p in tmp_path.iterdir()] == ["cells.zarr"]


@pytest.mark.parametrize("words", [["correct", "--output", "out.csv"], ["map", "--output", "out"]])
def test_a_format_that_is_not_written_is_named_before_the_training(words, capsys):
    assert run_app(app, words) == 2
    assert "expected a name that ends in .h5ad or .zarr" in " ".join(capsys.readouterr().err.split())


def test_zarr_is_written_as_h5ad(tmp_path, cells):
    cells.write_zarr(tmp_path / "cells.zarr")
    found = files.read_cells(tmp_path / "cells.zarr")
    back = files.read_cells(write_cells(found, tmp_path / "out.h5ad"))
    assert np.array_equal(plain(back.X), plain(cells.X))
    assert np.array_equal(plain(back.layers["dense"]), cells.layers["dense"])


def test_a_model_is_the_same_from_disk_and_from_memory(tmp_path, cells):
    cells.write_h5ad(tmp_path / "cells.h5ad")
    settings = {"method": "counts", "genes": 50, "dimensions": 5, "steps": 3}
    found = []
    for adata in (files.read_cells(tmp_path / "cells.h5ad"), open_h5ad(tmp_path / "cells.h5ad")):
        Model.setup_anndata(adata, batch_key="batch")
        found.append(Model(adata, device="cpu", **settings).train().get_latent_representation())
    assert np.array_equal(*found) and np.isfinite(found[0]).all()


def test_a_disk_that_is_full_leaves_the_old_file(tmp_path, cells, monkeypatch):
    cells.write_h5ad(tmp_path / "cells.h5ad")
    found = open_h5ad(tmp_path / "cells.h5ad")
    (tmp_path / "out.h5ad").write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("advsci_singlecell.data.on_disk._copied", full)
    with pytest.raises(DataError, match="cannot be written"):
        write_cells(found, tmp_path / "out.h5ad")
    assert (tmp_path / "out.h5ad").read_text() == "old" and not list(tmp_path.glob(".*"))
