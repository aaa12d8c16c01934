"""Cells from the disk and by name: a file, a registered data set, or the simulator."""

import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from advsci.errors import DataError, needs
from advsci.files import open_hdf5, open_zarr, reading, refuse_links
from advsci_singlecell.data.on_disk import MAPPINGS, on_disk, open_h5ad

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["load_input", "read_cells"]

ON_DISK = ("X", "layers")
BLOCK = 2**24
"""Indices of a matrix that are looked at together."""
IN_MEMORY = 2**29
"""Bytes of ``X`` above which an h5ad file is read where it is asked for, as a zarr store is at any size."""


def load_input(name: str, *, seed: int = 0, cells: int = 1800, use_raw: bool = False) -> tuple["AnnData", str]:
    """The AnnData of this name, and a sentence on what it is.

    Parameters
    ----------
    seed
        Of the simulator.
    cells
        How many cells the simulator draws.
    use_raw
        Take the matrix and genes of ``.raw``.

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
        adata = read_cells(name)
        if use_raw and adata.raw is None:
            raise DataError(f"got {name} without .raw; expected counts in it. Try: without --use-raw.")
        return (adata.raw.to_adata() if use_raw else adata), f"the file {Path(name).name}"
    if Path(name).suffix in (".h5ad", ".zarr"):
        raise DataError(f"got no file {name}; expected an AnnData file. Try: advsci datasets list.")
    from advsci_datasets import load_cells
    from advsci_datasets.registry import find

    data = load_cells(name)
    return data, f"the registered data set {name}: {find(name).description}"


def read_cells(path: Any) -> "AnnData":
    """An AnnData from an h5ad file or zarr store, audited before it is read.

    A zarr store's ``X`` stays on the disk, and so does that of an h5ad file of over half a gigabyte.

    Parameters
    ----------
    path
        File or folder.

    Raises
    ------
    DataError
        The file is missing, truncated, hostile or no AnnData.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from advsci_datasets.cells import simulate_cells
    >>> from advsci_singlecell import read_cells
    >>> path = Path(tempfile.mkdtemp()) / "cells.h5ad"
    >>> simulate_cells(20, rng=np.random.default_rng(0), n_genes=30).write_h5ad(path)
    >>> read_cells(path).shape
    (20, 30)
    """
    path = Path(path)
    if path.is_dir() and any(path.glob("matrix.mtx*")):
        return _by_scanpy("read_10x_mtx", path)
    if path.is_dir():
        return _open_zarr(path)
    if path.suffix == ".h5":
        return _by_scanpy("read_10x_h5", path)
    if path.suffix == ".mtx" or path.name.endswith(".mtx.gz"):
        return _by_scanpy("read_10x_mtx", path.parent)
    if path.suffix == ".h5mu":
        raise DataError(
            f"got {path.name}, a MuData of several modalities; expected one. Try: "
            "mudata.read(file)['rna'].write_h5ad('rna.h5ad')."
        )
    if path.suffix not in (".h5ad", ""):
        raise DataError(
            f"got {path.name}; expected .h5ad, .zarr, a 10x .h5 or a 10x folder. Try: anndata.read_csv, "
            "then write_h5ad."
        )
    from advsci_datasets.h5ad import audit_h5ad, read_h5ad

    if path.is_file() and path.stat().st_size > IN_MEMORY and audit_h5ad(path, on_disk=ON_DISK) > IN_MEMORY:
        return open_h5ad(path)
    return read_h5ad(path)


def _by_scanpy(reader: str, path: Path) -> "AnnData":
    """Counts of 10x Genomics, read by scanpy; gene names are made unique, as scanpy advises."""
    with needs("scanpy", "singlecell"):
        import scanpy
    if path.is_file():
        # audited: scanpy follows every link
        with open_hdf5(path, expected="counts of 10x Genomics", extra="singlecell") as file:
            _refuse_pointers(file, path)
    else:
        refuse_links(path)
        for file in sorted(path.glob("matrix.mtx*")):
            _refuse_zeros(file)
    try:
        adata = getattr(scanpy, reader)(path)
    except Exception as error:  # scanpy raises many kinds; each means that these are no sound 10x counts
        raise DataError(
            f"got {path.name}, which scanpy.{reader} cannot read ({error}); expected counts of 10x Genomics. "
            "Try: an .h5ad file."
        ) from error
    adata.var_names_make_unique()
    return adata


def _refuse_pointers(file: Any, path: Path) -> None:
    """Refuse compressed columns that point beyond their matrix: scipy does not look, and crashes on them."""
    parts = ("data", "indices", "indptr", "shape")
    for name, group in file.items():
        if not all(hasattr(group, "keys") and part in group and hasattr(group[part], "shape") for part in parts):
            continue
        data, indices, indptr, shape = (group[part] for part in parts)
        begins, size = indptr[:], shape[:]
        blocks = (indices[i : i + BLOCK] for i in range(0, indices.size, BLOCK))
        sound = (
            size.shape == (2,)
            and begins.shape == (size[1] + 1,)
            and begins[0] == 0
            and begins[-1] == indices.size == data.size
            and bool((np.diff(begins) >= 0).all())
            and all(0 <= int(block.min()) and int(block.max()) < size[0] for block in blocks)
        )
        if not sound:
            raise DataError(
                f"got {path.name}, whose group '{name}' points beyond its matrix; expected indices of its "
                f"{size.tolist()} genes and cells. Try: copy the file again."
            )


def _refuse_zeros(path: Path) -> None:
    """Refuse a matrix of text with zero bytes, as an interrupted copy leaves them: scipy's reader crashes on them."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            whole = all(b"\0" not in piece for piece in iter(lambda: file.read(2**20), b""))
    except (OSError, EOFError, zlib.error):
        return  # scanpy names it
    if not whole:
        raise DataError(
            f"got {path.name} with zero bytes; expected text of a Matrix Market file, whole. Try: copy it again."
        )


def _open_zarr(path: Any) -> "AnnData":
    import anndata
    import zarr

    group = open_zarr(path)
    with reading(path, "an AnnData in zarr", "AnnData.write_zarr"):
        read: Any = anndata.io.read_elem
        parts: dict[str, Any] = {name: read(cast(Any, group[name])) for name in ("obs", "var")}
        parts |= {name: dict(read(cast(Any, group[name]))) for name in MAPPINGS if name in group}
        adata = anndata.AnnData(**parts)
        if "X" in group:
            adata.X = on_disk(group["X"])
        for name in cast(Any, group["layers"]) if "layers" in group else ():
            adata.layers[name] = on_disk(cast(Any, group["layers"])[name])
        if isinstance(group.get("raw"), zarr.Group):  # no raw may be stored as an empty array
            raw = cast(Any, group["raw"])
            adata.raw = anndata.AnnData(X=read(raw["X"]), obs=parts["obs"], var=read(raw["var"]))
        return adata
