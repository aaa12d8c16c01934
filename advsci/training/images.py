"""A folder of images as data: decoded one by one where they are asked for, by worker processes if wanted."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from advsci.errors import ConfigError, DataError, needs
from advsci.files import reading, require_room

__all__ = ["ENDINGS", "ImageFolder", "pixels"]

ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
"""Endings of files that are taken for images."""

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


class ImageFolder(Dataset):
    """The images below a folder, in the order of their paths; a sample is ``{"x": (channels h w)}`` in [-1, 1].

    With ``labels`` the folders directly below are classes, in the order of their names, and a sample has its class as
    ``"condition"``. Hand it to `Trainer.fit`, or in ``ItemSource(ImageFolder(path), workers=2)``, which reads ahead; a
    bare ``Path`` stands for ``ImageFolder(path)``.

    Parameters
    ----------
    folder
        Folder of PNG, JPEG, BMP, GIF, TIFF or WebP files, at any depth.
    size
        Height and width: the largest square in the middle is scaled to it (antialiased). None leaves the images as they
        are: all must then have one size, or they cannot be stacked to a batch.
    channels
        1 (grey), 3 (colour) or 4 (with transparency).
    labels
        Whether the folders are classes.

    Attributes
    ----------
    paths
        The files.
    classes
        Names of the classes, or empty.

    Raises
    ------
    DataError
        No folder, no image in it, or with ``labels`` an image outside of the classes; on reading, one that cannot be
        decoded.
    ConfigError
        ``channels`` is none of 1, 3 and 4, or ``size`` is below 1.
    MissingDependencyError
        Pillow is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> folder = tempfile.mkdtemp()
    >>> Image.new("RGB", (6, 4), "white").save(folder + "/white.png")
    >>> ImageFolder(folder, size=2, channels=1)[0]["x"]
    tensor([[[1., 1.],
             [1., 1.]]])
    """

    def __init__(self, folder: str | Path, *, size: int | None = None, channels: int = 3, labels: bool = False):
        if channels not in _MODES or (size is not None and size < 1):
            raise ConfigError(
                f"got channels={channels}, size={size}; expected 1, 3 or 4 channels and a positive size. "
                "Try: channels=3, size=64."
            )
        with needs("pillow", "images"):
            import PIL.Image  # noqa: F401
        self.folder, self.size, self.channels, self.labels = Path(folder), size, channels, labels
        self.paths = sorted(p for p in self.folder.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())
        if not self.paths:
            raise DataError(
                f"{self.folder}: got no images; expected files that end in {', '.join(sorted(ENDINGS))}. "
                "Try: the folder above, or another path."
            )
        where = [path.relative_to(self.folder).parts for path in self.paths]
        alone = [path for path, parts in zip(self.paths, where, strict=True) if len(parts) < 2]
        if labels and alone:
            raise DataError(
                f"{alone[0]}: got an image outside of the folders of classes; expected one folder per class. "
                "Try: labels=False."
            )
        self.classes = sorted({parts[0] for parts in where}) if labels else []
        self.condition = [self.classes.index(parts[0]) for parts in where] if labels else []

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        sample = {"x": self._decoded(self.paths[index])}
        if self.labels:
            sample["condition"] = torch.tensor(self.condition[index])
        return sample

    def _decoded(self, path: Path) -> Tensor:
        with reading(path, "an image", "take it out of the folder, or copy it again"):
            return pixels(path, self.channels, self.size)


def pixels(file: Path | BytesIO, channels: int, size: int | None = None) -> Tensor:
    """An image as numbers in [-1, 1].

    Parameters
    ----------
    file
        A file of one of `ENDINGS`.
    channels
        1, 3 or 4.
    size
        Height and width of the middle square, or None to leave the image as it is.

    Returns
    -------
    Tensor
        (channels h w), float32.

    Raises
    ------
    OSError, ValueError, SyntaxError
        Pillow cannot decode it, or it is of another format than its ending says: some, as EPS, are programs.
    DataError
        It declares more pixels than fit into memory.
    """
    from PIL import Image, ImageOps

    try:
        opened = Image.open(file, formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise ValueError(str(error)) from None
    with opened:
        require_room(getattr(opened, "filename", ""), 16 * opened.width * opened.height, "an image")
        image: Any = ImageOps.exif_transpose(opened).convert(_MODES[channels])
        if size is not None:
            side = min(image.size)
            left, top = ((length - side) // 2 for length in image.size)
            # cut before it is scaled: what is cut off must not shine in
            image = image.crop((left, top, left + side, top + side))
            image = image.resize((size, size), Image.Resampling.LANCZOS)
        values = np.array(image, dtype=np.float32)
    x = torch.from_numpy(values.reshape(*values.shape[:2], channels)).permute(2, 0, 1).contiguous()
    return x.div_(127.5).sub_(1.0)
