"""One DICOM slice read and written, in the units of the file (Hounsfield for CT).

Values are ``slope * stored + intercept`` (DICOM PS3.3, C.11.1.1.2). Where both are whole numbers they are kept as
int16; else, as in PET, as float32. A written slice is a secondary capture without a patient: nothing about a person
goes from the images that were read into images that were made.
"""

import io
import math
from pathlib import Path
from typing import Any

import numpy as np

from advsci.errors import DataError, needs
from advsci.files import require_room, write_whole
from advsci_images.data.form import Form

__all__ = ["read_dicom", "write_dicom"]

_DEFLATED = "1.2.840.10008.1.2.1.99"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def read_dicom(path: Path) -> np.ndarray:
    """The values of a grey slice.

    Parameters
    ----------
    path
        A ``.dcm`` file of one frame.

    Returns
    -------
    numpy.ndarray
        (height, width) in int16, or float32 where the values are no whole numbers. Where the file says that small
        values are bright (MONOCHROME1), stored values are counted from the top.

    Raises
    ------
    DataError
        The file is deflated, has several frames or colours, or values beyond int16.
    MissingDependencyError
        pydicom is not installed.
    """
    with needs("pydicom", "images"):
        import pydicom
        from pydicom.filereader import read_file_meta_info
    meta: Any = read_file_meta_info(path)
    if str(getattr(meta, "TransferSyntaxUID", "")) == _DEFLATED:  # of which any size may come out
        raise DataError(f"{path}: got deflated DICOM; expected it uncompressed. Try: dcmconv --write-xfer-little.")
    data: Any = pydicom.dcmread(path)
    sides = {key: int(getattr(data, key, 1) or 1) for key in ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel")}
    require_room(path, 8 * math.prod(sides.values()), "an image")
    if sides["NumberOfFrames"] > 1 or sides["SamplesPerPixel"] > 1:
        raise DataError(
            f"{path}: got {sides['NumberOfFrames']} frames of {sides['SamplesPerPixel']} colours; expected one grey "
            "slice per file. Try: one file per frame, converted to grey."
        )
    stored = data.pixel_array.astype(np.int64)
    if getattr(data, "PhotometricInterpretation", "") == "MONOCHROME1":
        stored = (-1 if int(data.PixelRepresentation) else 2 ** int(data.BitsStored) - 1) - stored
    slope, intercept = float(getattr(data, "RescaleSlope", 1.0)), float(getattr(data, "RescaleIntercept", 0.0))
    values = slope * stored + intercept
    if not (slope.is_integer() and intercept.is_integer()):
        return values.astype(np.float32)
    held = np.iinfo(np.int16)
    if values.min() < held.min or values.max() > held.max:
        raise DataError(
            f"{path}: got values from {values.min():g} to {values.max():g}; expected {held.min} to {held.max}. "
            "Try: save the slices as TIFF in float32."
        )
    return values.astype(np.int16)


def write_dicom(path: Path, array: np.ndarray, form: Form) -> Path:
    """Write a slice as a secondary capture.

    Parameters
    ----------
    path
        Where to.
    array
        (height, width) in int16; in float32 it is stored in 16 bits over the form's range.
    form
        Its range.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    DataError
        The array is no grey slice of these number types.
    """
    with needs("pydicom", "images"):
        from pydicom.dataset import FileDataset, FileMetaDataset
        from pydicom.uid import ExplicitVRLittleEndian, generate_uid
    if array.ndim != 2 or array.dtype not in (np.int16, np.float32):
        raise DataError(
            f"got {array.dtype} of shape {array.shape} for {form.suffix}; expected a grey slice in int16 or float32. "
            "Try: TIFF files."
        )
    slope, intercept, stored = 1.0, 0.0, array
    if array.dtype == np.float32:
        slope, intercept = (form.high - form.low) / 65535.0, form.low
        stored = np.rint((array.astype(np.float64) - intercept) / slope).astype(np.uint16)
    meta: Any = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = _SECONDARY_CAPTURE, generate_uid()
    data: Any = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = _SECONDARY_CAPTURE, meta.MediaStorageSOPInstanceUID
    data.PatientName = data.PatientID = data.StudyDate = ""
    data.Modality, data.ConversionType, data.ImageType = "OT", "WSD", ["DERIVED", "SECONDARY"]
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = *array.shape, 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
    data.PixelRepresentation = int(array.dtype == np.int16)
    data.RescaleSlope, data.RescaleIntercept = f"{slope:.10g}", f"{intercept:.10g}"
    data.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    whole = io.BytesIO()
    data.save_as(whole, enforce_file_format=True)
    return write_whole(path, whole.getvalue(), DataError)
