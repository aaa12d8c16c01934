"""``advsci-singlecell report``: the page of a corrected file, written again."""

from pathlib import Path

from advsci.errors import DataError
from advsci_singlecell.config import WriteReport
from advsci_singlecell.data.cells import column_of
from advsci_singlecell.data.files import read_cells
from advsci_singlecell.evaluation.page import correction_page

__all__ = ["plan", "run"]


def run(config: WriteReport) -> Path:
    """Write the page; returns its path.

    Parameters
    ----------
    config
        What the user asked for.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    DataError
        The file lacks an embedding that ``correct`` writes.
    """
    adata = read_cells(config.file)
    missing = [key for key in ("X_advsci_pca", "X_advsci") if key not in adata.obsm]
    if missing:
        raise DataError(
            f"got a file without obsm {missing}; expected one that correct wrote. Try: advsci-singlecell correct."
        )
    for setting in ("batch_key", "labels_key"):
        column_of(adata, getattr(config, setting), setting)
    source = str(adata.uns.get("advsci", {}).get("source", Path(config.file).name))
    page = correction_page(
        adata,
        batch_key=config.batch_key,
        labels_key=config.labels_key,
        source=source,
        umap=config.umap,
        unlabeled_category=config.unlabeled_category,
    )
    return page.write(config.output)


def plan(config: WriteReport) -> dict[str, object]:
    """The cells that the page would be about.

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
    return {"cells": adata.n_obs, "output": str(config.output)}
