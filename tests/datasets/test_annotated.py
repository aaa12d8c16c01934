"""Registered cells: prepared files, and the tables of the cell mixture experiments."""

import numpy as np
import pytest

from advsci.errors import DataError
from advsci_datasets import load_cells
from advsci_datasets.annotated import read_cellmix

pd = pytest.importorskip("pandas")
pytest.importorskip("anndata")


def tables(folder, batch, genes, cells, classes):
    """Count and metadata files of one batch; count of gene i in cell j is 10 i + j."""
    counts = pd.DataFrame(10 * np.arange(len(genes))[:, None] + np.arange(len(cells)), genes, cells)
    meta = pd.DataFrame(
        {"cell_line_demuxlet": [f"line{j % 2}" for j in range(len(cells))], "demuxlet_cls": classes}, cells
    )
    paths = {f"sc_{batch}.{kind}.csv.gz": folder / f"sc_{batch}.{kind}.csv.gz" for kind in ("count", "metadata")}
    counts.to_csv(paths[f"sc_{batch}.count.csv.gz"])
    meta.to_csv(paths[f"sc_{batch}.metadata.csv.gz"])
    return paths


def test_tables_become_one_object_of_singlets_and_shared_genes(tmp_path):
    files = tables(tmp_path, "p1", ["g2", "g1", "g3"], ["A", "B", "C"], ["SNG", "DBL", "SNG"])
    files |= tables(tmp_path, "p2", ["g1", "g4", "g2"], ["A", "B"], ["SNG", "SNG"])
    cells = read_cellmix(files)
    assert cells.obs_names.tolist() == ["p1:A", "p1:C", "p2:A", "p2:B"] and cells.var_names.tolist() == ["g1", "g2"]
    assert np.asarray(cells.to_df()).tolist() == [[10, 0], [12, 2], [0, 20], [1, 21]]
    assert cells.obs["batch"].tolist() == ["p1", "p1", "p2", "p2"]
    assert cells.obs["cell_type"].tolist() == ["line0", "line0", "line0", "line1"]


def test_metadata_of_other_cells_is_an_error(tmp_path):
    files = tables(tmp_path, "p1", ["g"], ["A"], ["SNG"])
    pd.DataFrame({"cell_line_demuxlet": ["x"], "demuxlet_cls": ["SNG"]}, ["Z"]).to_csv(files["sc_p1.metadata.csv.gz"])
    with pytest.raises(DataError, match="cells without counts"):
        read_cellmix(files)


def test_prepared_cells_load_with_batches_and_types(data_folder):
    if not (data_folder / "singlecell" / "pbmc_4batch.h5ad").exists():
        pytest.skip("pbmc_4batch.h5ad is not in ADVSCI_DATA")
    cells = load_cells("pbmc_4batch")
    assert cells.shape == (3340, 782) and cells.obs["batch"].nunique() == 4 and cells.obs["cell_type"].nunique() == 9


def test_a_data_set_of_another_kind_is_refused():
    with pytest.raises(DataError, match="of kind images; expected cells"):
        load_cells("digits")
