"""Images of folders and files: what comes in goes out again, and what cannot be used is named before any training."""

import warnings

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from advsci.errors import DataError
from advsci_images.data.files import read_file
from advsci_images.data.form import Form
from advsci_images.data.stack import read_images, write_images

RNG = np.random.default_rng(0)


def save(path, array, **options):
    """Write an array as PNG, JPEG or TIFF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        tifffile.imwrite(path, array, **options)
    else:
        Image.fromarray(array).save(path, **options)
    return path


KINDS = {
    "grey 8 bit png": (".png", (12, 10), np.uint8, {}),
    "grey 16 bit png": (".png", (12, 10), np.uint16, {}),
    "colour png": (".png", (12, 10, 3), np.uint8, {}),
    "grey 16 bit tiff": (".tif", (12, 10), np.uint16, {}),
    "colour 16 bit tiff": (".tif", (12, 10, 3), np.uint16, {"photometric": "rgb"}),
    "five stains tiff": (".tif", (5, 12, 10), np.uint16, {"photometric": "minisblack"}),
    "float tiff": (".tif", (12, 10), np.float32, {}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_is_written_back_in_format_depth_and_values(kind, tmp_path):
    suffix, shape, dtype, options = KINDS[kind]
    arrays = {}
    for name in ("a", "b", "deep/c"):
        values = RNG.uniform(100, 4000, shape) if dtype != np.uint8 else RNG.uniform(0, 256, shape)
        arrays[name] = values.astype(dtype)
    for name in ("x/a", "x/b", "y/c"):
        save(tmp_path / "in" / f"{name}{suffix}", arrays["deep/c" if name == "y/c" else name[2:]], **options)
    stack = read_images(tmp_path / "in")
    assert float(stack.images.min()) >= -1 and float(stack.images.max()) <= 1
    written = write_images(tmp_path / "out", stack)
    assert [p.relative_to(tmp_path / "out").as_posix() for p in written] == [
        f"{n}{suffix}" for n in ("x/a", "x/b", "y/c")
    ]
    for path, array in zip(written, arrays.values(), strict=True):
        again, form = read_file(path)
        assert again.dtype == array.dtype and again.shape == array.shape
        np.testing.assert_allclose(again, array, atol=1e-3 if dtype == np.float32 else 0)
    assert stack.classes == ("x", "y") and stack.labels.tolist() == [0, 0, 1]


def test_the_range_of_twelve_bit_images_fills_the_networks_range(tmp_path):
    for i in range(3):
        save(tmp_path / f"{i}.tif", (RNG.integers(0, 4096, (9, 9))).astype(np.uint16))
    images = read_images(tmp_path).images
    assert float(images.max()) == 1 and float(images.min()) == -1


def test_a_jpeg_comes_back_as_a_jpeg(tmp_path):
    save(tmp_path / "a.jpg", np.full((16, 16), 90, np.uint8))
    (path,) = write_images(tmp_path / "out", read_images(tmp_path))
    assert path.name == "a.jpg" and abs(int(np.asarray(Image.open(path)).mean()) - 90) <= 2


def test_npz_keeps_type_layout_and_labels(tmp_path):
    x = RNG.integers(0, 60_000, (6, 8, 9, 2)).astype(np.uint16)
    np.savez(tmp_path / "a.npz", x=x, y=np.array([3, 3, 5, 5, 10, 10]))
    stack = read_images(tmp_path / "a.npz")
    assert stack.classes == ("3", "5", "10") and stack.images.shape == (6, 2, 8, 9)
    (path,) = write_images(tmp_path / "out", stack)
    np.testing.assert_array_equal(np.load(path)["x"], x)


def broken(folder, kind):
    """Fill a folder in one of the wrong ways."""
    good = RNG.integers(0, 255, (12, 12)).astype(np.uint8)
    save(folder / "a.png", good)
    if kind == "mixed sizes":
        save(folder / "b.png", good[:10])
    elif kind == "mixed depth":
        save(folder / "b.png", good.astype(np.uint16))
    elif kind == "alpha":
        save(folder / "b.png", np.dstack([good] * 4))
    elif kind == "alpha tiff":
        save(folder / "b.tif", np.dstack([good] * 4), photometric="rgb", extrasamples=["unassalpha"])
    elif kind == "corrupt":
        (folder / "b.png").write_bytes((folder / "a.png").read_bytes()[:60])
    elif kind == "no image":
        (folder / "b.png").write_text("hello")
    elif kind == "label without folder":
        save(folder / "cats" / "b.png", good)
    elif kind == "one pixel":
        save(folder / "b.png", good[:1, :1])
    elif kind == "20,000 pixels":
        save(folder / "b.png", np.zeros((2, 20_000), np.uint8))
        save(folder / "b.png", np.zeros((20_000, 20), np.uint8))
    elif kind == "16 bit colour png":
        head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x0c\0\0\0\x0c\x10\x02\0\0\0"
        (folder / "b.png").write_bytes(head + bytes(40))
    elif kind == "nan":
        (folder / "a.png").unlink()
        save(folder / "b.tif", np.full((9, 9), np.nan, np.float32))
    elif kind == "cmyk":
        Image.fromarray(np.dstack([good] * 4), mode="CMYK").save(folder / "b.jpg")
    elif kind == "64 bit":
        save(folder / "b.tif", good.astype(np.float64))
    elif kind == "empty":
        (folder / "a.png").unlink()
    elif kind == "constant":
        (folder / "a.png").unlink()
        save(folder / "b.tif", np.full((9, 9), 7, np.uint16))


WRONG = {
    "mixed sizes": "2 sizes: 12 x 12 (a.png), 10 x 12 (b.png)",
    "mixed depth": "number types",
    "alpha": "b.png: got an alpha channel",
    "alpha tiff": "b.tif: got an alpha channel",
    "corrupt": "b.png: got OSError",
    "no image": "b.png: got UnidentifiedImageError",
    "label without folder": "1 images outside the class folders (a.png",
    "one pixel": "1 x 1 pixels; expected at least 8 x 8",
    "20,000 pixels": "20,000 x 20 pixels; expected sides of at most 4,096",
    "16 bit colour png": "16 bit in colour",
    "nan": "NaN or infinity",
    "cmyk": "colour mode CMYK",
    "64 bit": "float64",
    "empty": "no image files",
    "constant": "one value 7",
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_used_is_named_with_advice(kind, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        broken(tmp_path, kind)
    with pytest.raises(DataError) as caught:
        read_images(tmp_path)
    message = str(caught.value)
    assert WRONG[kind] in message and message.count("Try:") == 1 and message.endswith(".")


def test_one_image_is_enough_to_translate_but_not_to_train(tmp_path):
    save(tmp_path / "a.png", RNG.integers(0, 255, (12, 12)).astype(np.uint8))
    assert len(read_images(tmp_path)) == 1
    with pytest.raises(DataError, match=r"got 1 image; expected at least 32"):
        read_images(tmp_path, least=32)


@pytest.mark.parametrize("name", ["nowhere", "a.npz"])
def test_missing_sources_are_named(name, tmp_path):
    with pytest.raises(DataError, match="Try: advsci datasets list"):
        read_images(tmp_path / name)


def test_labels_are_asked_for_by_name():
    with pytest.raises(DataError, match="one subfolder per class"):
        read_images("digits")[:3].__class__(torch.zeros(1, 1, 8, 8), Form(".png", "uint8"), ("a",)).require_labels("x")
