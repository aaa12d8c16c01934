"""Cells whose matrix stays on the disk: an h5ad file or zarr store of any size is opened, corrected and written with
one block of it in memory at a time.

A sparse matrix on the disk is three arrays, ``data``, ``indices`` and ``indptr``; copying them block by block copies
the matrix, by rows or by columns alike.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from advsci.errors import DataError
from advsci.files import reading

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["open_h5ad", "stays_on_disk", "write_cells"]

MAPPINGS = ("obsm", "varm", "obsp", "varp", "uns")
BLOCK = 2**22
"""Values that are copied at once."""


def open_h5ad(path: Path) -> "AnnData":
    """An AnnData whose ``X`` and layers are read where they are asked for.

    Parameters
    ----------
    path
        An h5ad file that `advsci_datasets.h5ad.audit_h5ad` found sound.

    Returns
    -------
    AnnData
        The file stays open as long as its matrices are in use.

    Raises
    ------
    DataError
        The file is no AnnData.
    """
    import anndata
    import h5py

    with reading(path, "an h5ad file", "write it with AnnData.write_h5ad"):
        file: Any = h5py.File(path, "r")
        read: Any = anndata.io.read_elem
        parts: dict[str, Any] = {name: read(file[name]) for name in ("obs", "var")}
        parts |= {name: dict(read(file[name])) for name in MAPPINGS if name in file}
        adata = anndata.AnnData(**parts)
        if "X" in file:
            adata.X = on_disk(file["X"])
        for name in file.get("layers", ()):
            adata.layers[name] = on_disk(file["layers"][name])
        if "raw" in file:
            adata.raw = anndata.AnnData(X=read(file["raw/X"]), obs=parts["obs"], var=read(file["raw/var"]))
        return adata


def on_disk(element: Any) -> Any:
    """A matrix of a zarr store or HDF5 file, read when it is asked for.

    Parameters
    ----------
    element
        A group with a sparse matrix, or an array.

    Returns
    -------
    object
        The array, or anndata's sparse data set.
    """
    import anndata

    return element if hasattr(element, "shape") else anndata.io.sparse_dataset(element)


def stays_on_disk(matrix: Any) -> bool:
    """Whether a matrix is one of `on_disk`.

    Parameters
    ----------
    matrix
        ``X`` or a layer.

    Returns
    -------
    bool
        False for whatever lies in memory, and for None.

    Examples
    --------
    >>> stays_on_disk(np.zeros((3, 2)))
    False
    """
    in_memory = matrix is None or isinstance(matrix, np.ndarray) or sparse.issparse(matrix)
    return not in_memory and type(matrix).__module__.split(".")[0] in ("anndata", "zarr", "h5py")


def write_cells(adata: "AnnData", path: str | Path) -> Path:
    """Write an h5ad file, or a zarr store where the name ends so; matrices on the disk are copied block by block.

    Parameters
    ----------
    adata
        The cells.
    path
        The file; what was there is replaced once the new one is whole, and may be what ``adata`` is read from.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DataError
        It cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from advsci_datasets.cells import simulate_cells
    >>> cells = simulate_cells(20, rng=np.random.default_rng(0), n_genes=30)
    >>> write_cells(cells, Path(tempfile.mkdtemp()) / "cells.h5ad").name
    'cells.h5ad'
    """
    import anndata

    path = Path(path)
    layers = {name: matrix for name, matrix in adata.layers.items() if stays_on_disk(matrix)}
    parts: dict[str, Any] = {name: dict(getattr(adata, name)) for name in MAPPINGS}
    parts |= {"layers": {name: matrix for name, matrix in adata.layers.items() if name not in layers}}
    parts |= {"obs": adata.obs, "var": adata.var, "X": None if stays_on_disk(adata.X) else adata.X}
    rest = anndata.AnnData(**parts)
    if adata.raw is not None:
        rest.raw = adata.raw.to_adata()
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
        with _written(rest, partial, zarr=path.suffix == ".zarr") as file:
            if stays_on_disk(adata.X):
                if "X" in file:
                    del file["X"]
                _copy(adata.X, file, "X")
            for name, matrix in layers.items():
                _copy(matrix, file.require_group("layers"), name)
        _replace(path, partial)
    except OSError as error:
        _remove(partial)
        raise DataError(
            f"got {path}, which cannot be written ({error}); expected a disk with room for the counts. "
            "Try: --output on another disk."
        ) from None
    return path


@contextmanager
def _written(adata: "AnnData", path: Path, *, zarr: bool) -> Iterator[Any]:
    """The file or store of what is in memory, open to add the rest."""
    if zarr:
        from zarr import consolidate_metadata, open_group

        adata.write_zarr(path)
        yield open_group(str(path), mode="a", use_consolidated=False)
        consolidate_metadata(str(path))
    else:
        import h5py

        adata.write_h5ad(path)
        with h5py.File(path, "a") as file:
            yield file


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _replace(path: Path, new: Path) -> None:
    """A folder cannot replace a folder: the old one steps aside first."""
    old = path.with_name(f".{path.name}.old")
    if path.is_dir():
        _remove(old)
        path.rename(old)
    new.replace(path)
    _remove(old)


def _copy(matrix: Any, place: Any, name: str) -> None:
    group = getattr(matrix, "group", None)
    if group is None:
        made = _copied(matrix, place, name)
        made.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        return
    made = place.create_group(name)
    made.attrs.update({"encoding-type": f"{matrix.format}_matrix", "encoding-version": "0.1.0"})
    made.attrs["shape"] = [int(n) for n in matrix.shape]
    for part in ("data", "indices", "indptr"):
        _copied(group[part], made, part)


def _copied(source: Any, place: Any, name: str) -> Any:
    shape, dtype = source.shape, source.dtype
    step = max(1, BLOCK // max(1, int(np.prod(shape[1:]))))
    if hasattr(place, "create_array"):  # zarr: a chunk for each block
        made = place.create_array(name, shape=shape, dtype=dtype, chunks=(min(step, max(shape[0], 1)), *shape[1:]))
    else:
        made = place.create_dataset(name, shape=shape, dtype=dtype)
    for start in range(0, shape[0], step):
        rows = slice(start, min(start + step, shape[0]))
        made[rows] = source[rows]
    return made
