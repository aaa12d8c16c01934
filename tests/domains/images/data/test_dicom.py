"""DICOM slices come in and go out in Hounsfield units, without the patient."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from advsci.errors import DataError
from advsci_images.data.stack import read_images, write_images

RNG = np.random.default_rng(0)


def save(path, stored, *, slope="1", intercept="-1024", kind="MONOCHROME2", syntax=ExplicitVRLittleEndian, **more):
    """Write a CT slice of 12 bits as a scanner does."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.PatientName = "Doe^Jane"
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = *stored.shape[-2:], 1, kind
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.RescaleSlope, data.RescaleIntercept = slope, intercept
    for name, value in more.items():
        setattr(data, name, value)
    data.PixelData = stored.astype("<u2").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)


def test_slices_keep_their_hounsfield_units_and_lose_the_patient(tmp_path):
    stored = {f"{i}": RNG.integers(0, 4096, (12, 10)) for i in range(3)}
    for name, array in stored.items():
        save(tmp_path / "in" / f"{name}.dcm", array)
    stack = read_images(tmp_path / "in")
    assert stack.form.dtype == "int16" and stack.form.low >= -1024 and float(stack.images.min()) == -1.0
    for path, array in zip(write_images(tmp_path / "out", stack), stored.values(), strict=True):
        data = pydicom.dcmread(path)
        np.testing.assert_array_equal(data.pixel_array * data.RescaleSlope + data.RescaleIntercept, array - 1024)
        assert str(data.PatientName) == "" and b"Doe" not in path.read_bytes()
    np.testing.assert_array_equal(read_images(tmp_path / "out").images, stack.images)


def test_uptake_with_a_broken_slope_is_kept_to_sixteen_bits(tmp_path):
    stored = RNG.integers(0, 4096, (9, 9))
    save(tmp_path / "in" / "pet.dcm", stored, slope="0.37", intercept="0")
    stack = read_images(tmp_path / "in")
    assert stack.form.dtype == "float32"
    (path,) = write_images(tmp_path / "out", stack)
    data = pydicom.dcmread(path)
    again = data.pixel_array * float(data.RescaleSlope) + float(data.RescaleIntercept)
    np.testing.assert_allclose(again, 0.37 * stored, atol=0.37 * 4096 / 65535)


def test_films_whose_small_values_are_bright_are_turned(tmp_path):
    stored = RNG.integers(0, 4096, (9, 9))
    save(tmp_path / "a" / "x.dcm", stored, intercept="0", kind="MONOCHROME1")
    save(tmp_path / "b" / "x.dcm", 4095 - stored, intercept="0")
    np.testing.assert_array_equal(read_images(tmp_path / "a").images, read_images(tmp_path / "b").images)


WRONG = {
    "deflated": ({"syntax": DeflatedExplicitVRLittleEndian}, (9, 9), "deflated"),
    "frames": ({"NumberOfFrames": 2}, (2, 9, 9), "2 frames"),
    "small": ({}, (4, 9), "at least 8 x 8"),
    "beyond": ({"slope": "100"}, (9, 9), "float32"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_slices_that_cannot_be_used_are_named(kind, tmp_path):
    settings, shape, message = WRONG[kind]
    save(tmp_path / "x.dcm", RNG.integers(2000, 4096, shape), **settings)
    with pytest.raises(DataError, match=message) as caught:
        read_images(tmp_path)
    assert str(caught.value).count("Try:") == 1


def test_a_file_that_is_cut_short_is_named(tmp_path):
    save(tmp_path / "x.dcm", RNG.integers(0, 4096, (9, 9)))
    whole = (tmp_path / "x.dcm").read_bytes()
    (tmp_path / "x.dcm").write_bytes(whole[:-60])
    with pytest.raises(DataError, match="x.dcm"):
        read_images(tmp_path)
