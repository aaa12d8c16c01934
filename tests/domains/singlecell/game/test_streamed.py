"""A training that streams all cells: the same bits from memory and disk and after a stop, every cell once a pass."""

from typing import Any

import numpy as np
import pytest
import torch

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci.training import Run
from advsci_datasets.cells import simulate_cells
from advsci_singlecell.config import Settings
from advsci_singlecell.data.cells import Cells
from advsci_singlecell.data.fields import Fields
from advsci_singlecell.data.files import read_cells
from advsci_singlecell.data.on_disk import open_h5ad, stays_on_disk
from advsci_singlecell.embedding.projection import Projection
from advsci_singlecell.game.columns import Columns
from advsci_singlecell.game.conditions import Conditions
from advsci_singlecell.game.streamed import EveryCell, StreamedCells
from advsci_singlecell.model.fitting import sketch_rows
from advsci_singlecell.model.model import Model

SMALL: dict[str, Any] = {
    "method": "counts", "passes": 1.0, "sketch": 200, "batch_size": 16, "width": 8, "dimensions": 10, "features": 4,
}  # fmt: skip


@pytest.fixture(scope="module")
def many() -> Any:
    """900 cells, with a donor of every cell, a score and a condition."""
    found = simulate_cells(900, rng=np.random.default_rng(1), n_genes=120, library=8.0)
    found.obs["donor"] = np.array(["x", "y", "z"])[np.arange(900) % 3]
    found.obs["cycle"] = np.random.default_rng(0).normal(size=900)
    found.obs["condition"] = np.array(["ill", "well"])[np.arange(900) // 3 % 2]
    return found


def trained(adata: Any, run: Run | None = None, keys: dict[str, Any] | None = None, **changes: Any) -> Model:
    Model.setup_anndata(adata, batch_key="batch", **(keys or {}))
    return Model(adata, device="cpu", seed=3, **{**SMALL, **changes}).train(run=run)


def source(adata: Any, keys: dict[str, Any] | None = None, **changes: Any) -> tuple[StreamedCells, dict[str, Any]]:
    """All cells with what 300 of them say, and what the training on those alone would hold."""
    fields = Fields(batch_key="batch", **(keys or {}))
    cells = Cells.of(adata, fields)
    rows = sketch_rows(cells.batch, 300, Stream(0))
    projection = Projection.fit(cells.matrix, np.arange(120), 10, counts=True, rows=rows)
    columns = Columns.of(adata.obs, fields)
    part = Cells(None, True, cells.var_names, cells.batch[rows], cells.batches, cells.labels[rows], cells.types)
    settings, x = Settings(method="counts"), projection(cells.matrix, rows)
    conditions, data = Conditions.fit(x, part, settings, stream=Stream(0), columns=columns.rows(rows))
    return StreamedCells(EveryCell(cells, columns, projection, rows), conditions, **changes), data


def test_the_same_bits_from_memory_and_from_the_disk(tmp_path, many, monkeypatch):
    small = {"explained": True, "turns": 1, "block": 32, "together": 4}
    monkeypatch.setattr(StreamedCells.__init__, "__kwdefaults__", small)
    many.write_h5ad(tmp_path / "cells.h5ad")
    many.write_zarr(tmp_path / "cells.zarr")
    here = trained(many.copy())
    assert here.history[-1]["step"] == 57
    z = here.get_latent_representation()
    for there in (open_h5ad(tmp_path / "cells.h5ad"), read_cells(tmp_path / "cells.zarr")):
        assert stays_on_disk(there.X)
        assert np.array_equal(z, trained(there).get_latent_representation())


def test_every_turn_sees_every_cell_once_a_pass(many):
    cells, _ = source(many, turns=2, block=64, together=3)
    read, rows = cells.reader(Stream(5), 50), []
    batches = [read((2 * step + 1) * 50, 50) for step in range(18)]
    for batch in batches:
        found = (batch["counts"][:, None] == torch.from_numpy(many.X.toarray())[None]).all(2)
        assert (found.sum(1) == 1).all()
        rows += found.int().argmax(1).tolist()
    assert sorted(rows) == list(range(900))
    again = cells.reader(Stream(5), 50)
    late = again(17 * 100 + 50, 50)  # as a resumed training reads it
    assert all(torch.equal(batches[17][key], late[key]) for key in late)


def test_a_cell_of_the_sketch_comes_with_what_the_sketch_gave_it(many):
    keys = {"labels_key": "cell_type", "categorical_covariate_keys": ("donor",), "protected_key": "condition"}
    for given in ({}, keys):
        cells, data = source(many, given)
        found = cells[torch.from_numpy(cells.every.sketch)]
        assert torch.equal(found["neighbours"], data["neighbours"]) and torch.equal(found["batch"], data["batch"])
        torch.testing.assert_close(found["membership"], data["membership"], rtol=1e-3, atol=1e-4)
        assert torch.equal(found["allowed"], data["allowed"])


def test_weights_are_those_of_all_cells():
    rng = np.random.default_rng(0)
    adata = simulate_cells(900, rng=rng, n_genes=120)
    few = np.sort(np.concatenate([np.flatnonzero(adata.obs["batch"] == b)[:n] for b, n in _sizes(adata)]))
    cells, data = source(adata[few].copy())
    found = cells[torch.arange(len(cells))]
    by_batch = [found["weight"][found["batch"] == b].mean() for b in range(3)]
    sketched = [data["weight"][data["batch"] == b].mean() for b in range(3)]
    assert by_batch[0] > 1.5 * by_batch[2] and abs(sketched[0] - sketched[2]) < 0.3 * sketched[0]


def _sizes(adata: Any) -> list[tuple[str, int]]:
    return list(zip(np.unique(adata.obs["batch"]), (100, 150, 300), strict=True))


def test_further_nuisances_and_types_are_streamed_too(many):
    keys = {
        "labels_key": "cell_type", "categorical_covariate_keys": ["donor"], "continuous_covariate_keys": ["cycle"],
        "protected_key": "condition",
    }  # fmt: skip
    model = trained(many.copy(), keys=keys)
    assert {"batch", "of donor", "of cycle"} <= {name.split("/")[0] for name in model.history[-1]}
    assert np.isfinite(model.get_latent_representation()).all() and (model.predict() == "Unknown").sum() == 0


class _Killed(Exception):
    pass


def test_a_training_that_was_killed_goes_on_to_the_same_bits(tmp_path, many, monkeypatch):
    changes = {"batch_size": 8, "play": "reversal"}
    whole = trained(many.copy(), Run(tmp_path / "whole"), **changes).get_latent_representation()
    reader = StreamedCells.reader

    def broken(self, stream, stride):
        read = reader(self, stream, stride)

        def until(position, count):
            if position >= 110 * 8:
                raise _Killed
            return read(position, count)

        return until

    monkeypatch.setattr(StreamedCells, "reader", broken)
    with pytest.raises(_Killed):
        trained(many.copy(), Run(tmp_path / "broken"), **changes)
    monkeypatch.setattr(StreamedCells, "reader", reader)
    again = trained(many.copy(), Run(tmp_path / "broken"), **changes)
    assert np.array_equal(again.get_latent_representation(), whole)


def test_memory_holds_one_window_and_two_where_a_batch_reaches_into_the_next(many):
    cells, _ = source(many, block=32, together=4)
    read, most = cells.reader(Stream(0), 50), []
    for step in range(36):
        read(50 * step, 50)
        most.append(len(read.held))
    assert max(most) == 2 and min(most) == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"passes": 1.0}, "Try: method='counts'"), ({"method": "counts", "passes": 1.0, "steps": 9}, "leave steps unset")],
)
def test_passes_are_refused_where_they_mean_nothing(settings, words):
    with pytest.raises(ConfigError, match=words):
        Settings(**settings)
