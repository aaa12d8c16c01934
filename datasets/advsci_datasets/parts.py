"""What this package brings to the script ``advsci``; see `advsci.parts`."""

from advsci_datasets import registry

__all__ = ["registry"]
