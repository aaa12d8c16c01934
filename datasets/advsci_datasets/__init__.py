"""Loaders and the registry of data sets; returns native types, knows no model."""

from typing import TYPE_CHECKING

from advsci.lazy import exports

if TYPE_CHECKING:
    from advsci_datasets.annotated import load_cells as load_cells
    from advsci_datasets.h5ad import read_h5ad as read_h5ad
    from advsci_datasets.images import Images as Images
    from advsci_datasets.images import load_images as load_images
    from advsci_datasets.images import read_images as read_images
    from advsci_datasets.registry import DataSet as DataSet
    from advsci_datasets.registry import datasets as datasets
    from advsci_datasets.registry import fetch as fetch
    from advsci_datasets.registry import find as find
    from advsci_datasets.registry import prepared as prepared

__getattr__, __dir__, __all__ = exports(__name__)
