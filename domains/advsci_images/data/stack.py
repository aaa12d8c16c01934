"""A set of images of one size: what a folder, an npz file or a registered data set holds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from advsci.errors import DataError
from advsci.files.arrays import read_arrays, write_arrays
from advsci_images.data.files import LARGEST, SMALLEST, SUFFIXES, read_file, write_file
from advsci_images.data.form import Form

__all__ = ["Stack", "read_images", "write_images"]


@dataclass(frozen=True)
class Stack:
    """Images of one size with names, form and perhaps labels.

    Parameters
    ----------
    images
        In [-1, 1], (n, channels, height, width).
    form
        How they are stored.
    names
        File names relative to the folder, without suffix; numbers where there are no files.
    labels
        Class of each image (n), or None.
    classes
        Names of the classes.

    Examples
    --------
    >>> stack = Stack(torch.zeros(4, 1, 8, 8), Form(".png", "uint8"), tuple("abcd"))
    >>> stack[:2].names
    ('a', 'b')
    """

    images: Float[Tensor, "n c h w"]
    form: Form
    names: tuple[str, ...]
    labels: "Int[Tensor, ' n'] | None" = None
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: slice) -> "Stack":
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, images=self.images[rows], names=self.names[rows], labels=labels)

    def rows(self, which: Int[Tensor, " m"]) -> "Stack":
        """The images of row numbers ``which`` (m), in that order, with their names and labels."""
        labels = None if self.labels is None else self.labels[which]
        names = tuple(self.names[i] for i in which.tolist())
        return replace(self, images=self.images[which], names=names, labels=labels)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width [pixels]."""
        return self.images.shape[2], self.images.shape[3]

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.images.shape[1]

    def require_labels(self, where: str) -> Int[Tensor, " n"]:
        """The labels, or a `DataError` that names ``where`` they were looked for.

        Raises
        ------
        DataError
            The images have no labels.
        """
        if self.labels is None:
            raise DataError(
                f"{where}: got images without labels; expected a class for each. "
                "Try: one subfolder per class, or y in an npz file."
            )
        return self.labels


def read_images(source: "str | Path", *, least: int = 1, form: "Form | None" = None) -> Stack:
    """Images of a folder, an npz file or a registered data set (its training images).

    Subfolders of a folder are classes.

    Parameters
    ----------
    source
        Path, or name of a registered data set.
    least
        How many images are needed.
    form
        Range of values to use instead of the images' own, such as that of the images a network was trained on.

    Returns
    -------
    Stack
        All images, those of a folder in the order of their names.

    Raises
    ------
    DataError
        Nothing is there, an image cannot be used, sizes or forms differ, labels are incomplete, or images are too few.

    Examples
    --------
    >>> len(read_images("digits"))
    9000
    """
    from advsci_datasets.registry import datasets

    if str(source) in datasets():
        stack = _registered(str(source))
    else:
        path = Path(source)
        if not path.exists():
            raise DataError(
                f"{source}: got no such folder, file or data set; expected images. Try: advsci datasets list."
            )
        stack = _npz(path, form) if path.suffix == ".npz" else _folder(path, form)
    if len(stack) < least:
        raise DataError(
            f"{source}: got {len(stack)} image{'s' * (len(stack) != 1)}; expected at least {least}. "
            "Try: more images, or cut large ones into tiles."
        )
    return stack


def write_images(folder: Path, stack: Stack) -> list[Path]:
    """Write images in their form: files of their names, or one npz file.

    Parameters
    ----------
    folder
        Where to.
    stack
        The images.

    Returns
    -------
    list of Path
        The files that were written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from advsci_images import read_images, write_images
    >>> folder = Path(tempfile.mkdtemp())
    >>> np.savez(folder / "in.npz", x=np.zeros((3, 8, 8), np.uint8))
    >>> [path.name for path in write_images(folder / "out", read_images(folder / "in.npz"))]
    ['images.npz']
    """
    arrays = [stack.form.from_unit(x) for x in stack.images]
    if stack.form.suffix != ".npz":
        return [write_file(folder / n, a, stack.form) for n, a in zip(stack.names, arrays, strict=True)]
    held = {"x": np.stack(arrays)} | ({} if stack.labels is None else {"y": stack.labels.numpy()})
    return [write_arrays(folder / "images.npz", held)]


def _registered(name: str) -> Stack:
    from advsci_datasets.images import load_images

    images = load_images(name)
    labels = images.train_labels
    classes = () if labels is None else tuple(str(c) for c in range(int(labels.max()) + 1))
    names = tuple(f"{i:05d}" for i in range(len(images.train)))
    return Stack(2.0 * images.train - 1.0, Form(".png", "uint8"), names, labels, classes)


def _npz(path: Path, form: "Form | None") -> Stack:
    file = read_arrays(path, expected="a readable npz file of images")
    x = next((file[key] for key in ("x", "x_train", "images") if key in file), None)
    y = next((file[key] for key in ("y", "y_train", "labels") if key in file), None)
    keys = sorted(file)
    if x is None or x.ndim not in (3, 4) or x.size == 0 or x.dtype not in (np.uint8, np.uint16, np.float32):
        got = f"arrays {keys}" if x is None else f"{x.dtype} of shape {x.shape}"
        raise DataError(
            f"{path}: got {got}; expected x (n, height, width) or (n, height, width, channels) in uint8, uint16 or "
            "float32. Try: numpy.savez_compressed(path, x=images)."
        )
    if y is not None and y.shape != x.shape[:1]:
        raise DataError(f"{path}: got labels of shape {y.shape}; expected ({len(x)},). Try: one label per image.")
    for side in x.shape[1:3]:
        if not SMALLEST <= side <= LARGEST:
            raise DataError(
                f"{path}: got images of {x.shape[1]} x {x.shape[2]} pixels; expected sides of {SMALLEST} to "
                f"{LARGEST:,}. Try: crop, resize or tile them."
            )
    if not np.isfinite(x).all():
        raise DataError(f"{path}: got NaN or infinity; expected finite intensities. Try: replace them.")
    layout = "last" if x.ndim == 4 else "grey"
    own = form or Form(".npz", str(x.dtype), layout).spanning(float(x.min()), float(x.max()))
    own = replace(own, suffix=".npz", dtype=str(x.dtype), layout=layout)
    labels, classes = _classes(None if y is None else [str(v) for v in y.tolist()])
    names = tuple(f"{i:05d}" for i in range(len(x)))
    return Stack(torch.stack([own.to_unit(a) for a in x]), own, names, labels, classes)


def _folder(path: Path, form: "Form | None") -> Stack:
    root = path if path.is_dir() else path.parent
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
    if not files or files[0].suffix.lower() not in SUFFIXES:
        raise DataError(f"{path}: got no image files; expected {', '.join(SUFFIXES)} or .npz. Try: another folder.")
    read = [read_file(file) for file in files]
    _check_alike(path, files, read)
    first = read[0][1]
    low, high = min(float(a.min()) for a, _ in read), max(float(a.max()) for a, _ in read)
    own = first.spanning(low, high) if form is None else replace(first, low=form.low, high=form.high)
    parents = [file.relative_to(root).parent.as_posix() for file in files]
    if "." in parents and len(set(parents)) > 1:
        stray = [file.name for file, parent in zip(files, parents, strict=True) if parent == "."]
        raise DataError(
            f"{path}: got {len(stray)} images outside the class folders ({stray[0]}, ...); expected each image in a "
            "subfolder, or none. Try: move them into the folder of their class."
        )
    labels, classes = _classes(None if set(parents) == {"."} else parents)
    names = tuple(file.relative_to(root).with_suffix("").as_posix() for file in files)
    return Stack(torch.stack([own.to_unit(array) for array, _ in read]), own, names, labels, classes)


def _check_alike(path: Path, files: Sequence[Path], read: "Sequence[tuple[np.ndarray, Form]]") -> None:
    shapes = {array.shape: file.name for file, (array, _) in zip(files, read, strict=True)}
    if len(shapes) > 1:
        shown = ", ".join(f"{' x '.join(map(str, shape))} ({name})" for shape, name in list(shapes.items())[:3])
        raise DataError(
            f"{path}: got images of {len(shapes)} sizes: {shown}; expected one size and number of channels. "
            "Try: crop or resize them."
        )
    kinds = {(form.dtype, form.layout) for _, form in read}
    if len(kinds) > 1:
        raise DataError(
            f"{path}: got number types {sorted(kinds)}; expected one. Try: convert the files to one format."
        )


def _classes(names: "list[str] | None") -> "tuple[Tensor | None, tuple[str, ...]]":
    if names is None:
        return None, ()
    whole = all(name.isdigit() for name in names)
    classes = sorted(set(names), key=int if whole else str)
    index = {name: i for i, name in enumerate(classes)}
    return torch.tensor([index[name] for name in names]), tuple(classes)
