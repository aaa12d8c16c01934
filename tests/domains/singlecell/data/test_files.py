"""Files of every kind that users bring: read, or refused by name."""

import gzip

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.io import mmwrite

from advsci.errors import DataError
from advsci_singlecell.data.cells import Cells
from advsci_singlecell.data.fields import Fields
from advsci_singlecell.data.files import load_input, read_cells


def test_a_10x_folder_is_read(cells, tmp_path):
    pytest.importorskip("scanpy")
    mmwrite(tmp_path / "matrix.mtx", cells.X.T.tocoo())
    (tmp_path / "matrix.mtx.gz").write_bytes(gzip.compress((tmp_path / "matrix.mtx").read_bytes()))
    genes = "".join(f"E{i}\t{name}\tGene Expression\n" for i, name in enumerate(cells.var_names))
    (tmp_path / "features.tsv.gz").write_bytes(gzip.compress(genes.encode()))
    (tmp_path / "barcodes.tsv.gz").write_bytes(gzip.compress("\n".join(cells.obs_names).encode()))
    found = read_cells(tmp_path)
    assert found.shape == cells.shape and (found.X.toarray() == cells.X.toarray()).all()


@pytest.mark.parametrize("packed", [False, True])
def test_a_10x_matrix_with_zero_bytes_is_named(cells, tmp_path, packed):
    mmwrite(tmp_path / "matrix.mtx", cells.X.T.tocoo())
    torn = (tmp_path / "matrix.mtx").read_bytes()[:-40] + bytes(40)  # an interrupted copy
    (tmp_path / "matrix.mtx").write_bytes(torn)
    if packed:
        (tmp_path / "matrix.mtx.gz").write_bytes(gzip.compress(torn))
        (tmp_path / "matrix.mtx").unlink()
    with pytest.raises(DataError, match="with zero bytes; expected text"):
        read_cells(tmp_path)


@pytest.mark.parametrize(("name", "message"), [("a.csv", "read_csv"), ("a.h5mu", "MuData"), ("a.h5", "10x")])
def test_other_files_are_refused_by_name(tmp_path, name, message):
    (tmp_path / name).write_text("gene,cell\n1,2\n")
    with pytest.raises(DataError, match=message):
        read_cells(tmp_path / name)


def test_raw_is_taken_where_it_is_asked_for(cells, tmp_path):
    cells.raw = cells.copy()
    cells.X = np.log1p(cells.X)
    cells[:, :50].copy().write_h5ad(tmp_path / "a.h5ad")
    found, _ = load_input(str(tmp_path / "a.h5ad"), use_raw=True)
    assert found.n_vars == cells.n_vars and float(found.X.max()) == round(float(found.X.max()))
    assert load_input(str(tmp_path / "a.h5ad"))[0].n_vars == 50


def test_categories_of_old_files_are_read(cells, tmp_path):
    small = cells[::20].copy()
    small.write_h5ad(tmp_path / "a.h5ad")
    with h5py.File(tmp_path / "a.h5ad", "r+") as file:  # as anndata wrote them before version 0.8
        obs = file["obs"]
        codes, names = obs["batch/codes"][:], obs["batch/categories"][:]
        del obs["batch"]
        kept = obs.create_group("__categories").create_dataset("batch", data=names, dtype=h5py.string_dtype())
        obs.create_dataset("batch", data=codes).attrs["categories"] = kept.ref
        obs.attrs["encoding-version"] = "0.1.0"
    found = Cells.of(read_cells(tmp_path / "a.h5ad"), Fields(batch_key="batch"))
    expected = Cells.of(small, Fields(batch_key="batch"))
    assert found.batches == expected.batches and (found.batch == expected.batch).all()


@pytest.mark.parametrize(("dtype", "names"), [("Int64", ["0", "1", "2"]), ("boolean", ["False", "True"])])
def test_nullable_columns_are_read_and_what_they_lack_is_named(cells, tmp_path, dtype, names):
    code = cells.obs["batch"].cat.codes.astype(int)
    cells.obs["donor"] = pd.array(code if dtype == "Int64" else code > 0, dtype=dtype)
    cells.write_h5ad(tmp_path / "a.h5ad")
    found = read_cells(tmp_path / "a.h5ad")
    assert Cells.of(found, Fields(batch_key="donor")).batches == names
    found.obs.loc[found.obs_names[3], "donor"] = pd.NA
    with pytest.raises(DataError, match="1 cells without a value"):
        Cells.of(found, Fields(batch_key="donor"))


@pytest.mark.parametrize(
    ("part", "values"),
    [("indices", [0, 1, 3]), ("indices", [0, -1, 2]), ("indptr", [0, 2, 4]), ("indptr", [0, 4, 3]), ("shape", [3, 3])],
)
def test_a_10x_matrix_that_points_beyond_itself_is_named(tmp_path, part, values):
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("scanpy")
    sound = {"data": [5, 6, 7], "indices": [0, 1, 2], "indptr": [0, 2, 3], "shape": [3, 2]}
    texts = {
        "id": ["a", "b", "c"],
        "name": ["A", "B", "C"],
        "feature_type": ["Gene Expression"] * 3,
        "genome": ["x"] * 3,
    }

    def written(columns):
        path = tmp_path / "raw.h5"
        with h5py.File(path, "w") as file:
            for name, numbers in columns.items():
                file[f"matrix/{name}"] = np.array(numbers, "i8")
            file["matrix/barcodes"] = [b"one", b"two"]
            for name, words in texts.items():
                file[f"matrix/features/{name}"] = [word.encode() for word in words]
        return path

    assert read_cells(written(sound)).X.toarray().tolist() == [[5, 6, 0], [0, 0, 7]]
    with pytest.raises(DataError, match="points beyond its matrix"):
        read_cells(written({**sound, part: values}))
