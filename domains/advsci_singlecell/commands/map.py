"""``advsci-singlecell map``: new cells in a trained embedding."""

from pathlib import Path

import numpy as np

from advsci.output import tell
from advsci_singlecell.config import Map
from advsci_singlecell.data.files import load_input
from advsci_singlecell.data.on_disk import write_cells
from advsci_singlecell.model.model import Model

__all__ = ["plan", "run"]


def run(config: Map) -> Path:
    """Write the new cells with obsm['X_advsci'], obs['advsci_p'] and, with labels, obs['advsci_type'].

    Parameters
    ----------
    config
        What the user asked for.

    Returns
    -------
    Path
        The written file.
    """
    reference, _ = load_input(config.reference)
    model = Model.load(config.model, reference)
    query, source = load_input(config.file)
    found = model.map_query(query, batch_key=config.batch_key)
    query.obsm["X_advsci"] = found.embedding
    query.obs["advsci_p"] = found.p_value
    if found.types is not None:
        query.obs["advsci_type"] = found.types.astype(str).to_numpy()
    strange = float(np.mean(found.p_value < 0.05))
    unseen = list(found.unseen_batches)
    tell(
        f"{query.n_obs} cells of {source}; unseen batches: {', '.join(unseen) or 'none'}",
        {"cells": query.n_obs, "unseen batches": unseen, "missing genes": list(found.missing_genes)},
    )
    tell(
        f"unlike anything in the reference at p < 0.05: {strange:.1%} of the cells (5 % would be by chance)",
        {"unlike the reference": strange},
    )
    if found.missing_genes:
        tell(f"warning: {len(found.missing_genes)} genes of the embedding are missing and count as average")
    write_cells(query, config.output)
    return config.output


def plan(config: Map) -> dict[str, object]:
    """The new cells and where they would go.

    Parameters
    ----------
    config
        Settings of the command.

    Returns
    -------
    dict
        Facts by name.
    """
    query, source = load_input(config.file)
    return {"data": source, "cells": query.n_obs, "output": str(config.output)}
