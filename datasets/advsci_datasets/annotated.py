"""Registered cells as AnnData: counts (or what ``uns['X_is']`` says), ``obs['batch']``, ``obs['cell_type']``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from advsci.errors import DataError, needs
from advsci_datasets.h5ad import read_h5ad
from advsci_datasets.registry import fetch, find, prepared

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["load_cells", "read_cellmix"]


def load_cells(name: str) -> "AnnData":
    """A registered data set of kind ``cells``: the prepared file if ``ADVSCI_DATA`` has it, else from the originals.

    Raises
    ------
    DataError
        On an unknown name, a file that is altered, or one that cannot be had.
    """
    entry = find(name)
    if entry.kind != "cells":
        raise DataError(f"got the data set '{name}' of kind {entry.kind}; expected cells. Try: advsci datasets list.")
    path = prepared(name)
    return read_h5ad(path) if path is not None else read_cellmix(fetch(name))


def read_cellmix(files: dict[str, Path]) -> "AnnData":
    """One AnnData from the count and metadata tables of the cell mixture experiments (Tian et al. 2019).

    Parameters
    ----------
    files
        ``sc_BATCH.count.csv.gz`` (genes by cells) and ``sc_BATCH.metadata.csv.gz`` of every batch. Singlets by genotype
        are kept, the label is the cell line by genotype, and genes that every batch has.

    Raises
    ------
    DataError
        Columns of the metadata or the counts of cells are missing.
    """
    with needs("anndata", "singlecell"):
        import anndata
        import pandas as pd
        from scipy.sparse import csr_matrix
    parts = []
    for name in sorted(n for n in files if n.endswith(".count.csv.gz")):
        batch = name.removeprefix("sc_").removesuffix(".count.csv.gz")
        meta = pd.read_csv(files[name.replace(".count.", ".metadata.")], index_col=0)
        counts = pd.read_csv(files[name], index_col=0)
        missing = {"cell_line_demuxlet", "demuxlet_cls"} - set(meta.columns)
        if missing or not set(meta.index) <= set(counts.columns):
            raise DataError(
                f"{name}: got metadata without {sorted(missing)} or cells without counts; expected both complete. "
                "Try: fetch them again."
            )
        meta = meta[meta["demuxlet_cls"] == "SNG"]
        obs = pd.DataFrame({"batch": batch, "cell_type": meta["cell_line_demuxlet"]}, index=meta.index)
        obs.index = [f"{batch}:{cell}" for cell in obs.index]
        parts.append((obs, counts[meta.index]))
    genes = sorted(set.intersection(*(set(counts.index) for _, counts in parts)))
    matrix = csr_matrix(pd.concat([counts.loc[genes] for _, counts in parts], axis=1).to_numpy("float32").T)
    obs = pd.concat([obs for obs, _ in parts]).astype("category")
    cells = anndata.AnnData(matrix, obs, pd.DataFrame(index=pd.Index(genes)))
    entry = find("cellmix_5batch")
    cells.uns = {"X_is": "counts", "provenance": json.dumps({"source": entry.source, "licence": entry.licence})}
    return cells
