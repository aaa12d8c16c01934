"""Files of every kind that users bring: read, or refused by name."""

import gzip

import numpy as np
import pytest
from scipy.io import mmwrite

from advsci.errors import DataError
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
