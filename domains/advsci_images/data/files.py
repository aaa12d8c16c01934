"""One image file read and written: PNG, JPEG, TIFF and DICOM, with bit depth and channels as stored."""

from pathlib import Path
from typing import Any

import numpy as np

from advsci.errors import DataError, needs
from advsci.files import open_picture, open_tiff, reading
from advsci_images.data.dicom import read_dicom, write_dicom
from advsci_images.data.form import Form

__all__ = ["LARGEST", "SMALLEST", "SUFFIXES", "read_file", "write_file"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm")
SMALLEST, LARGEST = 8, 4096
"""Sides of images in pixels: what two halvings need, and what still fits into memory with a network's layers."""


def read_file(path: Path) -> tuple[np.ndarray, Form]:
    """An image as stored, and its form (the range is that of the number type; a stack narrows it).

    Parameters
    ----------
    path
        A PNG, JPEG or TIFF file, or a DICOM slice (``.dcm``).

    Returns
    -------
    numpy.ndarray
        (height, width), (height, width, channels) or, of a TIFF of several pages, (channels, height, width).
    Form
        Suffix, number type and layout.

    Raises
    ------
    DataError
        The file is missing, damaged, has an alpha channel, an unknown mode, or a side out of range.
    MissingDependencyError
        The package that reads this format is not installed.
    """
    path = Path(path)
    reader = {".tif": _read_tiff, ".tiff": _read_tiff, ".dcm": _read_slice}.get(path.suffix.lower(), _read_pillow)
    with reading(path, "an image", "remove the file, or copy it again"):
        array, layout = reader(path)
    if array.dtype not in (np.uint8, np.uint16, np.float32) and reader is not _read_slice:
        raise DataError(
            f"{path}: got numbers of type {array.dtype}; expected uint8, uint16 or float32. Try: convert the file."
        )
    if not np.isfinite(array).all():
        raise DataError(f"{path}: got NaN or infinity; expected finite intensities. Try: replace them.")
    whole = None if array.dtype == np.float32 else np.iinfo(array.dtype)
    span = (0.0, 1.0) if whole is None else (float(whole.min), float(whole.max))
    return array, Form(path.suffix.lower(), str(array.dtype), layout, *span)


def write_file(path: Path, array: np.ndarray, form: Form) -> Path:
    """Write an image as `Form.from_unit` gave it.

    Parameters
    ----------
    path
        Where to; its suffix is replaced by the form's.
    array
        The stored values.
    form
        Format, number type and layout.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    DataError
        The format cannot hold this number type or layout.
    """
    path = Path(path).with_suffix(form.suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    if form.suffix == ".dcm":
        return write_dicom(path, array, form)
    if form.suffix in (".tif", ".tiff"):
        kind = "rgb" if form.layout == "last" and array.shape[-1] == 3 else "minisblack"
        extra: dict[str, Any] = {"planarconfig": "contig"} if form.layout == "last" else {}
        _tifffile().imwrite(path, array, photometric=kind, metadata=None, **extra)
        return path
    if array.dtype == np.float32 or (array.ndim == 3 and array.shape[-1] != 3) or form.layout == "first":
        raise DataError(
            f"got {array.dtype} of shape {array.shape} for {form.suffix}; expected bytes, or 16 bit in grey. "
            "Try: TIFF files."
        )
    _pillow().fromarray(array).save(path, quality=95)
    return path


def _read_pillow(path: Path) -> tuple[np.ndarray, Any]:
    _check_depth(path)
    with open_picture(path) as image:
        return _pixels(path, image)


def _pixels(path: Path, image: Any) -> tuple[np.ndarray, Any]:
    _check_size(path, image.size[1], image.size[0])
    if "A" in image.getbands() or "transparency" in image.info:
        raise DataError(
            f"{path}: got an alpha channel (mode {image.mode}); expected grey or colour without transparency. "
            "Try: flatten the image on a background."
        )
    if image.mode in ("1", "P"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if image.mode == "F" or image.mode not in ("L", "RGB", "I;16", "I;16B", "I"):
        raise DataError(f"{path}: got colour mode {image.mode}; expected grey or RGB. Try: convert the file.")
    array = np.asarray(image)
    if image.mode == "I":  # 16 bit in the file, 32 in memory
        array = array.astype(np.uint16)
    return array, "last" if array.ndim == 3 else "grey"


def _check_depth(path: Path) -> None:
    """Pillow reads colour of 16 bit as 8 bit without a word."""
    with open(path, "rb") as file:
        head = file.read(26)
    if head[:8] == b"\x89PNG\r\n\x1a\n" and head[24] == 16 and head[25] == 2:
        raise DataError(f"{path}: got a PNG of 16 bit in colour; expected 8 bit, or 16 in grey. Try: TIFF files.")


def _read_tiff(path: Path) -> tuple[np.ndarray, Any]:
    with open_tiff(path) as file:
        series = file.series[0]
        page: Any = series.pages[0]
        axes, shape = series.axes, series.shape
        height, width = (shape[axes.index(axis)] for axis in "YX")
        _check_size(path, height, width)
        if page.extrasamples or (axes.endswith("S") and shape[-1] in (2, 4)):
            raise DataError(
                f"{path}: got an alpha channel; expected grey or colour without transparency. "
                "Try: flatten the image on a background."
            )
        array = np.asarray(series.asarray())
    if array.ndim == 2:
        return array, "grey"
    if array.ndim == 3 and axes.endswith("YX"):
        return array, "first"
    if array.ndim == 3 and axes.startswith("YX"):
        return array, "last"
    raise DataError(
        f"{path}: got a TIFF of axes {axes} and shape {shape}; expected one image, its channels as samples or pages. "
        "Try: one file per image."
    )


def _read_slice(path: Path) -> tuple[np.ndarray, Any]:
    array = read_dicom(path)
    _check_size(path, *array.shape)
    return array, "grey"


def _check_size(path: Path, height: int, width: int) -> None:
    if min(height, width) < SMALLEST:
        raise DataError(
            f"{path}: got an image of {height} x {width} pixels; expected at least {SMALLEST} x {SMALLEST}. "
            "Try: larger images, or leave the file out."
        )
    if max(height, width) > LARGEST:
        raise _too_large(path, f"{height:,} x {width:,} pixels")


def _too_large(path: Path, size: str) -> DataError:
    return DataError(
        f"{path}: got an image of {size}; expected sides of at most {LARGEST:,}. Try: cut it into tiles, or shrink it."
    )


def _pillow() -> Any:
    with needs("pillow", "images"):
        from PIL import Image
    return Image


def _tifffile() -> Any:
    with needs("tifffile", "images"):
        import tifffile
    return tifffile
