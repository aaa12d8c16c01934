"""Validated contents of an AnnData, and everything that can be wrong with them: named before any training.

The expression matrix may be dense, sparse, backed or zarr; it is never made dense as a whole.
"""

import difflib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from advsci.errors import DataError
from advsci_singlecell.data.fields import Fields
from advsci_singlecell.data.matrix import chunks

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["UNKNOWN", "Cells", "check_expression", "column_of", "known_labels", "warn_of_lookalikes"]

UNKNOWN = -1
LARGEST_LOG = 20.0  # no log-expression is as large
MANY, FEW, LEAST = 20, 20, 8  # so many batches of so few cells are hardly meant; of fewer still nothing is learned
LEAST_VARIATION = 0.05  # of the cells' totals, over their mean: normalised totals are equal


@dataclass(frozen=True)
class Cells:
    """Validated contents of an AnnData.

    Attributes
    ----------
    matrix
        Expression (n g), as it is stored.
    counts
        Whether it holds raw counts (else log-expression).
    batch, batches
        Numbers (n) and names of the batches.
    labels, types
        Type numbers, -1 where unknown (n), and names; no types without a labels key.
    """

    matrix: Any
    counts: bool
    var_names: np.ndarray
    batch: np.ndarray
    batches: list[str]
    labels: np.ndarray
    types: list[str]

    @classmethod
    def of(
        cls,
        adata: "AnnData",
        fields: Fields,
        *,
        likelihood: str = "nb",
        types: list[str] | None = None,
        query: bool = False,
    ) -> "Cells":
        """Validate; every fault is a `DataError` with what was got, expected, and what to try.

        Parameters
        ----------
        types
            Names of the types, in order, where a model has them already.
        query
            New cells for a model: one batch suffices.
        adata
            The cells.
        fields
            Its keys.
        likelihood
            ``"gaussian"`` expects log-expression, every other counts.

        Returns
        -------
        Cells
            The checked cells.

        Raises
        ------
        DataError
            There are no cells or genes, fewer than two batches, a batch of fewer than two cells, no such
            layer, or names occur twice.
        """
        if adata.n_obs == 0 or adata.n_vars == 0:
            raise DataError(
                f"got {adata.n_obs} cells and {adata.n_vars} genes; expected at least one of each. Try: check "
                "the filter before it."
            )
        for axis, names in (("obs_names", adata.obs_names), ("var_names", adata.var_names)):
            if not names.is_unique:
                twice = names[names.duplicated()][:3].tolist()
                raise DataError(
                    f"got duplicate {axis}, such as {twice}; expected unique ones. Try: adata.{axis}_make_unique()."
                )
        batch, batches = _categories(adata, fields.batch_key, "batch_key")
        if len(batches) < 2 and not query:
            raise DataError(
                f"got one batch ({batches}) in obs['{fields.batch_key}']; expected at least two. Try: another "
                "batch_key."
            )
        sizes = np.bincount(batch, minlength=len(batches))
        if (sizes < 2).any() and not query:
            small = [batches[i] for i in np.flatnonzero(sizes < 2)]
            raise DataError(
                f"got batches with fewer than two cells: {small}; expected at least two. Try: drop or merge them."
            )
        if len(batches) >= MANY and np.median(sizes) < LEAST and not query:
            raise DataError(
                f"got {len(batches)} batches in obs['{fields.batch_key}'], half of them with fewer than {LEAST} cells, "
                f"such as '{batches[0]}'; expected {FEW} cells or more in most: fewer tell nothing of a batch, and "
                "correcting them mixes types. Try: another batch_key, or merge batches that were processed together."
            )
        if len(batches) >= MANY and np.median(sizes) < FEW and not query:
            warnings.warn(
                f"got {len(batches)} batches in obs['{fields.batch_key}'], half of them with fewer than {FEW} cells, "
                f"such as '{batches[0]}': they may be barcodes, or clones, and small types are mixed with others. Try: "
                "another batch_key.",
                stacklevel=3,
            )
        _warn_of_spellings(batches, fields.batch_key)
        labels, names = np.full(adata.n_obs, UNKNOWN), list(types or [])
        if fields.labels_key is not None and (not query or fields.labels_key in adata.obs):
            labels, names = _labels(adata, fields, types)
        for key in fields.categorical_covariate_keys:
            _categories(adata, key, "categorical_covariate_keys")
        for key in (fields.adversarial_group_key, fields.protected_key):
            if key is not None and not query:
                _categories(adata, key, "adversarial_group_key or protected_key")
        for key in fields.continuous_covariate_keys:
            _numbers(adata, key)
        if fields.layer is not None and fields.layer not in adata.layers:
            raise DataError(
                f"got no layer '{fields.layer}'; expected one of {list(adata.layers)}. Try: "
                f"{_near(fields.layer, list(adata.layers))}."
            )
        matrix = adata.X if fields.layer is None else adata.layers[fields.layer]
        if matrix is None:
            raise DataError("got an AnnData without X; expected an expression matrix. Try: layer='counts'.")
        advice = _counts_elsewhere(adata)
        check_expression(matrix, fields.layer or "X", counts=likelihood != "gaussian", remedy=advice)
        return cls(matrix, likelihood != "gaussian", np.asarray(adata.var_names), batch, batches, labels, names)


def _counts_elsewhere(adata: "AnnData") -> str:
    """Where else the counts may be: in a layer of that name, else in ``.raw``."""
    named = [key for key in adata.layers if "count" in key.lower() or "raw" in key.lower()]
    if not named and adata.raw is not None:
        return "adata.raw.to_adata() (--use-raw), if .raw holds the counts"
    return f"layer='{named[0] if named else 'counts'}'"


def check_expression(matrix: Any, where: str, *, counts: bool, remedy: str = "layer='counts'") -> None:
    """Raise a `DataError` unless the matrix holds finite counts, or finite log-expression, as was said.

    Parameters
    ----------
    where
        Name of the matrix, for messages.
    remedy
        Where else counts may be, for advice.

    Raises
    ------
    DataError
        Values are not finite, or not of the stated kind: counts or log-expression.
    """
    empty, largest, fractional, negative, totals = 0, 0.0, False, False, []
    for part, block in chunks(matrix):
        data = block.data
        if not np.isfinite(data).all():
            row = int(
                part[
                    np.flatnonzero(
                        ~np.isfinite(
                            sparse.csr_matrix((np.abs(data), block.indices, block.indptr), block.shape).sum(axis=1)
                        )
                    )[0]
                ]
            )
            raise DataError(
                f"got NaN or infinity in {where} (first in cell {row}); expected finite numbers. Try: drop "
                "these cells or genes."
            )
        if len(data):
            negative |= bool((data < 0).any())
            fractional |= bool((data != np.round(data)).any())
            largest = max(largest, float(data.max()))
        totals.append(np.asarray(block.sum(axis=1), float).ravel())
        empty += (
            int((np.diff(block.indptr) == 0).sum())
            if not (data == 0).any()
            else int((abs(block).sum(axis=1) == 0).sum())
        )
    if counts and negative:
        raise DataError(
            f"got negative values in {where}; expected counts. Try: {remedy}, or likelihood='gaussian' for scaled data."
        )
    total = np.concatenate(totals)
    if counts and fractional and largest >= LARGEST_LOG and total.std() > LEAST_VARIATION * total.mean():
        warnings.warn(
            f"got counts in {where} that are not whole, as SoupX or CellBender leave them; they are used as they are. "
            "Try: the counts before that step, if it was another one.",
            stacklevel=4,
        )
    elif counts and fractional:
        kind = "log-transformed" if largest < LARGEST_LOG else "normalised"
        raise DataError(
            f"got non-integer values up to {largest:.3g} in {where}: they look {kind}; expected raw counts. "
            f"Try: {remedy}, or likelihood='gaussian' for log data."
        )
    if counts and empty:
        raise DataError(
            f"got {empty} cells without any counts in {where}; expected at least one a cell. Try: "
            "scanpy.pp.filter_cells(adata, min_counts=1)."
        )
    if not counts and not fractional and not negative and largest > LARGEST_LOG:
        raise DataError(
            f"got integers up to {largest:.0f} in {where}: they look like raw counts; expected log-expression. "
            "Try: likelihood='nb', or scanpy.pp.normalize_total and scanpy.pp.log1p."
        )


def known_labels(labels: Any, unlabeled_category: str = "Unknown") -> np.ndarray:
    """Which labels say something.

    Parameters
    ----------
    labels
        Labels (n), of any type; None and NaN say nothing.
    unlabeled_category
        The value that means "not known".

    Returns
    -------
    numpy.ndarray
        Booleans (n).

    Examples
    --------
    >>> known_labels(["T", "Unknown", None, float("nan")]).tolist()
    [True, False, False, False]
    """
    import pandas as pd

    values = pd.Series(np.asarray(labels, dtype=object))
    return (values.notna() & (values.astype(str) != unlabeled_category)).to_numpy()


def warn_of_lookalikes(types: list[str], unlabeled_category: str) -> None:
    """Warn where the name of a type looks as if it meant "not known".

    Parameters
    ----------
    types
        Names of the types.
    unlabeled_category
        The value that does mean it.
    """
    words = {unlabeled_category.casefold(), "unknown", "unassigned", "unlabeled", "nan", "none", "na", ""}
    if odd := [name for name in types if name.strip().casefold() in words]:
        warnings.warn(
            f"got types named {odd}, which are trained on as types; what means not known is '{unlabeled_category}'. "
            f"Try: unlabeled_category='{odd[0]}'.",
            stacklevel=3,
        )


def _warn_of_spellings(batches: list[str], key: str) -> None:
    """Warn where names of batches differ by case or spaces alone: they are corrected for each other."""
    spelled: dict[str, list[str]] = {}
    for name in batches:
        spelled.setdefault(name.strip().casefold(), []).append(name)
    if twice := next((names for names in spelled.values() if len(names) > 1), None):
        warnings.warn(
            f"got batches {twice} in obs['{key}'], which differ by case or spaces alone and are taken for different "
            "ones. Try: one spelling.",
            stacklevel=4,
        )


def column_of(adata: "AnnData", key: str, setting: str) -> Any:
    """A column of ``obs`` by name.

    Parameters
    ----------
    adata
        The cells.
    key
        Name of the column.
    setting
        What named it, for the message.

    Raises
    ------
    DataError
        There is no such column; the message names the nearest.
    """
    if key not in adata.obs:
        raise DataError(
            f"got no column '{key}' in obs ({setting}); expected one of {list(adata.obs.columns)}. Try: "
            f"{_near(key, list(adata.obs.columns))}."
        )
    return adata.obs[key]


def _near(key: str, names: list[str]) -> str:
    found = difflib.get_close_matches(key, names, n=1, cutoff=0.4)
    return f"'{found[0]}'" if found else "a name from that list"


def _categories(adata: "AnnData", key: str, setting: str) -> tuple[np.ndarray, list[str]]:
    """Numbers and names of the categories that have cells."""
    column = column_of(adata, key, setting)
    if column.isna().any():
        raise DataError(
            f"got {int(column.isna().sum())} cells without a value in obs['{key}'] ({setting}); expected one a "
            "cell. Try: drop them, or name the missing category."
        )
    names, numbers = np.unique(column.astype(str).to_numpy(), return_inverse=True)
    return numbers, names.tolist()


def _labels(adata: "AnnData", fields: Fields, types: list[str] | None) -> tuple[np.ndarray, list[str]]:
    assert fields.labels_key is not None
    column = column_of(adata, fields.labels_key, "labels_key")
    text = column.astype(object).where(column.notna(), fields.unlabeled_category).astype(str).to_numpy()
    known = text != fields.unlabeled_category
    names = types if types is not None else sorted(set(text[known]))
    if not names:
        raise DataError(
            f"got no labelled cell in obs['{fields.labels_key}']; expected some that are not "
            f"'{fields.unlabeled_category}'. Try: labels_key=None."
        )
    if types is None:
        warn_of_lookalikes(names, fields.unlabeled_category)
    number = {name: i for i, name in enumerate(names)}
    return np.array([number.get(t, UNKNOWN) for t in text]), list(names)


def _numbers(adata: "AnnData", key: str) -> np.ndarray:
    column = column_of(adata, key, "continuous_covariate_keys")
    try:
        values = column.to_numpy(dtype=float)
    except (TypeError, ValueError):
        raise DataError(
            f"got obs['{key}'] of type {column.dtype} as a continuous covariate; expected numbers. Try: "
            "categorical_covariate_keys."
        ) from None
    if not np.isfinite(values).all():
        raise DataError(f"got NaN or infinity in obs['{key}']; expected finite numbers. Try: impute them.")
    return values
