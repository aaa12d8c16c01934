"""Every verb that reads images names what is wrong with them, before it trains anything."""

import warnings

import numpy as np
import pytest
from PIL import Image

from advsci.cli import execute
from advsci.errors import AdvsciError, DataError
from advsci_images.cli import app
from advsci_images.commands import adapt, augment, compare, sample, train, translate, upscale
from advsci_images.config import Adapt, Augment, Compare, Sample, Train, Translate, Upscale

VERBS = {
    "train": (train, Train, "data", {}),
    "compare": (compare, Compare, "data", {}),
    "augment": (augment, Augment, "data", {}),
    "adapt, labelled": (adapt, Adapt, "data", {"target": "good"}),
    "adapt, target": (adapt, Adapt, "target", {"data": "classes"}),
    "translate, source": (translate, Translate, "data", {"target": "good"}),
    "translate, target": (translate, Translate, "target", {"data": "good"}),
    "translate, classes": (translate, Translate, "data", {"method": "stargan"}),
    "upscale, large": (upscale, Upscale, "data", {}),
    "upscale, small": (upscale, Upscale, "images", {"data": "good", "factor": 2}),
}
"""Module, schema, the setting that names the wrong folder, and what else is set."""

WRONG = {
    "mixed sizes": "2 sizes: 12 x 12 (a000.png), 10 x 12 (b.png)",
    "alpha channel": "b.png: got an alpha channel",
    "one image": "got 1 image; expected at least",
    "corrupt file": "b.png: got OSError",
    "label without folder": "1 images outside the class folders (b.png",
    "1 pixel": "1 x 1 pixels; expected at least 8 x 8",
    "20,000 pixels": "20,000 x 8 pixels; expected sides of at most 4,096",
}


def save(path, array):
    """Write an array as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder for each wrong way, and two good ones."""
    root = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    good = rng.integers(0, 255, (64, 12, 12)).astype(np.uint8)
    for i, image in enumerate(good):
        save(root / "good" / f"a{i:03d}.png", image)
        save(root / "classes" / f"{i % 2}" / f"a{i:03d}.png", image)
        save(root / "label without folder" / f"{i % 2}" / f"a{i:03d}.png", image)
    for name in WRONG:
        save(root / name / ("b.png" if name == "label without folder" else "a000.png"), good[0])
    save(root / "mixed sizes" / "b.png", good[0, :10])
    save(root / "alpha channel" / "b.png", np.dstack([good[0]] * 4))
    (root / "corrupt file" / "b.png").write_bytes((root / "one image" / "a000.png").read_bytes()[:60])
    save(root / "1 pixel" / "b.png", good[0, :1, :1])
    save(root / "20,000 pixels" / "b.png", np.zeros((20_000, 8), np.uint8))
    return root


@pytest.mark.parametrize("verb", VERBS)
def test_wrong_images_are_named_before_training(verb, folders, tmp_path):
    module, schema, key, others = VERBS[verb]
    others = {k: str(folders / v) if v in ("good", "classes") else v for k, v in others.items()}

    def config(wrong):
        """The settings of the verb, with one folder wrong."""
        return schema(**others, **{key: str(folders / wrong)}, out=tmp_path / "run", device="cpu", steps=1)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the reader, about the broken file
        for wrong, told in WRONG.items():
            if verb == "upscale, small" and wrong == "one image":
                continue  # one small image is enough to enlarge
            with pytest.raises(DataError) as caught:
                module.plan(config(wrong))
            message = str(caught.value)
            assert told in message and message.count("Try:") == 1, wrong
        with pytest.raises(DataError, match="alpha channel"):
            execute(module.run, config("alpha channel"))
    written = [path.name for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert not [name for name in written if name.endswith((".safetensors", ".png")) or name.startswith("log")]


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_model_file_that_is_none_is_named(content, tmp_path):
    (tmp_path / "g.safetensors").write_bytes(content)
    with pytest.raises(AdvsciError, match=r"g\.safetensors.*Try:"):
        execute(sample.run, Sample(model=tmp_path / "g.safetensors", out=tmp_path / "run", device="cpu"))


def test_the_command_line_says_so_in_one_line(folders, capsys):
    from advsci.cli import run_app

    assert run_app(app, ["train", "--data", str(folders / "corrupt file"), "--dry-run"]) != 0
    told = capsys.readouterr().err.strip()
    assert "b.png" in told and "Try:" in told and "Traceback" not in told
