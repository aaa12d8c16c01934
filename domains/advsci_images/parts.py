"""What this package brings to the script ``advsci``; see `advsci.parts`."""

from typing import TYPE_CHECKING

from advsci.lazy import exports

if TYPE_CHECKING:
    from advsci_images.demo import demo as demo

__getattr__, __dir__, __all__ = exports(__name__)
