"""Reading AnnData files from others: an h5ad file may point outside itself, and must not.

HDF5 lets a dataset keep its bytes in any other file of the machine (external storage) and a link lead to another file;
a reader follows both silently, so that a crafted file shows you, or whoever you send the result to, the content of your
own files. `read_h5ad` walks the file before anything is read.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advsci.errors import DataError, needs

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["audit_h5ad", "read_h5ad"]

KNOWN_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf"}
DEFAULT_BUDGET = 64 * 2**30


def read_h5ad(path: Path | str, budget: int = DEFAULT_BUDGET) -> "AnnData":
    """An AnnData file, after checks that reading it touches no other file and fits into ``budget`` bytes of memory.

    Parameters
    ----------
    path
        The file.
    budget
        Most memory that the file may declare [bytes].

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
        import h5py
    if not Path(path).is_file():
        raise DataError(f"got no file {path}; expected an h5ad file. Try: advsci datasets list.")
    try:
        with h5py.File(path, "r") as file:
            problems = list(audit_h5ad(file, budget))
    except OSError as error:
        raise DataError(
            f"{path} is no readable HDF5 file: {error}; expected an h5ad file. Try: fetch it again."
        ) from None
    if problems:
        raise DataError(
            f"{path} was not read: {'; '.join(problems)}; expected a file that points at no other. Try: ask "
            "its author for a self-contained file."
        )
    try:
        return anndata.read_h5ad(path)
    except Exception as error:  # anndata raises many kinds; each means that the file is no sound AnnData
        raise DataError(
            f"{path} is HDF5 but no AnnData: {error}; expected an h5ad file. Try: write it with AnnData.write_h5ad."
        ) from error


def audit_h5ad(file: Any, budget: int = DEFAULT_BUDGET) -> Iterator[str]:
    """What is wrong with an open ``h5py.File``, in words; nothing of its data but index pointers is read.

    Parameters
    ----------
    file
        The open file.
    budget
        Most memory that it may declare [bytes].

    Returns
    -------
    iterator of str
        One sentence per problem; nothing where all is well.
    """
    total = 0
    for name, link, node in _walk(file):
        if link is not None:
            yield f"'{name}' is {link}"
        elif hasattr(node, "dtype"):
            if node.external:
                yield f"'{name}' keeps its bytes in another file ({node.external[0][0]})"
            if node.is_virtual:
                yield f"'{name}' is virtual: its bytes lie in other files"
            total += node.size * node.dtype.itemsize if node.size else 0
            plan = node.id.get_create_plist()
            filters = {plan.get_filter(i)[0] for i in range(plan.get_nfilters())}
            if unknown := filters - set(KNOWN_FILTERS):
                yield f"'{name}' needs the filters {sorted(unknown)}; expected {', '.join(KNOWN_FILTERS.values())}"
    if total > budget:
        yield f"it declares {total / 1e9:.1f} GB; expected at most {budget / 1e9:.1f} GB"
        return
    for name, link, node in _walk(file):
        if link is None and str(getattr(node, "attrs", {}).get("encoding-type", "")) in ("csr_matrix", "csc_matrix"):
            yield from (f"sparse matrix '{name}': {problem}" for problem in _audit_sparse(node))


def _walk(group: Any, prefix: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, str | None, Any]]:
    """(path, what kind of link it is or None, the object) of everything below a group; links are not followed."""
    import h5py
    from h5py import h5o  # type: ignore[attr-defined]

    seen = set() if seen is None else seen
    for name in group:
        path, link = f"{prefix}/{name}", group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            yield path, f"a link to another file ({link.filename})", None
        elif isinstance(link, h5py.SoftLink):
            yield path, f"a link to '{link.path}'", None
        else:
            node = group[name]
            address = h5o.get_info(node.id).addr
            if address in seen:  # a hard link to what was seen, perhaps to a group that contains this one
                continue
            seen.add(address)
            yield path, None, node
            if isinstance(node, h5py.Group):
                yield from _walk(node, path, seen)


def _audit_sparse(node: Any) -> Iterator[str]:
    import numpy as np

    parts = [node.get(part) for part in ("data", "indices", "indptr")]
    shape = node.attrs.get("shape")
    if any(p is None or p.ndim != 1 for p in parts) or shape is None or len(shape) != 2:
        yield "got no data, indices, indptr and shape; expected all four"
        return
    data, indices, indptr = parts
    major = int(shape[0] if str(node.attrs["encoding-type"]) == "csr_matrix" else shape[1])
    pointers = indptr[:]
    if len(data) != len(indices):
        yield f"got {len(data)} values and {len(indices)} indices; expected as many"
    if len(pointers) != major + 1 or pointers[0] != 0 or pointers[-1] != len(data) or (np.diff(pointers) < 0).any():
        yield f"its row pointers do not rise from 0 to {len(data)} in {major} steps"
