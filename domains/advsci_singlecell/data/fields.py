"""Which columns of an AnnData mean what: the keys, registered in ``uns`` as scverse packages do."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from advsci.errors import DataError

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["Fields", "one_table", "tables_of"]

REGISTRY = "_advsci"

_WAYS = ("mod", "tables")
"""Attributes under which containers keep their AnnData: MuData its modalities, SpatialData its tables."""


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
            It is no AnnData, but, say, a MuData of several modalities; or a view of a file.
        """
        tables = tables_of(adata)
        if tables is not None or not hasattr(adata, "obs") or not hasattr(adata, "uns"):
            wanted = next((f".{way}['{name}']" for name in tables or {} for way in _WAYS if hasattr(adata, way)), "")
            table = f"its {wanted}" if wanted else "one modality, such as mdata.mod['rna']"
            raise DataError(f"got a {type(adata).__name__}; expected an AnnData. Try: take {table}.")
        if getattr(adata, "is_view", False) and getattr(adata, "isbacked", False):
            raise DataError(
                "got a view of an AnnData on the disk, which can keep no keys; expected the whole, or cells in memory. "
                "Try: adata.to_memory()."
            )
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


def tables_of(data: Any) -> "dict[str, AnnData] | None":
    """The AnnData that a container holds, by name.

    Parameters
    ----------
    data
        Anything.

    Returns
    -------
    dict or None
        Of a MuData its modalities, of a SpatialData its tables; None for what is neither.
    """
    found = next((getattr(data, way) for way in _WAYS if isinstance(getattr(data, way, None), Mapping)), None)
    return None if found is None else dict(found)


def one_table(data: Any) -> "AnnData":
    """The AnnData that is meant: ``data`` itself, or the only one, or that of RNA, within a MuData or SpatialData.

    It is the container's own, so that what is written into it is in the container.

    Parameters
    ----------
    data
        An AnnData, MuData or SpatialData.

    Returns
    -------
    AnnData
        The cells.

    Raises
    ------
    DataError
        The container has several, of which none is called ``rna``, or none.

    Examples
    --------
    >>> import anndata, numpy as np
    >>> from types import SimpleNamespace
    >>> cells = anndata.AnnData(np.ones((3, 2)))
    >>> one_table(SimpleNamespace(mod={"rna": cells, "atac": cells.copy()})) is cells
    True
    """
    tables = tables_of(data)
    if tables is None:
        return data
    if len(tables) == 1:
        return next(iter(tables.values()))
    if "rna" not in tables:
        raise DataError(
            f"got a {type(data).__name__} with {list(tables)}; expected one table, or one called 'rna'. "
            "Try: the one that is meant, taken out of it."
        )
    return tables["rna"]
