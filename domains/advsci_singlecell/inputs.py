"""Cells by name: a file, a registered data set, or the simulator; which of them it was stays with the result."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from advsci.errors import DataError
from advsci_singlecell.fields import read_cells

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["load_input"]


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
