"""The method for a plain matrix as a scikit-learn transformer, and for an AnnData in one call."""

from typing import TYPE_CHECKING, Any

import numpy as np

from advsci.errors import ConfigError, DataError, ShapeError, needs
from advsci.streams import Stream
from advsci_singlecell.config import Settings
from advsci_singlecell.data.cells import UNKNOWN, Cells, known_labels, warn_of_lookalikes
from advsci_singlecell.data.fields import one_table
from advsci_singlecell.game.training import Integration
from advsci_singlecell.model.model import Model

if TYPE_CHECKING:
    from anndata import AnnData

with needs("scikit-learn", "singlecell"):
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.utils.validation import validate_data

__all__ = ["BatchCorrector", "correct"]


class BatchCorrector(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Removes the batch from any features, such as principal components (n d).

    The batch is a keyword of `fit` and `transform`, never a column of the features. A pipeline hands it on where
    ``sklearn.set_config(enable_metadata_routing=True)`` is set and ``set_fit_request(batch=True)`` and
    ``set_transform_request(batch=True)`` were called. ``set_output(transform="pandas")`` gives data frames.

    Parameters
    ----------
    settings
        Settings of the method; None: the defaults. Those on genes and likelihood are not used.
    random_state
        Seed.
    unlabeled_category
        Value of ``y`` that means "not known", as None and NaN do.

    Attributes
    ----------
    batches_
        Names of the batches seen in `fit`.
    integration_
        The fitted map.

    Examples
    --------
    >>> x, batch = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 2
    >>> corrector = BatchCorrector(Settings(steps=2)).set_output(transform="pandas")
    >>> list(corrector.fit_transform(x, batch=batch).columns)
    ['batchcorrector0', 'batchcorrector1', 'batchcorrector2', 'batchcorrector3']
    """

    n_features_in_: int

    def __init__(self, settings: Settings | None = None, random_state: int = 0, unlabeled_category: str = "Unknown"):
        self.settings = settings
        self.random_state = random_state
        self.unlabeled_category = unlabeled_category

    def fit(self, X: Any, y: Any = None, *, batch: Any = None) -> "BatchCorrector":
        """Fit to features ``X`` (n d), the batch of every row and, optionally, types ``y`` (None or NaN: unknown).

        Returns
        -------
        BatchCorrector
            Itself, as scikit-learn wants it.

        Raises
        ------
        DataError
            There is one batch only.
        """
        x = self._features(X, reset=True)
        names = _names(batch, len(x))
        self.batches_, number = np.unique(names, return_inverse=True)
        if len(self.batches_) < 2:
            raise DataError(f"got one batch ({self.batches_}); expected at least two. Try: fit(X, batch=...).")
        labels, types = np.full(len(x), UNKNOWN), []
        if y is not None:
            known = known_labels(y, self.unlabeled_category)
            types, coded = np.unique(np.asarray(y, dtype=object)[known].astype(str), return_inverse=True)
            labels[known] = coded
            warn_of_lookalikes([str(t) for t in types], self.unlabeled_category)
        cells = Cells(
            None, False, np.arange(x.shape[1]), number, [str(b) for b in self.batches_], labels, [str(t) for t in types]
        )
        stream = Stream(self.random_state)
        self.integration_ = Integration.fit(x.astype(np.float32), cells, self.settings or Settings(), stream=stream)
        return self

    def transform(self, X: Any, *, batch: Any = None) -> Any:
        """The embedding (n d); rows of unseen batches are aligned to the fitted ones.

        Parameters
        ----------
        X
            Features (n d).
        batch
            Batch of every row (n).

        Returns
        -------
        array [n, d] or data frame
            As `set_output` was told.

        Raises
        ------
        ConfigError
            Nothing was fitted, or no batch was given.
        ShapeError
            Other columns than in `fit`, or not one batch per row.
        DataError
            A feature is not finite, or a row has no batch.
        """
        if not hasattr(self, "integration_"):
            raise ConfigError(
                "got a BatchCorrector that was not fitted; expected one that was. Try: fit(X, batch=...)."
            )
        given = self._features(X, reset=False)
        x, names = given.astype(np.float32), _names(batch, len(given))
        number = {name: i for i, name in enumerate(self.batches_)}
        seen = np.isin(names, self.batches_)
        out = np.empty(x.shape, np.float32)
        if seen.any():
            out[seen] = self.integration_.embed(x[seen], np.array([number[n] for n in names[seen]]))
        if not seen.all():
            _, unseen = np.unique(names[~seen], return_inverse=True)
            out[~seen] = self.integration_.embed_unseen(x[~seen], unseen)
        return out.astype(given.dtype)

    def fit_transform(self, X: Any, y: Any = None, *, batch: Any = None) -> Any:
        """Fit, and the embedding of the same rows.

        Parameters
        ----------
        X
            Features (n d).
        y
            Types of the rows; None or NaN: unknown.
        batch
            Batch of every row (n).

        Returns
        -------
        array [n, d] or data frame
            The embedding, as `set_output` was told.
        """
        return self.fit(X, y, batch=batch).transform(X, batch=batch)

    @property
    def _n_features_out(self) -> int:
        """Columns of the embedding, as scikit-learn names them."""
        return self.n_features_in_

    def _features(self, X: Any, *, reset: bool) -> np.ndarray:
        """Finite features (n d) as scikit-learn checks them, two rows or more where they are to be fitted."""
        try:
            x = validate_data(
                self, X, reset=reset, dtype=[np.float64, np.float32], ensure_min_samples=2 if reset else 1
            )
        except ValueError as error:
            kind = DataError if "NaN" in str(error) or "infinity" in str(error) else ShapeError
            raise kind(
                f"got features that cannot be used: {error} Expected finite numbers, (cells, features). Try: "
                "adata.obsm['X_pca'], without missing values."
            ) from error
        return np.asarray(x)


def correct(
    adata: "AnnData",
    *,
    batch_key: str,
    key_added: str = "X_advsci",
    copy: bool = False,
    settings: Settings | None = None,
    seed: int = 0,
    **keys: Any,
) -> "AnnData | None":
    """Write the embedding of ``adata`` into ``obsm[key_added]``, its settings into ``uns["advsci"]``.

    Parameters
    ----------
    adata
        Cells and their counts. Of a MuData the modality ``rna``, or the only one, is corrected; of a SpatialData its
        table. The embedding is then in that modality or table.
    keys
        Further keys of `Model.setup_anndata`: ``labels_key``, ``layer``, ...
    copy
        Return a changed copy instead of changing ``adata``.
    batch_key
        Column of obs with the batches.
    seed
        Root of the random numbers.

    Returns
    -------
    AnnData or None
        The corrected copy where one was asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from advsci_datasets.cells import simulate_cells
    >>> from advsci_singlecell import Settings, correct
    >>> adata = simulate_cells(200, rng=np.random.default_rng(0), n_genes=80)
    >>> correct(adata, batch_key="batch", settings=Settings(steps=2))
    >>> adata.obsm["X_advsci"].shape[0]
    200
    """
    adata = one_table(adata)
    adata = adata.copy() if copy else adata
    Model.setup_anndata(adata, batch_key=batch_key, **keys)
    Model(adata, settings, seed=seed).train().annotate(key_added=key_added)
    return adata if copy else None


def _names(batch: Any, n: int) -> np.ndarray:
    if batch is None:
        raise ConfigError("got no batch; expected the batch of every row. Try: fit(X, batch=adata.obs['batch']).")
    given = np.asarray(batch, dtype=object)
    if given.shape != (n,):
        raise ShapeError(
            f"got batches of shape {given.shape}; expected one per row, ({n},). Try: batch=adata.obs['batch']."
        )
    if missing := int((~known_labels(given, "")).sum()):
        raise DataError(
            f"got {missing} rows without a batch (None or NaN); expected one each. Try: drop these rows, or name their "
            "batch."
        )
    return given.astype(str)
