"""One guarded reader of grey DICOM images, which images and inverse problems share."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from advsci.errors import DataError
from advsci.files import read_dicom
from advsci_images.data.dicom import read_dicom as read_slice
from advsci_inverse.data.images import read_stack

STORED = np.random.default_rng(0).integers(0, 4096, (9, 7))


def _save(path, stored=STORED, syntax=ExplicitVRLittleEndian, **more):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.Rows, data.Columns, data.SamplesPerPixel = *stored.shape[-2:], 1
    data.PhotometricInterpretation, data.PixelRepresentation = "MONOCHROME2", 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    data.RescaleSlope, data.RescaleIntercept = "1", "-1024"
    for name, value in more.items():
        setattr(data, name, value)
    data.PixelData = stored.astype("<u2").tobytes()
    data.save_as(path, enforce_file_format=True)
    return path


def test_values_are_in_the_units_of_the_file(tmp_path):
    image = read_dicom(_save(tmp_path / "a.dcm"))
    np.testing.assert_array_equal(image.values, STORED - 1024)
    assert image.whole
    uptake = read_dicom(_save(tmp_path / "b.dcm", RescaleSlope="0.37", RescaleIntercept="0"))
    np.testing.assert_allclose(uptake.values, 0.37 * STORED)
    assert not uptake.whole


def test_films_are_turned_by_their_range_and_not_by_what_they_show(tmp_path):
    film = read_dicom(_save(tmp_path / "a.dcm", 4095 - STORED, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(film.values, STORED - 1024)
    part = read_dicom(_save(tmp_path / "b.dcm", 4095 - STORED[:4], PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(part.values, film.values[:4])  # a crop keeps the values of the whole


def test_several_frames_are_a_stack_for_inverse_problems_and_refused_for_images(tmp_path):
    path = _save(tmp_path / "a.dcm", np.stack([STORED, STORED + 1]), NumberOfFrames=2)
    assert read_dicom(path).values.shape == (2, 9, 7) and read_stack(path).shape == (2, 9, 7)
    with pytest.raises(DataError, match="2 frames"):
        read_slice(path)


@pytest.mark.parametrize("of", ["images", "inverse"])
def test_both_parts_read_the_same_values(of, tmp_path):
    path = _save(tmp_path / "a.dcm")
    found = read_slice(path) if of == "images" else read_stack(path)[0].numpy()
    np.testing.assert_array_equal(found, STORED - 1024)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"syntax": DeflatedExplicitVRLittleEndian}, "deflated"),
        ({"SamplesPerPixel": 3}, "3 colours"),
        ({"Rows": 60000, "Columns": 60000}, "a.dcm"),
    ],
)
def test_what_cannot_be_read_is_named(more, message, tmp_path):
    path = _save(tmp_path / "a.dcm")
    if "syntax" in more:
        path = _save(tmp_path / "a.dcm", **more)
    else:
        data = pydicom.dcmread(path)
        for name, value in more.items():
            setattr(data, name, value)
        data.save_as(path)
    with pytest.raises(DataError, match=message):
        read_dicom(path, budget=10**6)
