"""Reading AnnData files from others: an h5ad file may point outside itself, and must not.

`read_h5ad` walks the file by `advsci.files.audit_hdf5`, and looks at its sparse matrices, before anything is read: a
pointer beyond the data is read by compiled code without a check.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advsci.errors import DataError, needs
from advsci.files.hdf5 import open_hdf5, walk_hdf5

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["audit_h5ad", "read_h5ad"]

_BLOCK = 2**22


def read_h5ad(path: Path | str, budget: int | None = None) -> "AnnData":
    """An AnnData file, after checks that reading it touches no other file and fits into ``budget`` bytes of memory.

    Parameters
    ----------
    path
        The file.
    budget
        Most memory that the file may declare [bytes]; None takes what is free, `advsci.files.memory_budget`.

    Returns
    -------
    AnnData
        What the file holds, in memory.

    Raises
    ------
    DataError
        If the file is missing, truncated, no h5ad, points outside itself, needs an unknown filter, declares more than
        ``budget`` bytes, or holds a sparse matrix that contradicts itself.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from advsci_datasets import read_h5ad
    >>> from advsci_datasets.cells import simulate_cells
    >>> path = Path(tempfile.mkdtemp()) / "cells.h5ad"
    >>> simulate_cells(20, rng=np.random.default_rng(0), n_genes=30).write_h5ad(path)
    >>> read_h5ad(path).shape
    (20, 30)
    """
    with needs("anndata", "singlecell"):
        import anndata
    audit_h5ad(path, budget)
    try:
        return anndata.read_h5ad(path)
    except Exception as error:  # anndata raises many kinds; each means that the file is no sound AnnData
        raise DataError(
            f"{path} is HDF5 but no AnnData: {error}; expected an h5ad file. Try: write it with AnnData.write_h5ad."
        ) from error


def audit_h5ad(path: Path | str, budget: int | None = None, on_disk: Sequence[str] = ()) -> int:
    """Look at an h5ad file before anything of it is believed.

    Parameters
    ----------
    path
        The file.
    budget
        Most memory that the file may declare [bytes]; None takes what is free.
    on_disk
        Parts at the top of the file that will stay on the disk, as ``("X", "layers")``, and are of any size.

    Returns
    -------
    int
        Bytes that ``X`` declares.

    Raises
    ------
    DataError
        As `read_h5ad`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from advsci_datasets.cells import simulate_cells
    >>> path = Path(tempfile.mkdtemp()) / "cells.h5ad"
    >>> simulate_cells(20, rng=np.random.default_rng(0), n_genes=30).write_h5ad(path)
    >>> audit_h5ad(path) > 20 * 4
    True
    """
    size = 0
    with open_hdf5(path, expected="an h5ad file", extra="singlecell", budget=budget, on_disk=on_disk) as file:
        for name, link, node in walk_hdf5(file):
            if hasattr(node, "nbytes") and name.split("/")[1] == "X":
                size += int(node.nbytes)
            kind = "" if link else str(getattr(node, "attrs", {}).get("encoding-type", ""))
            problems = list(_audit_sparse(node)) if kind in ("csr_matrix", "csc_matrix") else []
            if problems:
                raise DataError(
                    f"{path} was not read: sparse matrix '{name}': {'; '.join(problems)}; expected a matrix that "
                    "agrees with itself. Try: write the file again."
                )
    return size


def _audit_sparse(node: Any) -> Iterator[str]:
    import numpy as np

    parts: list[Any] = [node.get(part) for part in ("data", "indices", "indptr")] if hasattr(node, "get") else [None]
    shape = np.ravel(node.attrs.get("shape", ()))
    if any(getattr(p, "ndim", None) != 1 for p in parts) or len(shape) != 2 or shape.dtype.kind not in "iu":
        yield "got no data, indices, indptr and shape; expected all four"
        return
    data, indices, indptr = parts
    if indices.dtype.kind not in "iu" or indptr.dtype.kind not in "iu" or data.dtype.kind not in "biuf":
        yield f"got data of {data.dtype}, indices of {indices.dtype}, pointers of {indptr.dtype}; expected numbers"
        return
    by_row = str(node.attrs["encoding-type"]) == "csr_matrix"
    major, minor = (int(n) for n in (shape if by_row else shape[::-1]))
    pointers = indptr[:].astype(np.int64)
    if len(data) != len(indices):
        yield f"got {len(data)} values and {len(indices)} indices; expected as many"
    if len(pointers) != major + 1 or pointers[0] != 0 or pointers[-1] != len(data) or (np.diff(pointers) < 0).any():
        yield f"its row pointers do not rise from 0 to {len(data)} in {major} steps"
    for start in range(0, len(indices), _BLOCK):
        block = indices[start : start + _BLOCK]
        if block.min() < 0 or block.max() >= minor:
            yield f"its indices reach from {block.min()} to {block.max()}; expected 0 to {minor - 1}"
            return
