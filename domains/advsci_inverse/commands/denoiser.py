"""``advsci-inverse denoiser``: the learned step of message passing and plug-and-play methods."""

from pathlib import Path

import torch

from advsci.report import Report, drawn
from advsci.streams import Stream
from advsci.training import Run
from advsci_inverse.config import TrainDenoiser
from advsci_inverse.evaluation.page import finish_training
from advsci_inverse.evaluation.pictures import gallery
from advsci_inverse.evaluation.scores import psnr
from advsci_inverse.game.denoising import DenoisingGame
from advsci_inverse.game.player import learning_images, train_player
from advsci_inverse.priors.denoiser import Denoiser
from advsci_inverse.store import learned_card, save

__all__ = ["plan", "run"]

SHOWN = 0.3
"""Noise level of the images on the page."""


def plan(config: TrainDenoiser) -> dict[str, object]:
    """Numbers and size of the images, without training.

    Parameters
    ----------
    config
        The settings.

    Returns
    -------
    dict
        Facts about the run.
    """
    train, held, _ = learning_images(config)
    return {"training images": len(train), "test images": len(held), "size": tuple(train.shape[1:])}


def run(config: TrainDenoiser, folder: Run) -> Path:
    """Train a denoiser; write ``denoiser.safetensors`` and the report.

    Parameters
    ----------
    config
        The settings.
    folder
        The run's folder.

    Returns
    -------
    Path
        The weights.
    """
    images, held, scale = learning_images(config)
    mean, spread = float(images.mean()), float(images.std())
    with Stream(config.seed).at("networks").seeded():
        precision = torch.bfloat16 if config.half else None
        start = Denoiser(mean, spread, widths=config.widths, blocks=config.blocks, precision=precision)
    network, log = train_player(DenoisingGame(start), images, config, folder, decay=0.999)
    nets = {"mean": mean, "spread": spread, "widths": config.widths, "blocks": config.blocks}
    card = learned_card(config, "denoiser", nets | {"shape": list(images.shape[1:])}, scale)
    path = folder.path / "denoiser.safetensors"
    card["sha256"] = save(path, network, card)
    with drawn("report"):
        shown = held[:8]
        noisy = shown + SHOWN * Stream(config.seed).at("shown").normal(tuple(shown.shape))
        with torch.no_grad():
            clean, _ = network(noisy, torch.full((len(shown),), SHOWN))
        report = Report("Denoiser", f"Trained on {len(images)} images of {config.data}")
        report.card(
            f"PSNR at noise {SHOWN} [dB]",
            float(psnr(clean, shown).mean()),
            note=f"noisy: {psnr(noisy, shown).mean():.1f}",
        )
        report.section("Held-out images").figure(gallery({"noisy": noisy, "denoised": clean, "truth": shown}))
        finish_training(report, log, card, folder)
    return path
