"""Samples in tar files, in the way of webdataset, read in any order.

Files that belong to one sample follow each other and share their name up to its first dot: ``000017.png``,
``000017.cls``. An uncompressed tar file can be read from any place, so the samples of all shards are one data set with
a length: their order, and where a resumed training goes on, is the same for any number of workers and processes.
"""

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from advsci.errors import DataError
from advsci.files.arrays import read_npy
from advsci.training.images import ENDINGS, pixels

__all__ = ["TarShards"]

FIELDS = {"x": tuple(sorted(e[1:] for e in ENDINGS)) + ("npy",), "condition": ("cls",)}
"""Key of a batch -> endings that stand for it, where the user names none."""


class TarShards(Dataset):
    """The samples of tar files; hand it to `Trainer.fit`, or in ``ItemSource(TarShards(folder), workers=4)``.

    Parameters
    ----------
    shards
        A folder of ``.tar`` files (sorted by name), one such file, or several.
    fields
        Key of the batch -> ending of its file, such as ``{"x": "npy", "condition": "cls"}``. None takes images or
        ``npy`` as ``"x"`` and ``cls`` as ``"condition"``, where there are some.
    decode
        Ending -> function of the file's bytes. Images are decoded as by `advsci.training.ImageFolder` (three channels),
        ``npy`` by numpy without pickles, ``cls`` is a whole number, ``json`` numbers.

    Raises
    ------
    DataError
        No shard, a file that is no uncompressed tar, no sample, or a sample that lacks a field; on reading, bytes that
        cannot be decoded.

    Examples
    --------
    >>> import io, tarfile, tempfile
    >>> path = tempfile.mkdtemp() + "/a.tar"
    >>> with tarfile.open(path, "w") as shard:
    ...     for i in range(3):
    ...         info = tarfile.TarInfo(f"{i:04d}.cls")
    ...         info.size = 1
    ...         shard.addfile(info, io.BytesIO(str(i).encode()))
    >>> samples = TarShards(path, fields={"x": "cls"})
    >>> len(samples), samples[2]
    (3, {'x': tensor(2)})
    """

    def __init__(
        self,
        shards: str | Path | Sequence[str | Path],
        *,
        fields: Mapping[str, str] | None = None,
        decode: Mapping[str, Callable[[bytes], Any]] | None = None,
    ):
        self.shards = _shards(shards)
        wanted = FIELDS if fields is None else {key: (ending,) for key, ending in fields.items()}
        self.decode = {**_DECODE, **(decode or {})}
        rows: list[list[int]] = []
        endings: dict[str, str] = {}
        for number, path in enumerate(self.shards):
            for name, files in _samples(path):
                found = {key: next((e for e in names if e in files), "") for key, names in wanted.items()}
                if not rows:
                    endings = {key: ending for key, ending in found.items() if ending or fields is not None}
                missing = [key for key, ending in endings.items() if found[key] != ending or not ending]
                if missing or "x" not in endings:
                    raise DataError(
                        f"{path}: got a sample '{name}' with {', '.join(sorted(files))}; expected a file for "
                        f"'{(missing or ['x'])[0]}' in each. Try: TarShards(..., fields={{'x': 'npy'}})."
                    )
                rows.append([number, *(entry for ending in endings.values() for entry in files[ending])])
        if not rows:
            raise DataError(
                f"{self.shards[0]}: got no samples; expected files such as 0001.png. Try: another folder of shards."
            )
        self.endings = endings
        self._places = np.array(rows, dtype=np.int64)  # shard, then offset and size of each field
        if unknown := [ending for ending in endings.values() if ending not in self.decode]:
            raise DataError(
                f"{self.shards[0]}: got files '.{unknown[0]}'; expected {', '.join(sorted(self.decode))}. "
                f"Try: decode={{'{unknown[0]}': function of bytes}}."
            )

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> dict[str, Any]:
        shard, *places = self._places[index].tolist()
        path, sample = self.shards[shard], {}
        with path.open("rb") as file:
            for (key, ending), offset, size in zip(self.endings.items(), places[::2], places[1::2], strict=True):
                file.seek(offset)
                content = file.read(size)
                try:
                    sample[key] = self.decode[ending](content)
                except (OSError, ValueError, SyntaxError, TypeError, EOFError) as error:
                    raise DataError(
                        f"{path}: got a file '.{ending}' of sample {index} that cannot be decoded "
                        f"({type(error).__name__}: {error}); expected one. Try: write the shard again."
                    ) from None
        return sample


def _shards(given: str | Path | Sequence[str | Path]) -> list[Path]:
    several = [Path(given)] if isinstance(given, str | Path) else [Path(path) for path in given]
    found = [file for path in several for file in (sorted(path.glob("*.tar")) if path.is_dir() else [path])]
    if not found:
        raise DataError(f"got no .tar files in {given}; expected at least one. Try: another folder.")
    return found


def _samples(path: Path) -> Iterator[tuple[str, dict[str, tuple[int, int]]]]:
    """Name of each sample, and ending -> (offset, size) of its files, read from the headers alone."""
    try:
        with tarfile.open(path, "r:") as shard:
            name, files = "", {}
            for member in shard:
                if not member.isfile():
                    continue
                folder, _, base = member.name.rpartition("/")
                stem, _, ending = base.partition(".")
                if (key := f"{folder}/{stem}" if folder else stem) != name and files:
                    yield name, files
                    files = {}
                name = key
                files[ending.lower()] = member.offset_data, member.size
                shard.members = []  # the headers of a large shard are not kept  # type: ignore[attr-defined]
            if files:
                yield name, files
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(
            f"{path}: got no readable uncompressed tar file ({type(error).__name__}: {error}); expected one. "
            "Try: gunzip it, or copy it again."
        ) from None


def _array(content: bytes) -> Tensor:
    return torch.from_numpy(read_npy(io.BytesIO(content), len(content)))


def _image(content: bytes) -> Tensor:
    return pixels(io.BytesIO(content), 3)


def _whole_number(content: bytes) -> Tensor:
    return torch.tensor(int(content))


def _numbers(content: bytes) -> Tensor:
    return torch.tensor(json.loads(content))


_DECODE: dict[str, Callable[[bytes], Any]] = {
    **{ending[1:]: _image for ending in ENDINGS},
    "npy": _array,
    "cls": _whole_number,
    "json": _numbers,
}
