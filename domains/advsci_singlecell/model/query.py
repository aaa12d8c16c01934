r"""Cells of unseen batches, placed into a trained embedding without training anything.

A query batch is aligned to the reference's clusters in closed form (`Alignment.extend`) and passed through the
encoder. How far it lands from the reference is a conformal p-value (`advsci_singlecell.model.calibration`). Cells below
``alpha`` are reported as unseen types, not given the nearest name.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_singlecell.data.cells import Cells
from advsci_singlecell.data.fields import Fields
from advsci_singlecell.data.matrix import chunks, log_normalise
from advsci_singlecell.model.fitting import embed_new, sketch_rows

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from advsci_singlecell.model.model import Model

__all__ = ["QueryMap", "map_query"]

UNSEEN = "unseen"
SHARED_GENES = 0.5
SHARE_OF = 2000  # cells of the reference that tell a gene's share


@dataclass(frozen=True)
class QueryMap:
    """Where query cells landed.

    Attributes
    ----------
    embedding
        (n d), in the space of the model.
    p_value
        How usual the distance to the reference is (n); small: like nothing in it.
    types
        Type of every cell, "unseen" below ``alpha``; None for a model without labels.
    unseen_batches
        Query batches that the model was not trained on.
    missing_genes
        Genes of the embedding that the query lacks; they count as average.
    """

    embedding: np.ndarray
    p_value: np.ndarray
    types: "pd.Series | None"
    unseen_batches: list[str]
    missing_genes: list[str]


def map_query(model: "Model", adata: "AnnData", batch_key: str, *, alpha: float = 0.05) -> QueryMap:
    """Place the cells of ``adata`` into the embedding of ``model``.

    Parameters
    ----------
    batch_key
        Column of obs with the batches.
    alpha
        Level below which a cell is called unseen.

    Returns
    -------
    QueryMap
        Embedding, p-values and types of the query's cells.

    Raises
    ------
    DataError
        The query has no column of batches, or too few of the genes that the embedding reads.
    """
    import pandas as pd

    projection, integration = model.fitted()
    if batch_key not in adata.obs:
        raise DataError(
            f"got no column '{batch_key}' in obs of the query; expected its batches there. Try: "
            f"adata.obs['{batch_key}'] = 'query' if all cells are of one batch, or batch_key=...."
        )
    fields = Fields(batch_key=batch_key, layer=model.fields.layer)
    cells = Cells.of(adata, fields, likelihood=model.settings.likelihood, query=True)
    needed = model.cells.var_names[projection.genes]
    column = pd.Index(cells.var_names).get_indexer(pd.Index(needed))
    missing = [str(g) for g in needed[column < 0]]
    if len(missing) > (1.0 - SHARED_GENES) * len(needed):
        raise DataError(
            f"got {len(needed) - len(missing)} of the {len(needed)} genes that the embedding reads; expected at least "
            f"{SHARED_GENES:.0%}. Try: {_advice(needed, cells.var_names)}."
        )
    known = column >= 0
    expression = _expression(cells, model, column, known)
    seen = [name for name in cells.batches if name in model.cells.batches]
    components = ((expression - projection.mean) @ projection.axes).astype(np.float32)
    z = embed_new((projection, integration), components, cells.batch)
    p = model.calibration().p_values(z, cells.batch)
    types = None
    if model.cells.types:
        names = np.asarray(model.cells.types)[integration.types(z).argmax(axis=1)].astype(object)
        names[p < alpha] = UNSEEN
        types = pd.Series(names, index=adata.obs_names, name="advsci_type")
    unseen = [name for name in cells.batches if name not in seen]
    return QueryMap(z, p, types, unseen, missing)


def _expression(cells: Cells, model: "Model", column: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Log-expression (n g) of the query, genes in the model's order; what is missing sits at the mean.

    A cell's total is that of the reference's genes: genes which only the query has must not dilute the others, and
    genes which it lacks count with their share of the reference's counts.
    """
    projection, _ = model.fitted()
    shared = np.isin(cells.var_names, model.cells.var_names)
    library = projection.library
    if library is not None and shared.sum() < len(model.cells.var_names):
        library *= _share(model, np.isin(model.cells.var_names, cells.var_names))
    parts = []
    for _, block in chunks(cells.matrix):
        y: Any = block
        if library is not None:
            other = sparse.csr_matrix(block[:, ~shared]).sum(axis=1) if not shared.all() else 0.0
            y = log_normalise(block, library, np.asarray(block.sum(axis=1) - other, dtype=np.float64).ravel())
        dense = np.tile(projection.mean, (y.shape[0], 1))
        dense[:, known] = np.asarray(y[:, column[known]].todense())
        parts.append(dense)
    return np.concatenate(parts).astype(np.float32)


def _share(model: "Model", genes: np.ndarray) -> float:
    """The share of the reference's counts, the mean over its cells, that lies in some of its genes."""
    rows = sketch_rows(model.cells.batch, SHARE_OF, Stream(model.seed).at("share"))
    found = []
    for _, block in chunks(model.cells.matrix, rows):
        some = np.asarray(sparse.csr_matrix(block[:, genes]).sum(axis=1), np.float64).ravel()
        found.append(some / np.maximum(np.asarray(block.sum(axis=1), np.float64).ravel(), 1.0))
    return float(np.concatenate(found).mean())


def _advice(needed: np.ndarray, found: np.ndarray) -> str:
    """How the query's genes would fit the reference's: by another case, without versions, or by other names."""
    wanted = {str(name).casefold() for name in needed}
    if len(wanted & {str(name).casefold() for name in found}) > SHARED_GENES * len(wanted):
        return f"the reference's upper and lower case, as in '{needed[0]}'"
    bare = {name.split(".")[0] for name in wanted}
    if len(bare & {str(name).casefold().split(".")[0] for name in found}) > SHARED_GENES * len(bare):
        return f"names with the reference's version numbers, as in '{needed[0]}'"
    return f"genes named as in the reference, such as {needed[:3].tolist()}"
