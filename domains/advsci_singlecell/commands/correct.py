"""``advsci-singlecell correct``: train, embed, write the AnnData, its model and its report."""

import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from advsci.training import Run
from advsci_singlecell.config import Correct
from advsci_singlecell.data.files import load_input
from advsci_singlecell.evaluation.curve import strength_curve
from advsci_singlecell.evaluation.markers import compared_markers
from advsci_singlecell.evaluation.page import correction_page, some_rows
from advsci_singlecell.model.model import Model

__all__ = ["plan", "run"]


def run(config: Correct) -> Path:
    """Correct a file; returns the path of the report."""
    adata, source = load_input(config.file, seed=config.seed)
    folder = Run(config.out or Path("runs") / f"singlecell-{datetime.now():%Y%m%d-%H%M%S}")
    folder.describe(config.model_dump(mode="json"))
    Model.setup_anndata(adata, **config.keys())
    start = time.perf_counter()
    model = Model(adata, config.settings, seed=config.seed, device=None if config.device == "auto" else config.device)
    model.train(quiet=False)
    embedding = model.get_latent_representation()
    seconds = time.perf_counter() - start
    projection, _ = model.fitted()
    adata.obsm["X_advsci"] = embedding
    adata.obsm["X_pca"] = projection(model.cells.matrix)
    adata.uns["advsci"] = {"settings": config.settings.model_dump_json(), "source": source, "seed": config.seed}
    if model.cells.types:
        adata.obsm["X_advsci_hidden"] = model.get_latent_representation(labels=False)
        adata.uns["advsci"]["labels_key"] = config.labels_key
        adata.obs["advsci_type"] = np.asarray(model.predict())
    if config.corrected_layer:
        genes = [str(name) for name in adata.var_names]
        adata.layers["advsci_corrected"] = model.get_corrected_expression(genes=genes).to_numpy(np.float32)
    for record in model.history:
        folder.append("metrics.jsonl", record)
    model.save(folder.path / "model")
    score_key = config.score_key or config.labels_key or ("cell_type" if "cell_type" in adata.obs else None)
    rows = some_rows(adata.n_obs)
    batch = adata.obs[config.batch_key]
    found, curve = None, None
    if score_key is not None:
        types: Any = adata.obs[score_key]
        found = compared_markers(model, types, rows) if config.markers else None
        curve = strength_curve(model, batch, types, rows=rows) if config.curve else None
    page = correction_page(
        adata,
        batch_key=config.batch_key,
        labels_key=score_key,
        source=source,
        history=model.history,
        seconds=seconds,
        umap=config.umap,
        markers=found,
        curve=curve,
        settings=config.model_dump(mode="json"),
    )
    output = config.output or folder.path / "corrected.h5ad"
    adata.write_h5ad(output)
    print(f"wrote {output}")
    return page.write(folder.report)


def plan(config: Correct) -> dict[str, object]:
    """What a run would do: validates the file and its keys."""
    from advsci_singlecell.data.cells import Cells
    from advsci_singlecell.data.fields import Fields

    adata, source = load_input(config.file, seed=config.seed)
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
