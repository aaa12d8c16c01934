"""`Model`: setup_anndata, train, embedding, corrected expression, types, query mapping, save and load."""

import warnings
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from advsci.errors import ConfigError, DataError
from advsci.streams import Stream
from advsci_singlecell.config import Settings
from advsci_singlecell.data.cells import Cells
from advsci_singlecell.data.fields import Fields
from advsci_singlecell.embedding.projection import Projection
from advsci_singlecell.game.count_training import CountEmbedding
from advsci_singlecell.game.training import Integration
from advsci_singlecell.model.calibration import Calibration
from advsci_singlecell.model.checks import check_genes, in_order, warn_of_confounding
from advsci_singlecell.model.expression import Expression
from advsci_singlecell.model.fitting import fit_maps, hold_out, in_memory, sketch_rows
from advsci_singlecell.store import Stored, load, save

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData

    from advsci.training import Run
    from advsci_singlecell.model.query import QueryMap

__all__ = ["CHUNK", "Model"]

CHUNK = 8192
"""Cells that are embedded at a time."""

CALIBRATING = 5000  # cells of the reference that queries are compared with


class Model:
    """An embedding of cells without their batch, trained against adversaries that read it.

    Parameters
    ----------
    adata
        Cells that `setup_anndata` has prepared.
    settings
        Settings; keyword arguments change single ones.
    seed
        Root of all randomness: equal seeds give equal results.
    device
        Torch device; None: an accelerator if there is one.
    changes
        Single settings by name.

    Examples
    --------
    >>> Model.setup_anndata(adata, batch_key="batch")            # doctest: +SKIP
    >>> model = Model(adata)                                     # doctest: +SKIP
    >>> model.train()                                            # doctest: +SKIP
    >>> adata.obsm["X_advsci"] = model.get_latent_representation()   # doctest: +SKIP
    """

    def __init__(
        self,
        adata: "AnnData",
        settings: Settings | None = None,
        *,
        seed: int = 0,
        device: str | torch.device | None = None,
        **changes: Any,
    ):
        self.settings = (settings or Settings()).replace(**changes) if changes else (settings or Settings())
        self.fields = Fields.of(adata)
        self.adata = adata
        self.cells = Cells.of(adata, self.fields, likelihood=self.settings.likelihood)
        self.seed, self.device = seed, device
        self.integration: Integration | CountEmbedding | None = None
        self.expression: Expression | None = None
        self.calibrated: Calibration | None = None
        self.projection: Projection | None = None
        self.history: list[dict[str, float | int]] = []
        if self.settings.adversary == "marginal":
            warnings.warn(
                "the marginal adversary merges cell types that a batch lacks with others; it is here as a baseline. "
                "Try: adversary='conditional'.",
                stacklevel=2,
            )

    @staticmethod
    def setup_anndata(
        adata: "AnnData",
        layer: str | None = None,
        batch_key: str | None = None,
        labels_key: str | None = None,
        unlabeled_category: str = "Unknown",
        categorical_covariate_keys: "list[str] | tuple[str, ...]" = (),
        continuous_covariate_keys: "list[str] | tuple[str, ...]" = (),
        adversarial_group_key: str | None = None,
        protected_key: str | None = None,
    ) -> None:
        """Register the keys of ``adata``; see `Fields` for their meaning.

        Parameters
        ----------
        batch_key
            Column of obs with the batches.
        layer
            Layer with the expression; None: X.
        labels_key
            Column with cell types; None: no types.
        unlabeled_category
            Type that means "not known".
        categorical_covariate_keys
            Columns of further nuisances, by category.
        continuous_covariate_keys
            Columns of further nuisances, by number.
        adversarial_group_key
            Column whose groups condition the adversary.
        protected_key
            Column that must not be removed.

        Raises
        ------
        ConfigError
            There is no ``batch_key``.
        """
        if batch_key is None:
            raise ConfigError(
                "got no batch_key; expected a column of obs. Try: setup_anndata(adata, batch_key='batch')."
            )
        Fields(
            batch_key=batch_key,
            layer=layer,
            labels_key=labels_key,
            unlabeled_category=unlabeled_category,
            categorical_covariate_keys=tuple(categorical_covariate_keys),
            continuous_covariate_keys=tuple(continuous_covariate_keys),
            adversarial_group_key=adversarial_group_key,
            protected_key=protected_key,
        ).register(adata)

    def train(self, *, quiet: bool = True, run: "Run | None" = None) -> "Model":
        """Align, and play the game; see `Integration` and `CountEmbedding`.

        Parameters
        ----------
        quiet
            Whether to print nothing.
        run
            Folder for checkpoints; a training that was stopped goes on from there.

        Returns
        -------
        Model
            Itself, trained.
        """
        warn_of_confounding(self.adata, self.fields)
        stream = Stream(self.seed)
        rows = sketch_rows(self.cells.batch, self.settings.sketch, stream)
        given: dict[str, Any] = {"obs": self.adata.obs, "fields": self.fields, "device": self.device}
        self.projection, self.integration = fit_maps(
            self.cells, rows, self.settings, stream, **given, quiet=quiet, run=run
        )
        self.history = self.integration.history
        self.expression = self.calibrated = None
        return self

    def get_latent_representation(self, adata: "AnnData | None" = None, *, labels: bool = True) -> np.ndarray:
        """The embedding (n d) of the model's cells, or of others of the same batches and genes.

        Parameters
        ----------
        labels
            Whether a cell's own label, where known, is part of its input. Without, labels still shape the space, but no
            cell is placed by its own: the form to score with the labels that were given.
        adata
            Cells; None: those of the model.
        """
        cells = self._cells(adata)
        rows = np.arange(len(cells.batch))
        first = self.embed_rows(rows[:CHUNK], cells, labels)
        whole = np.empty((len(rows), first.shape[1]), first.dtype)  # no second copy of what may be large
        whole[:CHUNK] = first
        for start in range(CHUNK, len(rows), CHUNK):
            whole[start : start + CHUNK] = self.embed_rows(rows[start : start + CHUNK], cells, labels)
        return whole

    def get_corrected_expression(
        self,
        adata: "AnnData | None" = None,
        *,
        batch: "str | None" = None,
        genes: "list[str] | None" = None,
    ) -> "pd.DataFrame":
        """Expression (counts per 10,000; log-expression if gaussian) that the cells would have in one batch.

        Parameters
        ----------
        batch
            Name of the batch; None: the mean over all batches.
        genes
            Any genes of the AnnData, whether they were selected for the embedding or not; None: the selected ones.
        adata
            Cells; None: those of the model.

        Raises
        ------
        DataError
            The batch or a gene is unknown.
        """
        import pandas as pd

        self._cells(adata)
        projection, _ = self.fitted()
        if batch is not None and batch not in self.cells.batches:
            raise DataError(f"got batch '{batch}'; expected one of {self.cells.batches}. Try: None, for their mean.")
        names = self.cells.var_names[projection.genes].tolist() if genes is None else list(genes)
        unknown = sorted(set(names) - set(self.cells.var_names))
        if unknown:
            raise DataError(f"got unknown genes {unknown[:5]}; expected names of var. Try: adata.var_names.")
        columns = [int(i) for i in pd.Index(self.cells.var_names).get_indexer(pd.Index(names))]
        targets = range(len(self.cells.batches)) if batch is None else [self.cells.batches.index(batch)]
        values = self.explained().corrected(self.get_latent_representation(adata), list(targets), columns)
        index = (self.adata if adata is None else adata).obs_names
        return pd.DataFrame(values, index=index, columns=pd.Index(names))

    def predict(self, adata: "AnnData | None" = None, *, soft: bool = False) -> "pd.Series | pd.DataFrame":
        """Types of the cells by the class head, or with ``soft`` their probabilities.

        Parameters
        ----------
        adata
            Cells; None: those of the model.

        Raises
        ------
        ConfigError
            The model has no labels.
        """
        import pandas as pd

        _, integration = self.fitted()
        if not self.cells.types:
            raise ConfigError(
                "got a model without labels; expected types to predict. Try: setup_anndata(labels_key=...)."
            )
        p = integration.types(self.get_latent_representation(adata))
        index = (self.adata if adata is None else adata).obs_names
        if soft:
            return pd.DataFrame(p, index=index, columns=pd.Index(self.cells.types))
        return pd.Series(np.asarray(self.cells.types)[p.argmax(axis=1)], index=index, name="advsci_type")

    def map_query(self, adata: "AnnData", *, batch_key: str | None = None) -> "QueryMap":
        """Cells of unseen batches in the embedding, with types, or unseen where like nothing; trains nothing.

        Parameters
        ----------
        adata
            The new cells.
        batch_key
            Column with their batches; None: the model's.
        """
        from advsci_singlecell.model.query import map_query

        return map_query(self, adata, batch_key or self.fields.batch_key)

    def annotate(self, *, key_added: str = "X_advsci", source: str | None = None) -> None:
        """Write what was found into the model's AnnData.

        ``obsm[key_added]`` the embedding, ``obsm["X_advsci_pca"]`` the components before it, ``uns["advsci"]``
        settings, keys and seed; with labels also ``obsm[key_added + "_hidden"]``, in which no cell is placed by its own
        label, and ``obs["advsci_type"]``. Nothing of the AnnData's own is overwritten.

        Parameters
        ----------
        key_added
            Key of ``obsm``.
        source
            What the data are, in words; it stays with the result.
        """
        projection, _ = self.fitted()
        adata: Any = self.adata
        adata.obsm[key_added] = self.get_latent_representation()
        adata.obsm["X_advsci_pca"] = projection(self.cells.matrix)
        about = {
            "settings": self.settings.model_dump_json(),
            "batch_key": self.fields.batch_key,
            "unlabeled_category": self.fields.unlabeled_category,
            "seed": self.seed,
        }
        if source is not None:
            about["source"] = source
        if self.cells.types:
            adata.obsm[f"{key_added}_hidden"] = self.get_latent_representation(labels=False)
            about["labels_key"] = str(self.fields.labels_key)
            adata.obs["advsci_type"] = np.asarray(self.predict())
        adata.uns["advsci"] = about

    def save(self, path: "str | Path") -> "Path":
        """Write the model as safetensors and JSON: loading it cannot run code.

        Parameters
        ----------
        path
            Folder to write into.

        Returns
        -------
        Path
            The checkpoint within it.
        """
        projection, integration = self.fitted()
        names = [str(name) for name in self.cells.var_names]
        kinds = self.cells.batches, self.cells.types
        return save(path, Stored(self.settings, self.fields, self.seed, *kinds, names, projection, integration))

    @staticmethod
    def load(path: "str | Path", adata: "AnnData") -> "Model":
        """A saved model with its cells, or with others of the same batches and genes.

        Parameters
        ----------
        path
            Folder that `save` wrote.
        adata
            The cells, genes in the model's order.

        Returns
        -------
        Model
            Trained, as it was saved.

        Raises
        ------
        CheckpointError
            The folder holds no sound model.
        DataError
            The genes differ, or the cells have batches or types that the model does not know.
        """
        stored = load(path)
        check_genes(adata, np.asarray(stored.var_names))
        stored.fields.register(adata)
        model = Model(adata, stored.settings, seed=stored.seed)
        cells = model.cells
        unseen = sorted(set(cells.batches) - set(stored.batches))
        unnamed = sorted(set(cells.types) - set(stored.types)) if stored.types else []
        if unseen or unnamed:
            raise DataError(
                f"got batches {unseen} or types {unnamed} that the model does not know; expected {stored.batches}. "
                "Try: load it with its own cells, then model.map_query(adata)."
            )
        model.cells = renumbered(cells, stored.batches, stored.types)
        model.projection, model.integration = stored.projection, stored.integration
        model.history = stored.integration.history
        return model

    def calibration(self) -> Calibration:
        """What queries are compared with: the model's cells, placed without their own labels, at most 5,000 of them,
        and how far its batches lie if they are held out; found when it is first asked for, at the price of up to five
        fits of those cells (with ``method="counts"`` trainings).

        Returns
        -------
        Calibration
            Reference and scores.
        """
        if self.calibrated is None:
            stream = Stream(self.seed).at("reference")
            rows = sketch_rows(self.cells.batch, min(self.settings.sketch, CALIBRATING), stream)
            reference = in_memory(self.cells, rows)
            types = reference.labels if self.cells.types else None
            given: dict[str, Any] = {"obs": self._obs(rows), "fields": self.fields, "device": self.device}
            hold = partial(hold_out, reference, settings=self.settings, stream=stream, **given)
            placed = self.embed_rows(np.arange(len(rows)), reference, labels=False)
            self.calibrated = Calibration.fit(placed, reference.batch, hold, types)
        return self.calibrated

    def explained(self) -> Expression:
        """The decoder and the readout of expression, fitted when they are first asked for."""
        if self.expression is None:
            projection, _ = self.fitted()
            rows = sketch_rows(self.cells.batch, self.settings.sketch, Stream(self.seed))
            z = self.get_latent_representation() if len(rows) == len(self.cells.batch) else self.embed_rows(rows)
            self.expression = Expression.fit(
                self.cells, rows, z, projection.genes, self.settings, Stream(self.seed), self.device
            )
        return self.expression

    def embed_rows(self, rows: np.ndarray, cells: Cells | None = None, labels: bool = True) -> np.ndarray:
        """The embedding of some rows.

        Parameters
        ----------
        rows
            Row numbers.
        cells
            What the rows are of; None: the model's cells.
        labels
            Whether a cell's own label is part of its input.

        Returns
        -------
        numpy.ndarray
            (n d).
        """
        cells = cells or self.cells
        projection, integration = self.fitted()
        if isinstance(integration, CountEmbedding):
            return integration.embed(projection(cells.matrix, rows), cells.batch[rows])
        own = cells.labels[rows] if labels else None
        return integration.embed(projection(cells.matrix, rows), cells.batch[rows], own)

    def fitted(self) -> tuple[Projection, Integration | CountEmbedding]:
        """The projection and the map of a model that was trained.

        Raises
        ------
        ConfigError
            The model was not trained.
        """
        if self.projection is None or self.integration is None:
            raise ConfigError("got a model that was not trained; expected one that was. Try: model.train().")
        return self.projection, self.integration

    def _obs(self, rows: np.ndarray) -> "pd.DataFrame":
        """Columns of some cells."""
        return cast("pd.DataFrame", self.adata.obs.iloc[rows])

    def _cells(self, adata: "AnnData | None") -> Cells:
        """The validated contents, with batches numbered as in training."""
        if adata is None or adata is self.adata:
            return self.cells
        adata = in_order(adata, self.cells.var_names)
        cells = Cells.of(
            adata, self.fields, likelihood=self.settings.likelihood, types=self.cells.types or None, query=True
        )
        unseen = sorted(set(cells.batches) - set(self.cells.batches))
        if unseen:
            raise DataError(
                f"got unseen batches {unseen}; expected some of {self.cells.batches}. Try: model.map_query(adata)."
            )
        number = np.array([self.cells.batches.index(name) for name in cells.batches])
        return replace(cells, batch=number[cells.batch], batches=self.cells.batches)


def renumbered(cells: Cells, batches: list[str], types: list[str]) -> Cells:
    """Cells with batches and types numbered as in given lists.

    Parameters
    ----------
    cells
        Cells whose names are all in the lists.
    batches, types
        Names, in the order of their new numbers.

    Returns
    -------
    Cells
        The same cells.
    """
    batch = np.array([batches.index(name) for name in cells.batches])[cells.batch]
    labels = cells.labels
    if cells.types:
        number = np.array([types.index(name) for name in cells.types])
        labels = np.where(labels >= 0, number[np.maximum(labels, 0)], labels)
    return replace(cells, batch=batch, batches=batches, labels=labels, types=types)
