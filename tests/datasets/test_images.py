"""Image loaders: scaling, splits, and files that are not what they should be."""

import gzip
import json
import struct

import numpy as np
import pytest
import torch

from advsci.errors import DataError
from advsci_datasets import images, load_images, read_images
from advsci_datasets.embedded.convert import convert_digits, convert_fashion
from advsci_datasets.idx import read_idx


def write_idx(path, array, header=None, cut=0):
    header = header or struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()[: array.nbytes - cut]))


@pytest.fixture
def bytes_():
    return np.random.default_rng(0).integers(0, 256, (7, 5, 4), np.uint8)


@pytest.mark.parametrize("name, train, test", [("digits", 9000, 1000), ("fashion", 3500, 500)])
def test_embedded_images_need_no_network(monkeypatch, name, train, test):
    monkeypatch.setattr(images, "fetch", None)
    data = load_images(name)
    assert data.train.shape == (train, 1, 28, 28) and data.test.shape == (test, 1, 28, 28)
    assert data.train.min() == 0 and data.train.max() == 1
    assert data.train_labels is not None and set(data.train_labels.tolist()) == set(range(10))
    whole = torch.cat([data.train, data.test]).flatten(1)
    assert len(torch.unique(whole, dim=0)) == train + test  # no image is in both parts


def test_the_embedded_digits_are_the_first_of_mnist(data_folder):
    with np.load(data_folder / "inverse" / "mnist28.npz") as file:
        mnist = {image.tobytes(): int(label) for image, label in zip(file["x_train"], file["y_train"], strict=True)}
        first = {image.tobytes() for image in file["x_train"][:10_000]}
    digits = load_images("digits")
    assert digits.train_labels is not None and digits.test_labels is not None
    x = (torch.cat([digits.train, digits.test]) * 255).round().byte().numpy()
    labels = torch.cat([digits.train_labels, digits.test_labels]).tolist()
    assert {image.tobytes() for image in x} == first
    assert [mnist[image.tobytes()] for image in x] == labels


def test_originals_and_prepared_file_load_alike(tmp_path, monkeypatch, bytes_):
    labels = np.arange(7, dtype=np.uint8)
    paths = {}
    for part in ("train", "t10k"):
        for array, kind in [(bytes_, "images-idx3"), (labels, "labels-idx1")]:
            paths[f"{part}-{kind}-ubyte.gz"] = tmp_path / f"{part}-{kind}-ubyte.gz"
            write_idx(paths[f"{part}-{kind}-ubyte.gz"], array)
    monkeypatch.setattr(images, "prepared", lambda name: None)
    monkeypatch.setattr(images, "fetch", lambda name: paths)
    fetched = load_images("mnist")
    np.savez(tmp_path / "made.npz", x_train=bytes_, x_test=bytes_, y_train=labels, y_test=labels)
    made = read_images(tmp_path / "made.npz")
    assert torch.equal(fetched.train, made.train) and torch.equal(
        fetched.train, torch.from_numpy(bytes_)[:, None] / 255
    )
    assert fetched.test_labels is not None and fetched.test_labels.tolist() == labels.tolist()


def test_idx_round_trip_and_each_way_it_can_be_wrong(tmp_path, bytes_):
    path = tmp_path / "x.gz"
    write_idx(path, bytes_)
    assert np.array_equal(read_idx(path), bytes_)
    whole = path.read_bytes()
    write_idx(path, bytes_, cut=3)
    with pytest.raises(DataError, match="truncated or altered: got 137 bytes, expected 140"):
        read_idx(path)
    write_idx(path, bytes_, header=b"\x00\x00\x0d\x01\x00\x00\x00\x07")
    with pytest.raises(DataError, match="no IDX file of bytes"):
        read_idx(path)
    for content in (whole[:-20], b"not gzip", b""):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"gzip|IDX"):
            read_idx(path)


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"x_train": np.zeros((2, 3, 3), np.uint8)}, "got nothing for x_test"),
        ({"x_train": np.zeros((2, 3, 3)), "x_test": np.zeros((1, 3, 3), np.uint8)}, "float64"),
        ({"x_train": np.zeros((0, 3, 3), np.uint8), "x_test": np.zeros((1, 3, 3), np.uint8)}, r"\(0, 3, 3\)"),
        (
            {"x_train": np.zeros((2, 3, 3), np.uint8), "x_test": np.zeros((1, 3, 3), np.uint8), "y_train": np.zeros(3)},
            "labels of shape",
        ),
    ],
)
def test_an_npz_of_the_wrong_content(tmp_path, arrays, message):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(DataError, match=message):
        read_images(tmp_path / "x.npz")


def test_an_npz_that_is_truncated_missing_or_pickled(tmp_path):
    path = tmp_path / "x.npz"
    with pytest.raises(DataError, match="no file"):
        read_images(path)
    np.savez(path, x_train=np.array([{"code": 1}], dtype=object))
    with pytest.raises(DataError, match="expected a readable npz"):
        read_images(path)
    np.savez_compressed(path, x_train=np.zeros((9, 8, 8), np.uint8), x_test=np.zeros((9, 8, 8), np.uint8))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match="expected a readable npz"):
        read_images(path)


def test_a_data_set_of_another_kind_is_refused():
    with pytest.raises(DataError, match="of kind cells; expected images"):
        load_images("pbmc_4batch")


def test_conversion_recovers_every_byte_of_rounded_digits(tmp_path, bytes_):
    x = np.random.default_rng(1).integers(0, 256, (10, 3, 784), np.uint8)
    for digit in range(10):
        (tmp_path / f"{digit}.json").write_text(json.dumps({"data": np.round(x[digit] / 255, 3).ravel().tolist()}))
    arrays = convert_digits(tmp_path, held_out=4)
    assert arrays["x_test"].shape == (4, 28, 28)
    got = np.concatenate([arrays["x_train"], arrays["x_test"]]).reshape(30, 784)
    labels = np.concatenate([arrays["y_train"], arrays["y_test"]])
    assert {(int(y), image.tobytes()) for y, image in zip(labels, got, strict=True)} == {
        (digit, image.tobytes()) for digit in range(10) for image in x[digit]
    }


def test_conversion_of_fashion_keeps_the_order(tmp_path, bytes_):
    for file in ("train", "t10k"):
        write_idx(tmp_path / f"{file}-images-idx3-ubyte.gz", bytes_)
        write_idx(tmp_path / f"{file}-labels-idx1-ubyte.gz", np.arange(7, dtype=np.uint8))
    arrays = convert_fashion(tmp_path, train=5, test=2)
    assert np.array_equal(arrays["x_train"], bytes_[:5]) and arrays["y_test"].tolist() == [0, 1]
