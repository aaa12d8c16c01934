"""Cells of a collection that annbatch has shuffled on the disk: a stream of samples for any game, never in memory."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import IterableDataset

from advsci.errors import DataError, needs
from advsci.files import open_zarr
from advsci.streams import Stream

__all__ = ["CollectionCells"]


class CollectionCells(IterableDataset):
    """Counts and columns of the cells of an annbatch collection, one cell after another and without end.

    Every pass over the cells has an order of its own, a function of ``seed``: two iterations give the same cells, so
    that a resumed training goes on where it was. The package annbatch needs Python 3.12.

    Parameters
    ----------
    path
        Folder that ``annbatch.DatasetCollection`` wrote.
    keys
        Columns of ``obs``, whose values become numbers: ``names[key]`` lists the values.
    seed
        Root of the orders.
    chunk
        Cells that are read from the disk in one piece.
    preload
        Pieces that are shuffled together in memory.

    Raises
    ------
    MissingDependencyError
        annbatch is not installed.
    DataError
        The folder is no sound zarr store, or a column is missing.

    Notes
    -----
    A sample is a dict: ``x``, the counts (g), and for every key its number.

    Examples
    --------
    >>> from advsci.errors import MissingDependencyError
    >>> try:
    ...     cells = CollectionCells("nowhere.zarr")
    ... except (DataError, MissingDependencyError) as error:
    ...     print("Try:" in str(error))
    True
    """

    def __init__(
        self,
        path: str | Path,
        keys: tuple[str, ...] = ("batch",),
        *,
        seed: int = 0,
        chunk: int = 256,
        preload: int = 32,
    ):
        super().__init__()
        with needs("annbatch", "annbatch"):
            import annbatch  # noqa: F401  # pyright: ignore[reportMissingImports]
        self.path, self.keys, self.seed, self.chunk, self.preload = Path(path), keys, seed, chunk, preload
        self.names = {key: self._values(key) for key in keys}

    def _values(self, key: str) -> list[str]:
        import anndata

        group: Any = open_zarr(self.path)
        found: set[str] = set()
        for name, part in group.groups():
            if key not in part["obs"]:
                raise DataError(
                    f"got no column '{key}' in obs of '{name}'; expected it in every part of the collection. "
                    f"Try: one of {sorted(part['obs'].attrs.get('column-order', []))}."
                )
            found |= set(np.unique(np.asarray(anndata.io.read_elem(part["obs"][key])).astype(str)).tolist())
        return sorted(found)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        from annbatch import DatasetCollection, Loader  # pyright: ignore[reportMissingImports]

        for epoch in count():
            loader = Loader(
                batch_size=self.chunk, chunk_size=self.chunk, preload_nchunks=self.preload, shuffle=True,
                drop_last=False, to="torch", rng=Stream(self.seed).at("epoch", epoch).numpy(),
            )  # fmt: skip
            loader.use_collection(DatasetCollection(self.path, mode="r"))
            for part in loader:
                x: Tensor = part["X"].to_dense() if part["X"].is_sparse_csr else part["X"]
                columns = {key: np.asarray(part["obs"][key]).astype(str) for key in self.keys}
                numbers = {key: np.searchsorted(self.names[key], column) for key, column in columns.items()}
                for i, row in enumerate(x.float()):
                    yield {"x": row} | {key: int(number[i]) for key, number in numbers.items()}
