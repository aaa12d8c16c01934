"""How images are stored: format, number type, and the range of their values.

Inside the package images are float32 in [-1, 1]; a `Form` brings them there and back, so that what is written has the
format, bit depth and units of what was read.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import DataError

__all__ = ["Form"]


@dataclass(frozen=True)
class Form:
    """Storage of images.

    Parameters
    ----------
    suffix
        Of the files: ``".png"``, ``".tif"``, ``".jpg"``, ``".dcm"``, ``".npz"``.
    dtype
        numpy's name of the stored number type: ``"uint8"``, ``"uint16"``, ``"int16"``, ``"float32"``.
    layout
        Where the channels stand in a stored array: nowhere (grey), last, or first.
    low, high
        Stored values that become -1 and 1; 0 and 255 for uint8, else the range of the images that set it.

    Examples
    --------
    >>> form = Form(".tif", "uint16", "grey", 100.0, 4100.0)
    >>> x = form.to_unit(np.array([[100, 4100]], dtype=np.uint16))
    >>> x.tolist(), form.from_unit(x).tolist()
    ([[[-1.0, 1.0]]], [[100, 4100]])
    """

    suffix: str
    dtype: str
    layout: Literal["grey", "last", "first"] = "grey"
    low: float = 0.0
    high: float = 255.0

    def spanning(self, low: float, high: float) -> "Form":
        """The same form for values from ``low`` to ``high``; bytes keep 0 to 255.

        Parameters
        ----------
        low, high
            Smallest and largest stored value.

        Returns
        -------
        Form
            With a range that is not empty.

        Raises
        ------
        DataError
            All values are equal.
        """
        if self.dtype == "uint8":
            return replace(self, low=0.0, high=255.0)
        if not high > low:
            raise DataError(
                f"got images of the one value {low:g}; expected some contrast. Try: check the exposure and the format."
            )
        return replace(self, low=low, high=high)

    def to_unit(self, array: np.ndarray) -> Float[Tensor, "c h w"]:
        """A stored image ``array`` as float32 (channels, height, width), ``low`` at -1 and ``high`` at 1."""
        if self.layout == "grey":
            array = array[None]
        elif self.layout == "last":
            array = np.moveaxis(array, -1, 0)
        values = (array.astype(np.float64) - self.low) / (self.high - self.low)
        return torch.from_numpy(np.ascontiguousarray(2.0 * values - 1.0, dtype=np.float32))

    def from_unit(self, x: Float[Tensor, "c h w"]) -> np.ndarray:
        """An image ``x`` (channels, height, width) in [-1, 1] as it is stored, clipped to the form's range."""
        values = self.low + (self.high - self.low) * (x.detach().cpu().double().clamp(-1.0, 1.0).numpy() + 1.0) / 2.0
        if "int" in self.dtype:
            values = np.rint(values)
        values = values.astype(self.dtype)
        if self.layout == "grey":
            return values[0]
        return np.moveaxis(values, 0, -1) if self.layout == "last" else values
