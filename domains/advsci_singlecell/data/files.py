"""Cells from the disk and by name: a file, a registered data set, or the simulator."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from advsci.errors import DataError

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["load_input", "read_cells"]

MAPPINGS = ("obsm", "varm", "obsp", "varp", "uns")


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
        read = anndata.io.read_elem
        parts: dict[str, Any] = {name: read(cast(Any, group[name])) for name in ("obs", "var")}
        parts |= {name: dict(read(cast(Any, group[name]))) for name in MAPPINGS if name in group}
        adata = anndata.AnnData(**parts)
        if "X" in group:
            adata.X = _on_disk(group["X"])
        for name in cast(Any, group["layers"]) if "layers" in group else ():
            adata.layers[name] = _on_disk(cast(Any, group["layers"])[name])
        if "raw" in group:
            raw = cast(Any, group["raw"])
            adata.raw = anndata.AnnData(X=read(raw["X"]), obs=parts["obs"], var=read(raw["var"]))
    except Exception as error:  # zarr and anndata raise many kinds; each means that the store is no sound AnnData
        raise DataError(f"{path} is no AnnData in zarr: {error}. Try: AnnData.write_zarr.") from error
    return adata


def _on_disk(element: Any) -> Any:
    """A matrix of a zarr store, read when it is asked for."""
    import anndata
    import zarr

    return anndata.io.sparse_dataset(element) if isinstance(element, zarr.Group) else element
