"""Image files of strangers: what their headers declare is compared with the budget before a pixel is unpacked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from advsci.errors import DataError, needs
from advsci.files.budget import memory_budget, require_room
from advsci.files.named import reading
from advsci.files.unpacking import LARGEST_RATIO, unpacked_size

__all__ = ["open_picture", "open_tiff"]

_MANY = 100_000
_PACKED = {8: "zlib", 32946: "zlib", 34925: "lzma", 34926: "zstd", 50000: "zstd"}
"""Codes of compression in TIFF under which a strip may unpack to any size."""


@contextmanager
def open_picture(
    path: str | Path, *, extra: str = "images", budget: int | None = None, formats: Sequence[str] = ("PNG", "JPEG")
) -> Iterator[Any]:
    """A PNG or JPEG file by Pillow; what is read of it within the block fails by name.

    Parameters
    ----------
    path
        The file.
    extra
        The extra of advsci that installs Pillow.
    budget
        Most bytes that its pixels may fill; None takes `advsci.files.memory_budget`.
    formats
        Names that Pillow has for the formats that are read, whatever the file's name says; some others, as EPS, are
        programs that Pillow lets run.

    Yields
    ------
    PIL.Image.Image
        Not yet unpacked.

    Raises
    ------
    MissingDependencyError
        Pillow is not installed.
    DataError
        The file is missing, damaged, of another format, or declares more than the budget.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> path = tempfile.mkdtemp() + "/grey.png"
    >>> Image.new("L", (4, 3)).save(path)
    >>> with open_picture(path) as image:
    ...     image.size
    (4, 3)
    """
    with needs("pillow", extra):
        from PIL import Image
    with reading(path, "an image", "remove the file, or copy it again"):
        try:
            image = Image.open(path, formats=tuple(formats))
        except Image.DecompressionBombError:
            raise DataError(
                f"{path}: got an image of more than 178 million pixels; expected a smaller one. Try: cut it into tiles."
            ) from None
        with image:
            require_room(path, image.width * image.height * 4 * max(1, len(image.getbands())), "an image", budget)
            yield image


@contextmanager
def open_tiff(path: str | Path, *, extra: str = "images", budget: int | None = None) -> Iterator[Any]:
    """A TIFF file by tifffile; what is read of it within the block fails by name.

    Parameters
    ----------
    path
        The file.
    extra
        The extra of advsci that installs tifffile.
    budget
        Most bytes that its pages may fill together; None takes `advsci.files.memory_budget`.

    Yields
    ------
    tifffile.TiffFile
        Its pages are not yet unpacked.

    Raises
    ------
    MissingDependencyError
        tifffile is not installed.
    DataError
        The file is missing, damaged, keeps pages in other files, or declares more than the budget.

    Examples
    --------
    >>> import numpy, tempfile, tifffile
    >>> path = tempfile.mkdtemp() + "/stack.tif"
    >>> tifffile.imwrite(path, numpy.zeros((2, 8, 8), "u1"))
    >>> with open_tiff(path) as file:
    ...     file.series[0].shape
    (2, 8, 8)
    """
    with needs("tifffile", extra):
        import tifffile
    with reading(path, "a TIFF image", "remove the file, or copy it again"):
        if not Path(path).is_file():
            raise FileNotFoundError(path)
        # a description may name other files of the series (OME); they are not opened
        with tifffile.TiffFile(path, _multifile=False) as file:
            if len(file.pages) > _MANY:
                raise ValueError(f"over {_MANY:,} pages")
            declared = sum(int(series.nbytes) for series in file.series)
            require_room(path, declared, "an image", budget)
            for page in (page for series in file.series for page in series.pages):
                if page is None:
                    raise ValueError("pages that are kept in other files")
                require_room(path, int(page.nbytes), "an image", budget)
                _check_packed(path, file, page, memory_budget() if budget is None else budget)
            yield file


def _check_packed(path: str | Path, file: Any, page: Any, budget: int) -> None:
    """A strip of packed bytes may unpack to more than the page declares; none is unpacked beyond the budget."""
    codec = _PACKED.get(int(page.compression))
    if codec is None:
        return
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        if codec == "lzma" or count * LARGEST_RATIO[codec] > budget:
            file.filehandle.seek(offset)
            require_room(path, unpacked_size(codec, file.filehandle.read(count), budget), "a strip", budget)
