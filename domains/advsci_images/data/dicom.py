"""One DICOM slice read and written, in the units of the file (Hounsfield for CT).

Where slope and intercept are whole numbers, values are kept as int16; else, as in PET, as float32. A written slice is
a secondary capture without a patient: nothing about a person goes from the images that were read into images that were
made.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np

from advsci.errors import DataError, needs
from advsci.files import read_dicom as read_grey
from advsci.files import write_whole
from advsci_images.data.form import Form

__all__ = ["read_dicom", "write_dicom"]

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
        (height, width) in int16, or float32 where the values are no whole numbers; see `advsci.files.read_dicom`.

    Raises
    ------
    DataError
        The file is deflated, has several frames or colours, or values beyond int16.
    MissingDependencyError
        pydicom is not installed.
    """
    image = read_grey(path)
    values = image.values
    if values.ndim > 2:
        raise DataError(f"{path}: got {len(values)} frames; expected one slice per file. Try: one file per frame.")
    if not image.whole:
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
