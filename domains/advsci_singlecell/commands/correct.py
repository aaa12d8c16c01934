"""``advsci-singlecell correct``: train, embed, write the AnnData, its model and its report."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from advsci.report import drawn
from advsci.training.opening import OpenRun
from advsci_singlecell.config import Correct
from advsci_singlecell.data.cells import Cells
from advsci_singlecell.data.fields import Fields
from advsci_singlecell.data.files import load_input
from advsci_singlecell.data.on_disk import write_cells
from advsci_singlecell.evaluation.curve import strength_curve
from advsci_singlecell.evaluation.markers import compared_markers
from advsci_singlecell.evaluation.page import correction_page, drawn_cells, some_rows
from advsci_singlecell.model.model import Model

__all__ = ["plan", "run"]


def run(config: Correct, folder: OpenRun) -> Path:
    """Correct a file.

    Parameters
    ----------
    config
        What the user asked for.
    folder
        The run's folder, opened.

    Returns
    -------
    Path
        The corrected AnnData file. It is written before the report is drawn.
    """
    adata, source = load_input(config.file, seed=config.seed, use_raw=config.use_raw)
    Model.setup_anndata(adata, **config.keys())
    start = time.perf_counter()
    model = Model(adata, config.settings, seed=config.seed, device=config.device).train(quiet=False, run=folder)
    model.annotate(source=source)
    seconds = time.perf_counter() - start
    if config.corrected_layer:
        genes = [str(name) for name in adata.var_names]
        adata.layers["advsci_corrected"] = model.get_corrected_expression(genes=genes).to_numpy(np.float32)
    model.save(folder.path / "model")
    output = config.output or folder.path / "corrected.h5ad"
    if folder.first:  # of several processes, which all train what the page shows
        write_cells(adata, output)
    with drawn("report"):
        shown = drawn_cells(adata)
        for key in shown.obsm:  # of a million cells half a gigabyte, which is on the disk now
            del adata.obsm[key]
        _page(config, adata, shown, model, source, seconds, folder)
    return output


def _page(config: Correct, adata: Any, shown: Any, model: Model, source: str, seconds: float, folder: OpenRun) -> None:
    """The page: pictures of the cells that are shown, markers and curves of the model's."""
    score_key = config.score_key or config.labels_key or ("cell_type" if "cell_type" in adata.obs else None)
    rows, found, curve = some_rows(adata.n_obs), None, None
    if score_key is not None:
        types: Any = adata.obs[score_key]
        found = compared_markers(model, types, rows, config.unlabeled_category) if config.markers else None
        if config.curve:
            curve = strength_curve(model, adata.obs[config.batch_key], types, rows=rows)
    page = correction_page(
        shown,
        size=(adata.n_obs, adata.obs[config.batch_key].nunique()),
        batch_key=config.batch_key,
        labels_key=score_key,
        unlabeled_category=config.unlabeled_category,
        source=source,
        history=model.history,
        seconds=seconds,
        umap=config.umap,
        markers=found,
        curve=curve,
        settings=config.model_dump(mode="json"),
    )
    page.write(folder.report)


def plan(config: Correct) -> dict[str, object]:
    """What a run would do: validates the file and its keys.

    Parameters
    ----------
    config
        What the user asked for.

    Returns
    -------
    dict
        Facts by name.
    """
    adata, source = load_input(config.file, seed=config.seed, use_raw=config.use_raw)
    Model.setup_anndata(adata, **config.keys())
    cells = Cells.of(adata, Fields.of(adata), likelihood=config.settings.likelihood)
    return {
        "data": source,
        "cells": adata.n_obs,
        "genes": f"{min(config.settings.genes, adata.n_vars)} of {adata.n_vars}",
        "batches": ", ".join(cells.batches),
        "types": len(cells.types) or "none given",
        "cells trained on": min(adata.n_obs, config.settings.sketch),
        "writes": str(config.output or (config.out or Path("runs/...")) / "corrected.h5ad"),
    }
