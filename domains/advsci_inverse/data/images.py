"""Grey images from files, with their intensity units kept: PNG, TIFF, NPZ, NPY, NIfTI, DICOM, HDF5, or a folder.

Every reader gives ``(n, h, w)`` float32 in the file's own units (Hounsfield for rescaled CT, counts for raw data);
`Scale` maps them to the [0, 1] in which priors are trained, and back. Volumes become slices along their last axis.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from advsci.errors import DataError, needs
from advsci.files import open_hdf5, open_picture, open_tiff, read_array, read_arrays, read_dicom, reading, require_room
from advsci.files.hdf5 import walk_hdf5

__all__ = ["Scale", "load_labels", "load_training_images", "origin", "read_stack"]

_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".npz", ".npy", ".nii", ".gz", ".dcm", ".h5", ".hdf5")


@dataclass(frozen=True)
class Scale:
    """Affine map from a file's units to [0, 1]: ``(x - low) / (high - low)``.

    Attributes
    ----------
    low, high
        What becomes 0 and 1.

    Examples
    --------
    >>> window = Scale(-1000.0, 1000.0)  # Hounsfield units
    >>> window.to_unit(torch.tensor([-1000.0, 0.0]))
    tensor([0.0000, 0.5000])
    """

    low: float = 0.0
    high: float = 1.0

    @classmethod
    def of(cls, x: Tensor) -> "Scale":
        """0...255 for whole numbers in that range, nothing for [0, 1], else the range of the values.

        Parameters
        ----------
        x
            Images of any shape.

        Returns
        -------
        Scale
            Their scale.

        Raises
        ------
        DataError
            All values are equal.
        """
        low, high = float(x.min()), float(x.max())
        if low >= 0 and high <= 1:
            return cls()
        if low >= 0 and high <= 255 and bool((x == x.round()).all()):
            return cls(0.0, 255.0)
        if high <= low:
            raise DataError(f"got images of the one value {low}; expected some contrast. Try: leave them out.")
        return cls(low, high)

    def to_unit(self, x: Tensor) -> Tensor:
        """From the file's units.

        Parameters
        ----------
        x
            Images of any shape.

        Returns
        -------
        tensor
            In [0, 1] where ``x`` is between ``low`` and ``high``.
        """
        return (x - self.low) / (self.high - self.low)

    def from_unit(self, x: Tensor) -> Tensor:
        """Back to the file's units.

        Parameters
        ----------
        x
            Images of any shape.

        Returns
        -------
        tensor
            In the file's units.
        """
        return x * (self.high - self.low) + self.low


_WHITE_IS_ZERO, _RGB = 0, 2  # of TIFF's photometric interpretation
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as Pillow's


def _pillow(path: Path) -> np.ndarray:
    with open_picture(path, extra="inverse") as image:
        frames = getattr(image, "n_frames", 1)
        if frames > 1:
            raise DataError(f"{path}: got {frames} frames; expected one image. Try: save the frames as a npz.")
        return np.asarray(image if image.mode in ("I", "F", "I;16", "L") else image.convert("L"))


def _tiff(path: Path) -> np.ndarray:
    with open_tiff(path, extra="inverse") as file:
        array, kind = file.asarray(), int(file.pages[0].photometric)
    inverted, colour = kind == _WHITE_IS_ZERO, kind == _RGB
    if colour and array.shape[-1] in (3, 4):
        array = array[..., :3].astype(np.float32) @ _LUMINANCE
    return array.max() - array if inverted else array


def _nifti(path: Path) -> np.ndarray:
    with needs("nibabel", "inverse"):
        import nibabel
    image = nibabel.load(path)
    require_room(path, 8 * math.prod(int(n) for n in image.shape), "a volume")  # type: ignore[attr-defined]
    if len([n for n in image.shape if n > 1]) > 3:  # type: ignore[attr-defined]
        raise DataError(
            f"{path}: got a volume of shape {image.shape}; expected three axes. "  # type: ignore[attr-defined]
            "Try: one file per time or channel (nibabel.four_to_three)."
        )
    upright = nibabel.as_closest_canonical(image)  # axes in the order right, anterior, superior
    volume = np.asarray(upright.get_fdata(dtype=np.float32))  # type: ignore[attr-defined]
    volume = volume.reshape(*volume.shape[:3]) if volume.ndim > 2 else volume[..., None]
    return np.moveaxis(volume, 2, 0)


def _dicom(path: Path) -> np.ndarray:
    return read_dicom(path, extra="inverse").values


def _hdf5(path: Path) -> np.ndarray:
    with open_hdf5(path, expected="an HDF5 file of images") as file:
        found = [name for name, _, item in walk_hdf5(file) if getattr(item, "ndim", None) in (2, 3)]
        if len(found) != 1:
            raise DataError(
                f"{path}: got {len(found)} image arrays {found}; expected one. Try: a file with one data set."
            )
        return np.asarray(file[found[0]])


def _npz(path: Path) -> np.ndarray:
    file = read_arrays(path)
    keys = [k for k in ("x", "x_train", "images") if k in file] or [k for k in file if file[k].ndim == 3]
    if not keys:
        raise DataError(
            f"{path}: got arrays {sorted(file)}; expected images (n, h, w) as x, x_train or images. "
            "Try: rename the array."
        )
    return file[keys[0]]


def read_stack(path: Path) -> Float[Tensor, "n h w"]:
    """All images of a file or a folder, in the file's units.

    Raises
    ------
    DataError
        The path is missing, unreadable, of an unknown kind, or its images differ in size or are not finite.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in _SUFFIXES)
        if not files:
            raise DataError(
                f"{path}: got no image files; expected some of {', '.join(_SUFFIXES)}. Try: another folder."
            )
        stacks = [read_stack(p) for p in files]
        shapes = {tuple(s.shape[1:]) for s in stacks}
        if len(shapes) > 1:
            raise DataError(f"{path}: got images of sizes {sorted(shapes)}; expected one size. Try: resample them.")
        return torch.cat(stacks)
    if not path.is_file():
        raise DataError(f"{path}: got no such file or folder; expected images. Try: check the path.")
    suffix = ".nii" if path.name.endswith(".nii.gz") else path.suffix.lower()
    readers = {".nii": _nifti, ".dcm": _dicom, ".h5": _hdf5, ".hdf5": _hdf5, ".npz": _npz, ".npy": read_array}
    readers |= {".tif": _tiff, ".tiff": _tiff, ".png": _pillow, ".jpg": _pillow, ".jpeg": _pillow}
    if suffix not in readers:
        raise DataError(
            f"{path}: got a file of kind '{suffix}'; expected one of {', '.join(_SUFFIXES)}. Try: save it as npz."
        )
    with reading(path, "a file of images", "open it in another program"):
        array = np.asarray(readers[suffix](path))  # type: ignore[operator]
    if array.dtype.kind not in "biufc":
        raise DataError(f"{path}: got values of {array.dtype}; expected numbers. Try: save them as float32.")
    if np.iscomplexobj(array):
        raise DataError(f"{path}: got complex images; expected real ones. Try: their magnitude, numpy.abs.")
    array = array[None] if array.ndim == 2 else array
    if array.ndim == 4 and 1 in (array.shape[1], array.shape[-1]):
        array = array[:, 0] if array.shape[1] == 1 else array[..., 0]
    if array.ndim != 3 or array.size == 0:
        raise DataError(
            f"{path}: got an array of shape {array.shape}; expected images (n, h, w). "
            "Try: one channel or time at a time."
        )
    stack = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
    if not bool(torch.isfinite(stack).all()):
        raise DataError(f"{path}: got NaN or infinity; expected finite intensities. Try: fill the gaps before.")
    return stack


def load_training_images(name: str) -> tuple[Tensor, Tensor, Scale]:
    """Training and held-out images of a registered set or of files.

    Registered sets have a split of their own. Of files the last eighth is held out, in one block, so that neighbouring
    slices stay together.

    Parameters
    ----------
    name
        Registered data set, folder or file.

    Returns
    -------
    train, held : tensor [n, h, w], tensor [m, h, w]
        Images in [0, 1].
    scale : Scale
        Way back to their units.

    Raises
    ------
    DataError
        Unreadable, or fewer than 16 images.
    """
    from advsci_datasets.images import load_images
    from advsci_datasets.registry import datasets

    if name in datasets():
        images = load_images(name)
        return images.train[:, 0], images.test[:, 0], Scale()
    stack = read_stack(Path(name))
    scale = Scale.of(stack)
    unit = scale.to_unit(stack)
    cut = max(1, len(unit) // 8)
    if len(unit) < 16:
        raise DataError(f"{name}: got {len(unit)} images; expected at least 16, better 2,000. Try: more images.")
    return unit[:-cut], unit[-cut:], scale


def load_labels(name: str) -> tuple[Int[Tensor, " n"], Int[Tensor, " m"]]:
    """Classes of the images of `load_training_images`.

    Parameters
    ----------
    name
        Registered data set, or an npz file with ``y``, ``y_train`` or ``labels``.

    Returns
    -------
    train, held : tensor [n], tensor [m]
        One class per image.

    Raises
    ------
    DataError
        There are none, or not one per image.
    """
    from advsci_datasets.images import load_images
    from advsci_datasets.registry import datasets

    if name in datasets():
        images = load_images(name)
        if images.train_labels is None or images.test_labels is None:
            raise DataError(f"got the data set '{name}' without labels; expected some. Try: --classes 0.")
        return images.train_labels, images.test_labels
    train, held, _ = load_training_images(name)
    found = None
    if Path(name).suffix == ".npz":
        file = read_arrays(name, ("y", "y_train", "labels"))
        found = next((file[key] for key in ("y", "y_train", "labels") if key in file), None)
    if found is not None and found.dtype.kind not in "iu":
        raise DataError(f"{name}: got labels of {found.dtype}; expected integers. Try: number the classes.")
    if found is None or found.shape != (len(train) + len(held),):
        got = "no labels" if found is None else f"labels of shape {found.shape}"
        raise DataError(
            f"{name}: got {got}; expected y of shape ({len(train) + len(held)},) in an npz file. Try: --classes 0."
        )
    labels = torch.from_numpy(found.astype(np.int64))
    return labels[: len(train)], labels[len(train) :]


def origin(name: str) -> dict[str, str]:
    """Name, licence and citation of images.

    Parameters
    ----------
    name
        Registered data set, folder or file.

    Returns
    -------
    dict
        Of a registered set all three, of files the name alone.
    """
    from advsci_datasets.registry import datasets, find

    if name not in datasets():
        return {"name": name}
    entry = find(name)
    return {"name": name, "licence": entry.licence, "citation": entry.citation}
