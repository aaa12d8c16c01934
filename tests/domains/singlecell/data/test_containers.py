"""MuData and SpatialData: which of their tables is corrected, and what is said where that is not clear."""

from collections import UserDict
from types import SimpleNamespace

import anndata
import numpy as np
import pytest

from advsci.errors import DataError
from advsci_datasets.cells import simulate_cells
from advsci_singlecell import Model, Settings, correct
from advsci_singlecell.data.fields import one_table


@pytest.fixture
def rna():
    return simulate_cells(60, rng=np.random.default_rng(0), n_genes=40)


@pytest.mark.parametrize("way", ["mod", "tables"])
def test_the_table_of_a_container_is_corrected_in_place(way, rna):
    container = SimpleNamespace(**{way: UserDict({"rna": rna, "other": anndata.AnnData(np.ones((3, 2)))})})
    correct(container, batch_key="batch", settings=Settings(steps=2))
    assert rna.obsm["X_advsci"].shape[0] == 60


def test_a_real_mudata_is_corrected(rna):
    mudata = pytest.importorskip("mudata", reason="mudata is not installed")
    container = mudata.MuData({"rna": rna, "protein": anndata.AnnData(np.ones((60, 3)), obs=rna.obs)})
    correct(container, batch_key="batch", settings=Settings(steps=2))
    assert "X_advsci" in container.mod["rna"].obsm


def test_a_real_spatialdata_is_corrected(rna):
    spatialdata = pytest.importorskip("spatialdata", reason="spatialdata is not installed")
    container = spatialdata.SpatialData(tables={"cells": rna})
    correct(container, batch_key="batch", settings=Settings(steps=2))
    assert "X_advsci" in container.tables["cells"].obsm


def test_a_container_without_a_clear_table_is_refused_by_name(rna):
    several = SimpleNamespace(tables={"left": rna, "right": rna})
    with pytest.raises(DataError, match=r"with \['left', 'right'\]; expected one table"):
        one_table(several)
    assert one_table(SimpleNamespace(tables={"left": rna})) is rna and one_table(rna) is rna
    with pytest.raises(DataError, match=r"expected an AnnData. Try: take its .tables\['left'\]"):
        Model.setup_anndata(several, batch_key="batch")
