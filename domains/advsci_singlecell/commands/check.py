"""``advsci-singlecell check``: what is wrong, and what cannot be told apart, before any training."""

from typing import Any

import numpy as np

from advsci.output import tell
from advsci_singlecell.config import Check
from advsci_singlecell.data.cells import Cells
from advsci_singlecell.data.fields import Fields
from advsci_singlecell.data.files import load_input
from advsci_singlecell.embedding.projection import Projection, select_genes
from advsci_singlecell.evaluation.confounding import check_confounding

__all__ = ["plan", "run"]


def run(config: Check) -> int:
    """Print the findings; exit code 1 where batch and biology are fully confounded.

    Parameters
    ----------
    config
        What the user asked for.

    Returns
    -------
    int
        The exit status.
    """
    adata, source = load_input(config.file, use_raw=config.use_raw)
    fields = Fields.from_mapping(config.keys())
    cells = Cells.of(adata, fields, likelihood=config.likelihood)
    kind = "counts" if cells.counts else "log-expression"
    facts = {"cells": adata.n_obs, "genes": adata.n_vars, "batches": len(cells.batches), "kind": kind}
    tell(f"{adata.n_obs} cells, {adata.n_vars} genes, {len(cells.batches)} batches, {kind}: {source}", facts)
    key = config.condition_key or config.labels_key or ("cell_type" if "cell_type" in adata.obs else None)
    if key is None:
        tell("no column with types or conditions was named: confounding was not checked (--condition-key)")
        return 0
    rows = np.arange(adata.n_obs) if adata.n_obs <= 20_000 else np.linspace(0, adata.n_obs - 1, 20_000).astype(int)
    genes = select_genes(cells.matrix, cells.batch, 2000, counts=cells.counts, rows=rows)
    projection = Projection.fit(cells.matrix, genes, 30, counts=cells.counts, rows=rows)
    other: Any = adata.obs[key].iloc[rows]
    found = check_confounding(
        projection(cells.matrix, rows), adata.obs[config.batch_key].iloc[rows], other, biology=key
    )
    tell(found.composition.to_string(), {"composition": found.composition.T.to_dict()})
    tell(f"association of batch and {key} (Cramer's V): {found.association:.2f}", {"association": found.association})
    tell(
        f"variance explained by batch alone {found.batch_only:.1%}, by {key} alone {found.other_only:.1%}, "
        f"by either and not to be told apart {found.shared:.1%}",
        {"batch alone": found.batch_only, f"{key} alone": found.other_only, "shared": found.shared},
    )
    for warning in found.warnings:
        tell(f"warning: {warning}", {"warnings": found.warnings})
    return int(any("fully confounded" in warning for warning in found.warnings))


def plan(config: Check) -> dict[str, object]:
    """The cells, without looking at them.

    Parameters
    ----------
    config
        Settings of the command.

    Returns
    -------
    dict
        Facts by name.
    """
    adata, source = load_input(config.file, use_raw=config.use_raw)
    return {"data": source, "cells": adata.n_obs, "genes": adata.n_vars}
