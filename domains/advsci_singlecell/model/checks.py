"""What is looked at before cells go into a model: their genes, and whether batch and biology can be told apart."""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from advsci.errors import DataError
from advsci_singlecell.data.cells import known_labels
from advsci_singlecell.data.fields import Fields

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["check_genes", "in_order", "warn_of_confounding"]

TYPE_COLUMNS = ("cell_type", "celltype", "cell type", "cell_types", "condition", "disease")


def check_genes(adata: "AnnData", expected: np.ndarray) -> None:
    """Raise a `DataError` unless the genes are the expected ones in their order.

    Parameters
    ----------
    adata
        The cells.
    expected
        Names of the genes.

    Raises
    ------
    DataError
        Genes are missing.
    """
    found = np.asarray(adata.var_names)
    if len(found) == len(expected) and (found == expected).all():
        return
    missing = sorted(set(expected) - set(found))
    if missing:
        raise DataError(
            f"got an AnnData without {len(missing)} of {len(expected)} genes, such as {missing[:3]}; expected "
            "all. Try: model.map_query, which can do without some."
        )
    raise DataError(
        "got genes in another order or with others among them; expected the model's. Try: adata[:, "
        "model.cells.var_names].copy()."
    )


def in_order(adata: "AnnData", expected: np.ndarray) -> "AnnData":
    """The cells with their genes in the order of the model, and without others.

    Parameters
    ----------
    adata
        The cells.
    expected
        Names of the model's genes.

    Returns
    -------
    anndata.AnnData
        The same cells, or a view of them.

    Raises
    ------
    DataError
        Genes are missing, or there are two of one name.
    """
    found = np.asarray(adata.var_names)
    if len(found) == len(expected) and (found == expected).all():
        return adata
    if adata.var_names.is_unique and set(expected) <= set(found):
        return adata[:, expected]
    check_genes(adata, expected)
    return adata


def warn_of_confounding(adata: "AnnData", fields: Fields) -> None:
    """Warn where batches cannot be told from types: no correction is to be trusted there.

    Parameters
    ----------
    adata
        The cells.
    fields
        Their keys; types are sought in the labels, the protected column, and columns named as types usually are.
    """
    usual = [key for key in adata.obs.columns if key.lower() in TYPE_COLUMNS]
    obs: Any = adata.obs  # a table in memory, whatever else its type allows
    batch = obs[fields.batch_key].astype(str)
    for key in dict.fromkeys([*filter(None, [fields.labels_key, fields.protected_key]), *usual]):
        known = known_labels(obs[key], fields.unlabeled_category)
        b, y = batch[known], obs[key].astype(str)[known]
        if key == fields.batch_key or y.nunique() < 2 or b.nunique() < 2:
            continue
        if (b.groupby(y).nunique() == 1).all() or (y.groupby(b).nunique() == 1).all():
            warnings.warn(
                f"batches of obs['{fields.batch_key}'] and obs['{key}'] are fully confounded: every value of one lies "
                "within one value of the other, and no method can tell them apart. Try: advsci-singlecell check.",
                stacklevel=3,
            )
