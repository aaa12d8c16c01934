"""Which columns of an AnnData mean what: the keys, registered in ``uns`` as scverse packages do."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from advsci.errors import DataError

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["Fields"]

REGISTRY = "_advsci"


@dataclass(frozen=True)
class Fields:
    """Keys of an AnnData, with the names that scverse users know.

    Attributes
    ----------
    batch_key
        Column of ``obs`` with the batches to mix.
    layer
        Layer with the expression; None: ``X``.
    labels_key, unlabeled_category
        Column with cell types, and the value that means "not known".
    categorical_covariate_keys, continuous_covariate_keys
        Further nuisances: each gets an adversary of its own (donor under assay, cell-cycle score).
    adversarial_group_key
        Column whose groups condition the adversary in place of types or clusters.
    protected_key
        Column that must not be removed (condition of interest): batches are only compared within its categories.

    Examples
    --------
    >>> import numpy as np
    >>> from advsci_datasets.cells import simulate_cells
    >>> from advsci_singlecell import Fields, Model
    >>> adata = simulate_cells(40, rng=np.random.default_rng(0), n_genes=30)
    >>> Model.setup_anndata(adata, batch_key="batch")
    >>> Fields.of(adata).batch_key
    'batch'
    """

    batch_key: str
    layer: str | None = None
    labels_key: str | None = None
    unlabeled_category: str = "Unknown"
    categorical_covariate_keys: tuple[str, ...] = ()
    continuous_covariate_keys: tuple[str, ...] = ()
    adversarial_group_key: str | None = None
    protected_key: str | None = None

    def register(self, adata: "AnnData") -> None:
        """Remember the keys in ``adata.uns``.

        Raises
        ------
        DataError
            It is no AnnData, but, say, a MuData of several modalities.
        """
        modalities = list(getattr(adata, "mod", {}))
        if modalities or not hasattr(adata, "obs") or not hasattr(adata, "uns"):
            wanted = f"mdata.mod['{modalities[0]}']" if modalities else "one modality, such as mdata.mod['rna']"
            raise DataError(f"got a {type(adata).__name__}; expected an AnnData. Try: {wanted}.")
        adata.uns[REGISTRY] = {
            k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items() if v is not None
        }

    @classmethod
    def of(cls, adata: "AnnData") -> "Fields":
        """The keys that `register` left.

        Parameters
        ----------
        adata
            Cells that `register` saw.

        Raises
        ------
        DataError
            The AnnData was not set up.
        """
        if REGISTRY not in adata.uns:
            raise DataError(
                "got an AnnData that was not set up; expected its keys. Try: Model.setup_anndata(adata, "
                "batch_key='batch')."
            )
        return cls.from_mapping(adata.uns[REGISTRY])

    @classmethod
    def from_mapping(cls, keys: Mapping[str, Any]) -> "Fields":
        """The keys as they were registered or stored."""
        values: dict[str, Any] = {k: tuple(v) if k.endswith("_keys") else v for k, v in keys.items() if v is not None}
        return cls(**values)
