"""A folder of images gives the values of its files, squares of the wanted size, and classes by folder."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from advsci.errors import ConfigError, DataError
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import ImageFolder, ItemSource, Trainer
from advsci.training.data import as_source


def values(seed: int, *shape: int) -> np.ndarray:
    return Stream(seed).at("image").integers(256, shape).numpy().astype(np.uint8)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([1, 3, 4]), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_the_values_are_those_of_the_file(tmp_path_factory, channels, h, w, seed):
    folder, pixels = tmp_path_factory.mktemp("images"), values(seed, h, w, channels)
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(folder / "a.png")
    x = ImageFolder(folder, channels=channels)[0]["x"]
    assert x.shape == (channels, h, w) and x.dtype == torch.float32
    np.testing.assert_allclose((x.permute(1, 2, 0).numpy() + 1.0) * 127.5, pixels, atol=1e-4)


def test_the_middle_square_is_scaled(tmp_path):
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 2:6] = 255  # the largest square in the middle
    Image.fromarray(pixels).save(tmp_path / "a.png")
    for size in (2, 4, 16):
        x = ImageFolder(tmp_path, size=size)[0]["x"]
        assert x.shape == (3, size, size) and bool((x == 1.0).all())


def test_folders_are_classes_and_order_is_by_path(tmp_path):
    for name in ("b/2.png", "a/x/1.JPG", "b/1.png", "a/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("txt"):
            (tmp_path / name).write_text("no image")
        else:
            Image.new("RGB", (4, 4)).save(tmp_path / name, format="PNG")
    data = ImageFolder(tmp_path, labels=True)
    assert [path.name for path in data.paths] == ["1.JPG", "1.png", "2.png"] and data.classes == ["a", "b"]
    batch = ItemSource(data)[torch.tensor([2, 0])]
    assert batch["condition"].tolist() == [1, 0] and batch["x"].shape == (2, 3, 4, 4)


def test_a_path_is_trained_on(tmp_path):
    for i in range(6):
        Image.fromarray(values(i, 4, 4, 3)).save(tmp_path / f"{i}.png")
    generator = torch.nn.Sequential(MLP(2, 48, 4), torch.nn.Unflatten(1, (3, 4, 4)))
    game = GAN(generator, torch.nn.Sequential(torch.nn.Flatten(), MLP(48, 1, 4)), Gaussian(2))
    assert Trainer(2, 4, quiet=True).fit(game, tmp_path, Alternating()).step == 2
    assert len(as_source(tmp_path)) == 6


def test_what_is_no_image_is_named(tmp_path):
    with pytest.raises(DataError, match="got no images"):
        ImageFolder(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match="broken.png: got UnidentifiedImageError"):
        ImageFolder(tmp_path)[0]
    with pytest.raises(DataError, match="outside of the folders of classes"):
        ImageFolder(tmp_path, labels=True)
    with pytest.raises(ConfigError, match="got channels=2"):
        ImageFolder(tmp_path, channels=2)
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    Image.new("L", (5, 4)).save(tmp_path / "broken.png")
    with pytest.raises(DataError, match="cannot be stacked"):
        as_source(tmp_path)[torch.arange(2)]
