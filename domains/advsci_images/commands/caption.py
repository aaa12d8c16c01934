"""``advsci-images caption``: images from captions."""

from pathlib import Path

import torch

from advsci.devices import torch_device
from advsci.output import tell
from advsci.report import Report, drawn
from advsci.streams import Stream
from advsci.training import Run
from advsci_images.config import Caption
from advsci_images.data.form import Form
from advsci_images.data.scenes import caption, marked, parsed, scenes
from advsci_images.data.stack import Stack, write_images
from advsci_images.evaluation.page import training_sections
from advsci_images.evaluation.pictures import gallery
from advsci_images.game.training import Play
from advsci_images.systems.caption import LATENT, agreement, painter_of_captions, r_precision, reader_of_attributes

__all__ = ["plan", "run"]

EACH = 10
"""Images of each caption."""


def plan(config: Caption) -> dict[str, object]:
    """The captions as they are understood, without training.

    Parameters
    ----------
    config
        Settings of the command.
    """
    return {"captions": [caption(parsed(line)) for line in config.text], "images of each": EACH}


def run(config: Caption, folder: Run) -> Path:
    """Train the readers and both stages, paint the captions, and let another reader judge.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The opened run.

    Returns
    -------
    Path
        The folder of images, one subfolder per caption.
    """
    torch_device(config.device)
    wanted = torch.stack([parsed(line) for line in config.text])
    learn = scenes(config.limit, Stream(config.seed).at("scenes"))
    stages = {name: folder.stage(name) for name in ("reader", "painter", "judge")}
    reading = Play.of(config, stages["reader"])
    readers = [reader_of_attributes(learn, reading.stage(str(i)), i) for i in range(config.readers)]
    painter = painter_of_captions(learn, readers, Play.of(config, stages["painter"]), attention=config.attention)
    held = scenes(1000, Stream(config.seed).at("held"), held=True)
    other = scenes(config.limit, Stream(config.seed).at("other scenes"))
    judge = reader_of_attributes(other, Play.of(config, stages["judge"]), config.readers)  # begins as none of them
    stream = Stream(config.seed).at("painted")
    with torch.no_grad():
        made = painter(stream.at("held").normal((1000, LATENT)), held.marks)
        shown = {}
        for i, attributes in enumerate(wanted):
            marks = marked(attributes.expand(EACH, -1))
            images = painter(stream.at("caption", i).normal((EACH, LATENT)), marks)
            name = caption(attributes)
            shown[name] = images
            names = tuple(f"{name.replace(' ', '-')}/{k}" for k in range(EACH))
            write_images(folder.samples, Stack(images, Form(".png", "uint8", "last"), names))
    found = agreement(judge, made, held.attributes)
    real = agreement(judge, held.images, held.attributes)
    precision = r_precision(judge, made, held.marks, stream.at("others"))
    with drawn("report"):
        report = Report("Images from captions", "Scenes of real digits; a reader that took no part judges")
        report.card("All four right", float(found["all"]), note=f"real scenes {float(real['all']):.3f}")
        report.card("R-precision", float(precision), note="own caption best among 100")
        report.section("Captions").figure(gallery(shown))
        rows = [{"attribute": k, "made": float(found[k]), "real": float(real[k])} for k in found]
        report.table(rows)
        runs = {"coarse stage": stages["painter"].stage("coarse"), "fine stage": stages["painter"].stage("fine")}
        training_sections(report, runs)
        report.write(folder.report)
    right = float(found["all"])
    tell(
        f"all four attributes right in {right:.3f} of 1,000 images, R-precision {float(precision):.3f}",
        {"all attributes right": right, "R-precision": float(precision)},
    )
    return folder.samples
