"""Cells from the disk and by name: a file, a registered data set, or the simulator."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from advsci.errors import DataError

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["load_input", "read_cells"]


def load_input(name: str, *, seed: int = 0, cells: int = 1800) -> tuple["AnnData", str]:
    """The AnnData of this name, and a sentence on what it is.

    Raises
    ------
    DataError
        There is no such file or data set, or it cannot be read.
    """
    if name == "simulator":
        from advsci_datasets.cells import simulate_cells

        data = simulate_cells(cells, rng=np.random.default_rng(seed))
        return data, f"{cells} simulated cells with known truth (three batches, seven types, seed {seed})"
    if Path(name).exists():
        return read_cells(name), f"the file {Path(name).name}"
    if Path(name).suffix in (".h5ad", ".zarr"):
        raise DataError(f"got no file {name}; expected an AnnData file. Try: advsci datasets list")
    from advsci_datasets import load_cells
    from advsci_datasets.registry import find

    data = load_cells(name)
    return data, f"the registered data set {name}: {find(name).description}"


def read_cells(path: Any) -> "AnnData":
    """An AnnData from an h5ad file or zarr store, audited before it is read; a zarr store's ``X`` stays on the disk.

    Raises
    ------
    DataError
        The file is missing, truncated, hostile or no AnnData.
    """
    path = Path(path)
    if path.is_dir():
        return _open_zarr(path)
    from advsci_datasets import read_h5ad

    return read_h5ad(path)


def _open_zarr(path: Any) -> "AnnData":
    import anndata
    import zarr

    try:
        group = zarr.open_group(str(path), mode="r")
        obs, var, x = (cast(Any, group[name]) for name in ("obs", "var", "X"))
        adata = anndata.AnnData(obs=cast(Any, anndata.io.read_elem(obs)), var=cast(Any, anndata.io.read_elem(var)))
        adata.X = anndata.io.sparse_dataset(x) if isinstance(x, zarr.Group) else x
    except Exception as error:  # zarr and anndata raise many kinds; each means that the store is no sound AnnData
        raise DataError(f"{path} is no AnnData in zarr: {error}. Try: AnnData.write_zarr.") from error
    return adata
