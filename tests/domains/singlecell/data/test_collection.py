"""Cells of annbatch's collections: all of them in every pass, in an order of its own, and in the same one again."""

from itertools import islice

import numpy as np
import pytest
import torch
from torch import nn

from advsci import GAN, Trainer
from advsci.errors import DataError, MissingDependencyError
from advsci.latents import Gaussian
from advsci.solvers import Simultaneous
from advsci_datasets.cells import simulate_cells
from advsci_singlecell.data.collection import CollectionCells


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    annbatch = pytest.importorskip("annbatch", reason="annbatch is not installed: it needs Python 3.12")
    folder = tmp_path_factory.mktemp("cells")
    cells = simulate_cells(90, rng=np.random.default_rng(0), n_genes=12)
    cells.X.data[:] = np.random.default_rng(1).permutation(cells.X.nnz) + 1  # every cell is known by its values
    del cells.layers["mu_true"], cells.obsm["X_true"]
    for name, rows in (("one", slice(0, 40)), ("two", slice(40, 90))):
        cells[rows].write_h5ad(folder / f"{name}.h5ad")
    collection = annbatch.DatasetCollection(folder / "both.zarr")
    collection.add_adatas(adata_paths=[folder / "one.h5ad", folder / "two.h5ad"])
    return folder / "both.zarr", cells


def test_every_pass_has_all_cells_in_an_order_of_its_own(stored):
    path, cells = stored
    source = CollectionCells(path, ("batch", "cell_type"), chunk=8, preload=2)
    got = list(islice(source, 180))
    rows = {tuple(row): i for i, row in enumerate(cells.X.toarray().astype(np.float32).tolist())}
    orders = [[rows[tuple(sample["x"].tolist())] for sample in got[90 * k : 90 * k + 90]] for k in range(2)]
    assert all(sorted(order) == list(range(90)) for order in orders) and orders[0] != orders[1]
    for key in ("batch", "cell_type"):
        said = [source.names[key][sample[key]] for sample in got[:90]]
        assert said == cells.obs[key].astype(str).iloc[orders[0]].tolist()
    again = list(islice(CollectionCells(path, ("batch", "cell_type"), chunk=8, preload=2), 180))
    assert all(torch.equal(a["x"], b["x"]) for a, b in zip(got, again, strict=True))


def test_a_game_is_trained_on_it(stored):
    game = GAN(nn.Linear(3, 12), nn.Linear(12, 1), Gaussian(3))
    training = Trainer(3, 16, quiet=True, device="cpu").fit(game, CollectionCells(stored[0], ()), Simultaneous())
    assert training.step == 3


def test_a_missing_column_is_named(stored):
    with pytest.raises(DataError, match=r"'donor' in obs .* Try: one of \['batch'"):
        CollectionCells(stored[0], ("donor",))


def test_a_missing_package_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "annbatch", None)
    with pytest.raises(MissingDependencyError, match="annbatch"):
        CollectionCells("cells.zarr")
