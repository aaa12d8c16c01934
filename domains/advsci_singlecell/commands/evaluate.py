"""``advsci-singlecell evaluate``: one table of scores for the embeddings of a file."""

import numpy as np

from advsci.errors import DataError
from advsci.output import tell
from advsci_singlecell.config import Evaluate
from advsci_singlecell.data.cells import column_of
from advsci_singlecell.data.files import read_cells
from advsci_singlecell.evaluation.scores import correction_scores, fair_embedding, require_scib, scib_scores

__all__ = ["plan", "run"]


def run(config: Evaluate) -> int:
    """Print the scores.

    Parameters
    ----------
    config
        What the user asked for.

    Returns
    -------
    int
        The exit status.

    Raises
    ------
    DataError
        The file has none of the embeddings.
    """
    import pandas as pd

    if config.scib:
        require_scib()
    adata = read_cells(config.file)
    for setting in ("batch_key", "labels_key"):
        column_of(adata, getattr(config, setting), setting)
    fair = fair_embedding(adata, config.labels_key)
    if fair != "X_advsci" and not config.embeddings:
        tell(f"X_advsci was computed from obs['{config.labels_key}']; scored is {fair}, without a cell's own label")
    names = config.embeddings or ["X_advsci_pca", fair]
    chosen = {name: np.asarray(adata.obsm[name]) for name in names if name in adata.obsm}
    if not chosen:
        raise DataError(f"got none of {names} in obsm; expected some of {list(adata.obsm)}. Try: --embeddings.")
    unknown = config.unlabeled_category
    batch, types = adata.obs[config.batch_key], adata.obs[config.labels_key]
    table = pd.DataFrame(
        {name: correction_scores(z, batch, types, unlabeled_category=unknown) for name, z in chosen.items()}
    ).T
    if config.scib:
        before = chosen.get("X_advsci_pca", next(iter(chosen.values())))
        table = pd.concat([table, scib_scores(chosen, batch, types, before, unlabeled_category=unknown)], axis=1)
    tell(table.T.to_string(float_format=lambda value: f"{value:.3f}"), {"scores": table.T.to_dict()})
    return 0


def plan(config: Evaluate) -> dict[str, object]:
    """What would be scored.

    Parameters
    ----------
    config
        Settings of the command.

    Returns
    -------
    dict
        Facts by name.
    """
    adata = read_cells(config.file)
    for setting in ("batch_key", "labels_key"):
        column_of(adata, getattr(config, setting), setting)
    return {"cells": adata.n_obs, "embeddings": ", ".join(config.embeddings or adata.obsm)}
