"""Commands: files go in and come out in their format, runs can be repeated, and wrong settings are named first."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from advsci.cli import execute
from advsci.errors import AdvsciError, DataError
from advsci_images.cli import app
from advsci_images.commands import adapt, caption, sample, train, translate, upscale
from advsci_images.config import Adapt, Caption, Sample, Train, Translate, Upscale

RNG = np.random.default_rng(0)
QUICK = {"steps": 2, "batch_size": 4, "device": "cpu"}


def folder_of(path, *, classes=(), n=40, side=12, dtype=np.uint8, colour=False):
    """Random images as PNG files, spread over subfolders for classes."""
    for i in range(n):
        shape = (side, side, 3) if colour else (side, side)
        array = RNG.integers(0, 255 if dtype == np.uint8 else 4000, shape).astype(dtype)
        file = path / (classes[i % len(classes)] if classes else "") / f"{i:03d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(file)
    return str(path)


def test_adapt_names_a_class_for_every_file(tmp_path):
    source = folder_of(tmp_path / "a", classes=("cat", "dog"))
    target = folder_of(tmp_path / "b")
    path = execute(adapt.run, Adapt(data=source, target=target, method="cdan", out=tmp_path / "r", **QUICK))
    with open(path, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40 and {row["class"] for row in rows} <= {"cat", "dog"}
    assert (tmp_path / "r" / "report.html").stat().st_size < 1_000_000
    assert json.loads((tmp_path / "r" / "run.json").read_text())["state"] == "finished"


def test_translate_writes_files_of_the_targets_depth_beside_the_page(tmp_path):
    source = folder_of(tmp_path / "a", colour=True)
    target = folder_of(tmp_path / "b", dtype=np.uint16)
    config = Translate(data=source, target=target, method="cyclegan", out=tmp_path / "r", **QUICK)
    folder = execute(translate.run, config)
    files = sorted(folder.glob("*.png"))
    assert len(files) == 5  # the held-out eighth of the pairs
    image = np.asarray(Image.open(files[0]))
    assert image.dtype == np.uint16 and image.shape == (12, 12)
    assert "PSNR" in (tmp_path / "r" / "report.html").read_text()


def test_upscale_enlarges_files(tmp_path):
    large = folder_of(tmp_path / "a", side=16)
    small = folder_of(tmp_path / "b", side=8, n=3)
    folder = execute(upscale.run, Upscale(data=large, images=small, factor=2, out=tmp_path / "r", **QUICK))
    assert {np.asarray(Image.open(f)).shape for f in folder.glob("*.png")} == {(16, 16)}


def test_a_generator_is_sampled_from_its_file(tmp_path):
    data = folder_of(tmp_path / "a", classes=("x", "y"), n=80)
    path = execute(train.run, Train(data=data, conditional=True, width=8, out=tmp_path / "g", **QUICK))
    folder = execute(sample.run, Sample(model=path, count=6, out=tmp_path / "s", device="cpu"))
    assert sorted(p.parent.name for p in folder.rglob("*.png")) == ["x"] * 3 + ["y"] * 3
    with pytest.raises(AdvsciError, match="label: got 7"):
        execute(sample.run, Sample(model=path, label=7, out=tmp_path / "t", device="cpu"))


WRONG = {
    "one image": (adapt, Adapt, {"target": "T"}, "got 1 image"),
    "no labels": (adapt, Adapt, {"data": "F", "target": "F"}, "one subfolder per class"),
    "other classes": (adapt, Adapt, {"data": "C", "target": "D"}, "expected the same"),
    "no target": (translate, Translate, {"data": "F"}, "--target FOLDER"),
    "no pairs": (translate, Translate, {"data": "F", "target": "D", "method": "pix2pix"}, "--method cyclegan"),
    "odd side": (upscale, Upscale, {"data": "O"}, "divisible by it"),
    "no square": (train, Train, {"data": "O"}, "divisible by 4"),
    "unknown word": (caption, Caption, {"text": ["two pink sevens left"]}, "pink"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_work_is_named_before_any_training(case, tmp_path):
    module, schema, settings, message = WRONG[case]
    made = {
        "T": lambda: folder_of(tmp_path / "T", n=1),
        "F": lambda: folder_of(tmp_path / "F"),
        "C": lambda: folder_of(tmp_path / "C", classes=("a", "b")),
        "D": lambda: folder_of(tmp_path / "D", classes=("a", "c")),
        "O": lambda: folder_of(tmp_path / "O", side=15, n=80),
    }
    if case == "one image":
        settings = {"data": made["C"](), **settings}
    settings = {k: made[v]() if isinstance(v, str) and v in made else v for k, v in settings.items()}
    with pytest.raises(DataError, match=message) as caught:
        module.plan(schema(**settings))
    assert str(caught.value).count("Try:") == 1


def test_every_verb_is_a_command():
    from advsci.cli import run_app

    for verb in ("train", "sample", "translate", "upscale", "adapt", "caption", "augment", "compare"):
        needed = ["g.safetensors"] if verb == "sample" else []
        assert run_app(app, [verb, *needed, "--print-config"]) == 0


@pytest.mark.parametrize("method", ["adda", "pixelda"])
def test_colours_for_a_method_without_them_are_refused(method):
    with pytest.raises(ValueError, match="--method dann"):
        Adapt(method=method, recolour=True)
    assert Adapt(method="cdan", recolour=True).recolour
