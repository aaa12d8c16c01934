"""``advsci-images upscale``: small images made large, with a judge of detail beside least squares and bicubic."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from advsci.devices import torch_device
from advsci.errors import DataError
from advsci.report import Report, drawn
from advsci.training import Run
from advsci_images.config import Upscale
from advsci_images.data.choosing import at_most, split
from advsci_images.data.stack import Stack, read_images, write_images
from advsci_images.evaluation.page import training_sections
from advsci_images.evaluation.pictures import gallery, trade
from advsci_images.evaluation.scores import psnr, ssim
from advsci_images.game.srgan import RandomFeatures
from advsci_images.game.training import Play
from advsci_images.store import save_network
from advsci_images.systems.translate import translated
from advsci_images.systems.upscale import bicubic, blended, enlarger, shrunk

__all__ = ["plan", "run"]

LEAST = 32
"""Large images that are needed."""

CURVE = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the adversarial network along the perception-distortion curve."""


def sets(config: Upscale) -> tuple[Stack, Stack, "Stack | None"]:
    """Large images that ``config`` names, small ones to enlarge, and the truth of these where it is known.

    Raises
    ------
    DataError
        The sides cannot be divided by the factor or become too small, or the channels differ.
    """
    large = at_most(read_images(config.data, least=LEAST), config.limit)
    if any(side % config.factor for side in large.size) or min(large.size) // config.factor < 4:
        raise DataError(
            f"got images of {large.size[0]} x {large.size[1]} pixels for factor {config.factor}; expected sides "
            f"divisible by it, of at least {4 * config.factor}. Try: crop them, or --factor 2."
        )
    if config.images:
        small = read_images(config.images, form=large.form)
        if small.channels != large.channels:
            raise DataError(
                f"got {small.channels} channels in {config.images} and {large.channels} in {config.data}; expected "
                "the same. Try: convert one of them."
            )
        return large, small, None
    learn, held = split(large, 0.125, 8)
    return learn, replace(held, images=shrunk(held.images, config.factor)), held


def plan(config: Upscale) -> dict[str, object]:
    """The images, without training.

    Parameters
    ----------
    config
        Settings of the command.
    """
    large, small, truth = sets(config)
    return {"large": len(large), "size": large.size, "small": len(small), "truth": truth is not None}


def run(config: Upscale, folder: Run) -> Path:
    """Train the least-squares network and from it the adversarial one; enlarge; compare where the truth is known.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The opened run.

    Returns
    -------
    Path
        The folder of enlarged images, in the format and bit depth of the large ones.
    """
    torch_device(config.device)
    large, small, truth = sets(config)
    stages = {"least squares": folder.stage("squares"), "adversary": folder.stage("adversary")}
    weights = {"pixels": config.pixels, "perceptual": config.perceptual}
    plays = [Play.of(config, stage) for stage in stages.values()]
    squares = enlarger(large.images, config.factor, plays[0], adversarial=0.0, pixels=config.pixels, perceptual=0.0)
    sharp = enlarger(large.images, config.factor, plays[1], adversarial=config.adversarial, start=squares, **weights)
    made = {
        "bicubic": bicubic(small.images, config.factor),
        "least squares": translated(squares, small.images),
        "adversary": translated(sharp, small.images),
    }
    write_images(folder.samples / "enlarged", replace(small, images=made["adversary"], form=large.form))
    arguments = {"inputs": large.channels, "outputs": large.channels, "factor": config.factor}
    save_network(folder.path / "enlarger.safetensors", sharp, arguments, large.form, data=config.data)
    features = RandomFeatures(large.channels, seed=1)  # not those of the training
    table = [] if truth is None else [row(name, x, truth.images, features) for name, x in made.items()]
    with drawn("report"):
        report = Report("Enlargement", f"{config.data}, {config.factor} times")
        rows = {"small": bicubic(small.images, 1), **made}
        if truth is not None:
            rows["truth"] = truth.images
        report.section("Images").figure(gallery(rows))
        if truth is not None:
            report.table(table, best={"PSNR [dB]": "higher", "SSIM": "higher", "perceptual distance": "lower"})
            curve = []
            for share in CURVE:
                x = translated(blended(squares, sharp, share), small.images)
                curve.append((float((x - truth.images).square().mean()), feature_distance(features, x, truth.images)))
            points = {
                name: (float((x - truth.images).square().mean()), feature_distance(features, x, truth.images))
                for name, x in made.items()
            }
            report.section(
                "Perception against distortion",
                "No method is best at both (Blau and Michaeli 2018, arXiv 1711.06077). Networks between the two "
                "trained ones lie on the curve.",
            )
            report.figure(trade(points, curve))
        report.note("Detail that the adversary adds is likely, not measured: do not count or size it.", "watch")
        training_sections(report, stages)
        report.write(folder.report)
    return folder.samples / "enlarged"


def row(name: str, x: Tensor, truth: Tensor, features: RandomFeatures) -> dict[str, object]:
    """The scores of images ``x`` of the method ``name`` against the ``truth``; ``features`` give the distance."""
    return {
        "method": name,
        "PSNR [dB]": float(psnr(x, truth).mean()),
        "SSIM": float(ssim(x, truth).mean()),
        "perceptual distance": feature_distance(features, x, truth),
    }


@torch.no_grad()
def feature_distance(features: RandomFeatures, x: Tensor, truth: Tensor) -> float:
    """Mean squared distance of images ``x`` and ``truth`` in ``features``."""
    pairs = zip(features(x), features(truth), strict=True)
    return sum(float((a - b).square().mean()) for a, b in pairs)
