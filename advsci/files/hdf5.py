"""HDF5 of strangers: a file may point outside itself, need foreign code, or declare terabytes.

HDF5 lets a dataset keep its bytes in any other file of the machine (external storage) or in datasets of other files
(virtual datasets), and a link lead to another file; a reader follows all three silently, so that a crafted file shows
you, or whoever you send the result to, the content of your own files.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from advsci.errors import DataError, needs
from advsci.files.budget import memory_budget
from advsci.files.heaps import damaged_heap
from advsci.files.named import reading
from advsci.files.unpacking import LARGEST_RATIO, unpacked_size

__all__ = ["audit_hdf5", "open_hdf5", "walk_hdf5"]

_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf"}
_DEEPEST = 64
_MANY = 1_000_000
_ROWS = 4096


@contextmanager
def open_hdf5(
    path: str | Path,
    *,
    expected: str = "an HDF5 file",
    try_: str = "fetch it again",
    extra: str = "inverse",
    budget: int | None = None,
    on_disk: Sequence[str] = (),
) -> Iterator[Any]:
    """An ``h5py.File`` that was audited; what is read of it within the block fails by name.

    Parameters
    ----------
    path
        The file.
    expected, try_
        What the file should be and the advice, in words.
    extra
        The extra of advsci that installs h5py.
    budget
        Most bytes that the file may declare; None takes `advsci.files.memory_budget`.
    on_disk
        What lies below these names of the file's top stays on the disk: it may be of any size, its chunks may not.

    Yields
    ------
    h5py.File
        Open for reading.

    Raises
    ------
    MissingDependencyError
        h5py is not installed.
    DataError
        The file is missing, truncated, no HDF5, points outside itself, needs an unknown filter, or is too large.

    Examples
    --------
    >>> import tempfile, h5py
    >>> path = tempfile.mkdtemp() + "/image.h5"
    >>> with h5py.File(path, "w") as file:
    ...     file["x"] = np.zeros((2, 3))
    >>> with open_hdf5(path) as file:
    ...     file["x"].shape
    (2, 3)
    """
    with needs("h5py", extra):
        import h5py
    if not Path(path).is_file():
        raise DataError(f"got no file {path}; expected {expected}. Try: check the path.")
    with reading(path, expected, try_):
        if problem := damaged_heap(path):
            raise DataError(f"{path}: got {problem}; expected {expected}, whole. Try: {try_}.")
        try:
            file = h5py.File(path, "r")
        except OSError as error:
            raise DataError(f"{path} is no readable HDF5 file: {error}; expected {expected}. Try: {try_}.") from None
        with file:
            problems = list(audit_hdf5(file, budget, on_disk))
            if problems:
                raise DataError(
                    f"{path} was not read: {'; '.join(problems[:20])}; expected a file that points at no other and "
                    "fits into memory. Try: ask its author for a self-contained file."
                )
            yield file


def audit_hdf5(file: Any, budget: int | None = None, on_disk: Sequence[str] = ()) -> Iterator[str]:
    """What is wrong with an open ``h5py.File``, in words; of its data only text of any length is looked at.

    Parameters
    ----------
    file
        The open file.
    budget
        Most bytes that it may declare; None takes `advsci.files.memory_budget`.
    on_disk
        Names at the top below which data are not counted.

    Yields
    ------
    str
        One sentence per problem; nothing where all is well.
    """
    budget = memory_budget() if budget is None else budget
    total, texts = 0, []
    for name, link, node in walk_hdf5(file):
        if link is not None:
            yield f"'{name}' is {link}"
            continue
        for key in getattr(node, "attrs", ()):
            kept = node.attrs.get_id(key)
            total += int(np.prod(kept.shape, dtype=object)) * kept.dtype.itemsize if kept.shape is not None else 0
        if hasattr(node, "dtype") and hasattr(node, "id") and hasattr(node, "external"):
            if node.external:
                yield f"'{name}' keeps its bytes in another file ({node.external[0][0]})"
                continue
            if node.is_virtual:
                yield f"'{name}' is virtual: its bytes lie in other files"
                continue
            total += 0 if name.split("/")[1] in on_disk else int(node.size or 0) * node.dtype.itemsize
            texts += [node] if node.dtype.kind == "O" and node.size else []
            plan = node.id.get_create_plist()
            filters = {plan.get_filter(i)[0] for i in range(plan.get_nfilters())}
            if unknown := filters - set(_FILTERS):
                yield f"'{name}' needs the filters {sorted(unknown)}; expected {', '.join(_FILTERS.values())}"
                texts = [text for text in texts if text is not node]
            elif problem := _packed_too_much(node, [plan.get_filter(i)[0] for i in range(plan.get_nfilters())], budget):
                yield f"'{name}' {problem}"
                return
    if total > budget:
        yield f"it declares {total / 1e9:.1f} GB; expected at most {budget / 1e9:.1f} GB"
        return
    if any(node.size * file.id.get_filesize() > budget - total for node in texts):
        total += sum(_text_bytes(node, budget) for node in texts)
        if total > budget:
            yield f"its texts fill over {budget / 1e9:.1f} GB; expected less"


def _packed_too_much(node: Any, filters: list[int], budget: int) -> str:
    """What is wrong with the chunks of a dataset, in words: HDF5 unpacks a chunk whole, however large it comes out."""
    packing = [_FILTERS[number] for number in filters if number in (1, 4, 32000)]
    if len(packing) > 1:
        return f"is packed twice, by {' and '.join(packing)}"
    if not packing or node.id.get_storage_size() * LARGEST_RATIO.get(packing[0], 2**31) <= budget:
        return ""
    chunks: list[Any] = []
    node.id.chunk_iter(chunks.append)
    for chunk in chunks:
        if packing[0] == "szip":  # which states its size first
            size = int.from_bytes(node.id.read_direct_chunk(chunk.chunk_offset)[1][:4], "little")
        elif chunk.size * LARGEST_RATIO[packing[0]] <= budget:
            continue
        elif packing[0] == "gzip":
            size = unpacked_size("gzip", node.id.read_direct_chunk(chunk.chunk_offset)[1], budget)
        else:  # lzf states none, and nobody packs a hundred megabytes as one chunk of it
            size = budget + 1
        if size > budget:
            return f"has a chunk {chunk.chunk_offset} that may unpack to over {budget / 1e9:.3g} GB"
    return ""


def walk_hdf5(file: Any) -> Iterator[tuple[str, str | None, Any]]:
    """Everything below a group; links are not followed.

    Parameters
    ----------
    file
        An open ``h5py.File``, or a group of one.

    Yields
    ------
    (str, str or None, object)
        Path, what kind of link it is or None, and the object or None.

    Raises
    ------
    DataError
        Over a million objects, or groups nested over 64 deep.
    """
    import h5py
    from h5py import h5o  # type: ignore[attr-defined]

    seen: set[int] = set()
    waiting: list[tuple[str, Any, int]] = [("", file, 0)]
    while waiting:
        prefix, group, depth = waiting.pop()
        if depth > _DEEPEST or len(seen) > _MANY:
            raise DataError(
                f"got HDF5 of groups nested over {_DEEPEST} deep, or of over {_MANY:,} objects; expected fewer. "
                "Try: a flatter file."
            )
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
                    waiting.append((path, node, depth + 1))


def _text_bytes(node: Any, most: int) -> int:
    """Bytes of all texts of a dataset: many of its places may show the same long text."""
    total = 0
    flat_rows = max(1, _ROWS // max(1, int(np.prod(node.shape[1:], dtype=object)))) if node.shape else 1
    for start in range(0, node.shape[0] if node.shape else 1, flat_rows):
        part = np.ravel(node[start : start + flat_rows] if node.shape else np.array([node[()]], dtype=object))
        total += sum(49 + len(text) if isinstance(text, str | bytes) else 8 for text in part)
        if total > most:
            break
    return total
