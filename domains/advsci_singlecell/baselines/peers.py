"""Peers with their authors' settings, on the same genes and components as ours; each is optional."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from advsci.errors import MissingDependencyError
from advsci_singlecell.data.cells import Cells
from advsci_singlecell.data.matrix import LIBRARY, log_normalise
from advsci_singlecell.embedding.projection import Projection

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PACKAGES", "PEERS", "Prepared", "installed"]


@dataclass(frozen=True)
class Prepared:
    """What every method gets: selected genes as counts and as log-expression, components, batches, labels.

    ``trained`` keeps an scVI model, from which scANVI starts; ``dataclasses.replace(prepared, labels=...)`` shares it.
    """

    counts: sparse.csr_matrix
    expression: sparse.csr_matrix
    components: np.ndarray
    batch: "pd.Series"
    labels: np.ndarray | None
    seed: int
    trained: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, cells: Cells, projection: Projection, obs: "pd.DataFrame", *, seed: int = 0) -> "Prepared":
        """From validated cells and the projection of a trained model; labels: names, "Unknown" where not known.

        Parameters
        ----------
        obs
            Columns of the cells, for their names.
        seed
            Root of the random numbers.
        """
        import pandas as pd

        matrix: Any = cells.matrix
        whole: Any = sparse.csr_matrix(matrix[:])
        expression: Any = log_normalise(whole, projection.library or LIBRARY) if cells.counts else whole
        labels = np.array([*cells.types, "Unknown"])[cells.labels] if cells.types else None
        batch = pd.Series(pd.Categorical(np.asarray(cells.batches)[cells.batch]), index=obs.index, name="batch")
        genes = projection.genes
        return cls(
            sparse.csr_matrix(whole[:, genes]),
            sparse.csr_matrix(expression[:, genes]),
            projection(cells.matrix),
            batch,
            labels,
            seed,
        )


def harmony(data: Prepared) -> np.ndarray:
    """Harmony on the components, defaults.

    Parameters
    ----------
    data
        What every method gets.
    """
    import harmonypy

    found = np.asarray(harmonypy.run_harmony(data.components, data.batch.to_frame(), "batch", verbose=False).Z_corr)
    return found if len(found) == len(data.components) else found.T


def scanorama(data: Prepared) -> np.ndarray:
    """Scanorama's embedding, defaults.

    Parameters
    ----------
    data
        What every method gets.
    """
    import scanorama as package

    rows = [np.flatnonzero((data.batch == name).to_numpy()) for name in data.batch.cat.categories]
    shape: Any = data.expression.shape
    genes = [[f"g{i}" for i in range(shape[1])]] * len(rows)
    parts, _ = package.integrate([data.expression[r] for r in rows], genes, verbose=0, seed=data.seed)
    out = np.empty((len(data.batch), parts[0].shape[1]), np.float32)
    for r, part in zip(rows, parts, strict=True):
        out[r] = part
    return out


def scvi(data: Prepared) -> np.ndarray:
    """scVI as in the scIB benchmark: 2 layers, 30 latent dimensions, NB, default epochs.

    Parameters
    ----------
    data
        What every method gets.
    """
    return np.asarray(_scvi(data)[0].get_latent_representation())


def scanvi(data: Prepared) -> np.ndarray:
    """scANVI from scVI with the labels that our model got, 20 epochs.

    Parameters
    ----------
    data
        What every method gets.
    """
    import scvi as package

    model, adata = _scvi(data)
    adata = adata.copy()
    assert data.labels is not None
    adata.obs["labels"] = data.labels
    semi = package.model.SCANVI.from_scvi_model(model, unlabeled_category="Unknown", labels_key="labels", adata=adata)
    semi.train(max_epochs=20, n_samples_per_label=100, enable_progress_bar=False, accelerator="cpu")
    return np.asarray(semi.get_latent_representation())


def _scvi(data: Prepared):
    import anndata
    import scvi as package

    if "scVI" in data.trained:
        return data.trained["scVI"]
    package.settings.seed = data.seed
    adata = anndata.AnnData(data.counts.copy(), obs=data.batch.to_frame())
    package.model.SCVI.setup_anndata(adata, batch_key="batch")
    model = package.model.SCVI(adata, n_layers=2, n_latent=30, gene_likelihood="nb")
    model.train(enable_progress_bar=False, accelerator="cpu")
    data.trained["scVI"] = model, adata
    return model, adata


PEERS: dict[str, Callable[[Prepared], np.ndarray]] = {
    "Harmony": harmony,
    "Scanorama": scanorama,
    "scVI": scvi,
    "scANVI": scanvi,
}
PACKAGES = {"Harmony": "harmonypy", "Scanorama": "scanorama", "scVI": "scvi", "scANVI": "scvi"}


def installed(name: str) -> bool:
    """Whether the package of this peer can be imported.

    Raises
    ------
    MissingDependencyError
        The name is not one of a peer.
    """
    if name not in PACKAGES:
        raise MissingDependencyError(f"got the method '{name}'; expected one of {list(PEERS)}. Try: a name from it.")
    return find_spec(PACKAGES[name]) is not None
