"""Small simulated experiments, drawn once."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("anndata")
pytest.importorskip("sklearn")


@pytest.fixture(scope="session")
def simulated() -> Any:
    """600 cells of three confounded batches, 200 genes; do not change it, copy it."""
    from advsci_datasets.cells import simulate_cells

    return simulate_cells(600, rng=np.random.default_rng(0), n_genes=200, batch_scale=0.25, library=8.5, distance=1.0)


@pytest.fixture
def cells(simulated: Any) -> Any:
    """A copy of the simulated cells."""
    return simulated.copy()
