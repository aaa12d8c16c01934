"""Grey DICOM images of strangers, in the units of the file (Hounsfield for CT).

Values are ``slope * stored + intercept`` (DICOM PS3.3, C.11.1.1.2). Where the file says that small values are bright
(MONOCHROME1, C.7.6.3.1.2), stored values are counted from the top of their range, so that large is always bright.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from advsci.errors import DataError, needs
from advsci.files.budget import require_room
from advsci.files.named import reading

__all__ = ["GreyImage", "read_dicom"]

_DEFLATED = "1.2.840.10008.1.2.1.99"


@dataclass(frozen=True)
class GreyImage:
    """What a file holds.

    Attributes
    ----------
    values
        (height, width), or (frames, height, width) of several; float64.
    whole
        Whether all values are whole numbers by the file's own slope and intercept.
    """

    values: np.ndarray
    whole: bool


def read_dicom(path: str | Path, *, extra: str = "images", budget: int | None = None) -> GreyImage:
    """A grey DICOM image, of one frame or of several.

    Parameters
    ----------
    path
        The file.
    extra
        The extra of advsci that installs pydicom.
    budget
        Most bytes that its values may fill; None takes `advsci.files.memory_budget`.

    Returns
    -------
    GreyImage
        In the file's units, large is bright.

    Raises
    ------
    MissingDependencyError
        pydicom is not installed.
    DataError
        The file is missing, damaged, deflated, in colour, or declares more than the budget.

    Examples
    --------
    >>> read_dicom("nowhere.dcm")
    Traceback (most recent call last):
        ...
    advsci.errors.DataError: nowhere.dcm: got no such file; expected a DICOM image. Try: copy it again.
    """
    with needs("pydicom", extra):
        import pydicom
        from pydicom.filereader import read_file_meta_info
    with reading(path, "a DICOM image", "copy it again"):
        meta: Any = read_file_meta_info(path)
        if str(getattr(meta, "TransferSyntaxUID", "")) == _DEFLATED:  # of which any size may come out
            raise DataError(f"{path}: got deflated DICOM; expected it uncompressed. Try: dcmconv --write-xfer-little.")
        data: Any = pydicom.dcmread(path)
        keys = ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel")
        sides = [int(getattr(data, key, 1) or 1) for key in keys]
        require_room(path, 8 * math.prod(sides), "an image", budget)
        if sides[3] > 1:
            raise DataError(
                f"{path}: got {sides[3]} colours per pixel; expected a grey image. Try: convert it to grey."
            )
        stored = data.pixel_array.astype(np.float64)
        if getattr(data, "PhotometricInterpretation", "") == "MONOCHROME1":
            stored = (-1 if int(data.PixelRepresentation) else 2 ** int(data.BitsStored) - 1) - stored
        slope, intercept = float(getattr(data, "RescaleSlope", 1.0)), float(getattr(data, "RescaleIntercept", 0.0))
    return GreyImage(slope * stored + intercept, slope.is_integer() and intercept.is_integer())
