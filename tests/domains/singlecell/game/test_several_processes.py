"""The game on counts in two processes with half of every batch each: the result of one, and one file."""

import anndata
import numpy as np
import pytest
import torch
from two_processes import ROOT, two_processes

from advsci.cli import run_app
from advsci_datasets.cells import simulate_cells
from advsci_singlecell.cli import app

pytestmark = pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this torch has no gloo")


@pytest.mark.parametrize(
    "more",
    [
        ("--settings.steps", "12", "--settings.contrast", "1"),
        ("--settings.passes", ".2", "--settings.play", "reversal"),
    ],
    ids=["turns, with the contrast", "streamed, reversal"],
)
def test_two_processes_correct_as_one(tmp_path, more):
    cells = simulate_cells(600, rng=np.random.default_rng(0), n_genes=120)
    cells.obs["cycle"] = np.random.default_rng(1).normal(size=600)
    cells.write_h5ad(tmp_path / "cells.h5ad")

    def arguments(name):
        return [
            "correct", str(tmp_path / "cells.h5ad"), str(tmp_path / f"{name}.h5ad"), "--out", str(tmp_path / name),
            "--settings.method", "counts", "--settings.sketch", "400", "--settings.batch_size", "64", *more,
            "--continuous-covariate-keys", "cycle", "--device", "cpu", "--no-umap", "--no-markers",
        ]  # fmt: skip

    assert run_app(app, arguments("one")) == 0
    two_processes(ROOT / "tests" / "toys" / "cells_process.py", *arguments("two"))
    one, two = (anndata.read_h5ad(tmp_path / f"{name}.h5ad").obsm["X_advsci"] for name in ("one", "two"))
    assert np.abs(one - two).max() < 1e-3 * one.std()
    assert not list(tmp_path.glob(".*partial*")) and (tmp_path / "two" / "report.html").is_file()
