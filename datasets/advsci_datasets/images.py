"""Image data sets: grey images in [0, 1] with a fixed split."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from advsci.errors import DataError
from advsci.files.arrays import read_arrays
from advsci_datasets.idx import read_idx
from advsci_datasets.registry import fetch, find, prepared

__all__ = ["Images", "load_images", "read_images"]


@dataclass(frozen=True)
class Images:
    """Grey images; value 0 is the file's 0 and 1 its 255.

    Attributes
    ----------
    train, test
        float32 in [0, 1]; the test images are held out and in a fixed order.
    train_labels, test_labels
        Class of each image, or None where there is none.

    Examples
    --------
    >>> from advsci_datasets import load_images
    >>> load_images("digits").name
    'digits'
    """

    name: str
    train: Float[Tensor, "train 1 height width"]
    test: Float[Tensor, "test 1 height width"]
    train_labels: Int[Tensor, " train"] | None = None
    test_labels: Int[Tensor, " test"] | None = None


def load_images(name: str) -> Images:
    """A registered data set of kind ``images``: embedded or prepared if this machine has it, else fetched.

    Raises
    ------
    DataError
        On an unknown name, a file that is altered, or one that cannot be had.

    Examples
    --------
    >>> from advsci_datasets import load_images
    >>> load_images("digits").train.shape[1:]
    torch.Size([1, 28, 28])
    """
    entry = find(name)
    if entry.kind != "images":
        raise DataError(f"got the data set '{name}' of kind {entry.kind}; expected images. Try: advsci datasets list.")
    path = prepared(name)
    if path is not None:
        return read_images(path, name)
    files = fetch(name)
    arrays = {
        f"{key}_{part}": read_idx(files[f"{file}-{kind}-ubyte.gz"])
        for part, file in [("train", "train"), ("test", "t10k")]
        for key, kind in [("x", "images-idx3"), ("y", "labels-idx1")]
    }
    return _images(name, arrays)


def read_images(path: Path, name: str | None = None) -> Images:
    """Images of an npz file: uint8 ``x_train``, ``x_test`` (n h w) and perhaps labels ``y_train``, ``y_test`` (n).

    Parameters
    ----------
    path
        The file.
    name
        Name for errors; None takes the file's.

    Returns
    -------
    Images
        Training and test images, uint8 (n h w), with labels where there are any.

    Raises
    ------
    DataError
        There is no such file, or it holds no images.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from advsci_datasets import read_images
    >>> path = Path(tempfile.mkdtemp()) / "mine.npz"
    >>> np.savez(path, x_train=np.zeros((3, 8, 8), np.uint8), x_test=np.zeros((2, 8, 8), np.uint8))
    >>> read_images(path).train.shape
    torch.Size([3, 1, 8, 8])
    """
    if not Path(path).is_file():
        raise DataError(f"got no file {path}; expected an npz file. Try: advsci datasets list.")
    arrays = read_arrays(path, ("x_train", "x_test", "y_train", "y_test"), expected="a readable npz file of images")
    return _images(name or str(path), arrays)


def _images(name: str, arrays: dict[str, np.ndarray]) -> Images:
    tensors: dict[str, Tensor | None] = {}
    for part in ("train", "test"):
        x, y = arrays.get(f"x_{part}"), arrays.get(f"y_{part}")
        if x is None or x.dtype != np.uint8 or x.ndim != 3 or x.size == 0:
            got = "nothing" if x is None else f"{x.dtype} of shape {x.shape}"
            raise DataError(
                f"{name}: got {got} for x_{part}; expected uint8 of shape (n, height, width). Try: save them so."
            )
        if y is not None and y.shape != x.shape[:1]:
            raise DataError(
                f"{name}: got labels of shape {y.shape} for {len(x)} images in y_{part}; expected one each. "
                "Try: save as many."
            )
        if y is not None and y.dtype.kind not in "iu":
            raise DataError(f"{name}: got labels of {y.dtype} in y_{part}; expected integers. Try: save them so.")
        tensors[part] = torch.from_numpy(x.copy()).unsqueeze(1).float() / 255
        tensors[f"{part}_labels"] = None if y is None else torch.from_numpy(y.astype(np.int64))
    return Images(name, **tensors)  # type: ignore[arg-type]
