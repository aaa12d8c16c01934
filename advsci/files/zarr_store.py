"""Zarr stores of strangers: known codecs only, no links, nothing larger than the memory, and no chunk that is missing.

A codec is named by the store, and some run code (``pickle``): only those below are allowed. A chunk that is missing is
read as zeros by the format, so that an interrupted copy puts all counts into gene 0 and all cells into the first type:
chunks that a sound store must have are looked for, and no chunk may unpack to more than fits into memory
(`advsci.files.zarr_chunks`). A folder with a manifest beside it
(`advsci.files.record_manifest`) is compared with that instead.
"""

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from advsci.errors import DataError, needs
from advsci.files.budget import memory_budget
from advsci.files.links import refuse_links
from advsci.files.manifest import manifest_of, verify_manifest
from advsci.files.named import reading
from advsci.files.plain import read_json
from advsci.files.zarr_chunks import audit_chunks, codec_name, missing_chunk

__all__ = ["audit_zarr", "open_zarr"]

_CODECS = {
    *("blosc", "zlib", "gzip", "bz2", "lzma", "zstd", "lz4", "vlen-utf8", "vlen-bytes", "delta"),
    *("shuffle", "bitround", "fixedscaleoffset", "quantize", "packbits", "astype", "crc32", "crc32c", "adler32"),
    *("fletcher32", "jenkins_lookup3", "bytes", "endian", "transpose", "sharding_indexed", "json2", "cast_value"),
}
_GRIDS, _KEYS = ("regular",), ("default", "v2")
_ON_DISK = ("X", "layers")
_MANY = 1_000_000
_DESCRIPTION = 10_000_000


def open_zarr(path: str | Path, budget: int | None = None) -> Any:
    """A ``zarr.Group`` that was audited, read-only.

    Parameters
    ----------
    path
        The store, a folder.
    budget
        Most bytes that its arrays may fill together, matrices that stay on the disk (``X`` and ``layers``) left out;
        None takes `advsci.files.memory_budget`.

    Returns
    -------
    zarr.Group
        What consolidated metadata say is not believed: each array speaks for itself.

    Raises
    ------
    MissingDependencyError
        zarr is not installed.
    DataError
        No store, or one that `audit_zarr` finds fault with; a manifest beside it says otherwise than the folder.

    Examples
    --------
    >>> import tempfile, zarr
    >>> path = tempfile.mkdtemp() + "/numbers.zarr"
    >>> _ = zarr.open_group(path, mode="w", zarr_format=2).create_array("x", shape=(3,), dtype="f4")
    >>> list(open_zarr(path))
    ['x']
    """
    with needs("zarr", "singlecell"):
        import zarr
    refuse_links(path)
    vouched = manifest_of(path).is_file()
    if vouched:
        wrong = [f"{name} is {state}" for name, state in verify_manifest(path) if state != "ok"]
        if wrong:
            raise DataError(
                f"{path}: got {len(wrong)} files that differ from the manifest ({'; '.join(wrong[:3])}); expected the "
                "store as it was recorded. Try: copy it again."
            )
    problems = list(audit_zarr(path, budget, chunks=not vouched))
    if problems:
        raise DataError(
            f"{path} was not read: {'; '.join(problems[:10])}; expected a whole store of known codecs. Try: copy it "
            "again; if it is whole, advsci datasets verify STORE --record says so."
        )
    with reading(path, "AnnData in zarr, or another store of zarr", "copy it again"):
        return zarr.open_group(str(path), mode="r", use_consolidated=False)


def audit_zarr(path: str | Path, budget: int | None = None, *, chunks: bool = True) -> Iterator[str]:
    """What is wrong with a store, in words; only descriptions and headers are read, and zarr itself is not asked.

    Parameters
    ----------
    path
        The store.
    budget
        Most bytes; None takes `advsci.files.memory_budget`.
    chunks
        Whether chunks that must be there are looked for.

    Yields
    ------
    str
        One sentence per problem; nothing where all is well.

    Raises
    ------
    DataError
        A description is no JSON, or is nested too deep.
    """
    budget = memory_budget() if budget is None else budget
    total = 0
    root = Path(path)
    for count, (where, about) in enumerate(_arrays(root)):
        name = where.relative_to(root).as_posix()
        if count > _MANY:
            yield f"it holds over {_MANY:,} arrays"
            return
        unknown = sorted(_codecs(about) - _CODECS)
        if unknown:
            yield f"'{name}' needs the codecs {unknown}, which are not allowed"
            continue
        try:
            shape, chunk, size = _form(about)
        except Exception as error:  # a description may hold anything
            yield f"'{name}' is described in a way that is not known ({type(error).__name__}: {error})"
            continue
        total += 0 if name.split("/")[0] in _ON_DISK else math.prod(shape) * size
        if math.prod(chunk) * size > budget:
            yield f"'{name}' declares chunks of {math.prod(chunk) * size / 1e9:.3g} GB"
        else:
            yield from (f"'{name}' {problem}" for problem in audit_chunks(where, about, math.prod(chunk), budget))
        if chunks and _whole(root, where, about):
            wanted = math.prod(-(-n // c) for n, c in zip(shape, chunk, strict=True))
            there = _chunks_there(where)
            if there < wanted:
                lost = missing_chunk(where, about, shape, chunk)
                yield f"'{name}' has {there:,} of {wanted:,} chunks: '{lost}' and others would be read as zeros"
    if total > budget:
        yield f"it declares {total / 1e9:.1f} GB; expected at most {budget / 1e9:.1f} GB"


def _arrays(root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """(folder, description) of every array."""
    for where, _, files in os.walk(root):
        for name in (".zarray", "zarr.json"):
            if name in files:
                about = read_json(Path(where) / name, expected="the description of a zarr array", most=_DESCRIPTION)
                if name == ".zarray" or about.get("node_type") == "array":
                    yield Path(where), about


def _codecs(about: Mapping[str, Any]) -> set[str]:
    """Names of all codecs that an array needs, of shards too."""
    found: set[str] = set()
    waiting = [about.get("compressor"), about.get("filters"), about.get("codecs"), about.get("storage_transformers")]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += item
        elif isinstance(item, dict):
            found.add(codec_name(item))
            inner = item.get("configuration") or {}
            waiting += [inner.get("codecs"), inner.get("index_codecs")] if isinstance(inner, dict) else [{"id": inner}]
        elif item is not None:
            found.add(codec_name(item))
    return found


def _form(about: Mapping[str, Any]) -> tuple[list[int], list[int], int]:
    """(shape, shape of a chunk, bytes a value)."""
    import numpy as np

    if about.get("zarr_format") == 2:
        shape, chunk = about["shape"], about["chunks"]
        size = np.dtype(str(about["dtype"]) if isinstance(about["dtype"], str) else _structured(about)).itemsize
        separator = about.get("dimension_separator", ".")
        if separator not in (".", "/"):
            raise ValueError(f"separator {separator!r}")
    else:
        grid, keys = about["chunk_grid"], about["chunk_key_encoding"]
        if grid["name"] not in _GRIDS or keys["name"] not in _KEYS:
            raise ValueError(f"chunks of {grid['name']}, {keys['name']}")
        shape, chunk = about["shape"], grid["configuration"]["chunk_shape"]
        kind = about["data_type"]
        size = np.dtype(kind).itemsize if isinstance(kind, str) and kind not in ("string", "bytes", "bool") else 16
    numbers = [int(n) for n in (*shape, *chunk)]
    if len(shape) != len(chunk) or any(n < 0 for n in numbers) or any(n < 1 for n in numbers[len(shape) :]):
        raise ValueError(f"shape {shape} in chunks {chunk}")
    return numbers[: len(shape)], numbers[len(shape) :], size


def _structured(about: Mapping[str, Any]) -> list[tuple]:
    return [(str(part[0]), str(part[1]), *part[2:]) for part in about["dtype"]]


def _whole(root: Path, where: Path, about: Mapping[str, Any]) -> bool:
    """Whether a sound store has every chunk of this array: parts of sparse matrices, codes, names, X."""
    parts = where.relative_to(root).parts
    if not parts:
        return False
    attributes, last = _attributes(where.parent), parts[-1]
    if str(attributes.get("encoding-type", "")) in ("csr_matrix", "csc_matrix"):
        return last in ("data", "indices", "indptr")
    if attributes.get("encoding-type") == "categorical":
        return last == "categories" or (last == "codes" and _length(where.parent / "categories") > 1)
    return parts == ("X",) or parts == ("raw", "X") or last == attributes.get("_index", "_index")


def _attributes(folder: Path) -> Mapping[str, Any]:
    if (folder / ".zattrs").is_file():
        return read_json(folder / ".zattrs", expected="attributes of a zarr group", most=_DESCRIPTION)
    if (folder / "zarr.json").is_file():
        about = read_json(folder / "zarr.json", expected="the description of a zarr group", most=_DESCRIPTION)
        found = about.get("attributes", {})
        return found if isinstance(found, dict) else {}
    return {}


def _length(folder: Path) -> int:
    for name in (".zarray", "zarr.json"):
        if (folder / name).is_file():
            shape = read_json(folder / name, expected="the description of a zarr array", most=_DESCRIPTION).get("shape")
            return int(shape[0]) if isinstance(shape, list) and shape and isinstance(shape[0], int) else 0
    return 0


def _chunks_there(where: Path) -> int:
    return sum(len([f for f in files if f[:1] != "." and f != "zarr.json"]) for _, _, files in os.walk(where))
