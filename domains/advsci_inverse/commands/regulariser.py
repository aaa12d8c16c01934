"""``advsci-inverse regulariser``: a critic of images that becomes the penalty of a variational method."""

from pathlib import Path

import torch

from advsci.report import Report, drawn
from advsci.streams import Stream
from advsci.training import Run
from advsci_inverse.config import TrainRegulariser
from advsci_inverse.data.measurement import checked_size, measure
from advsci_inverse.evaluation.page import finish_training
from advsci_inverse.evaluation.pictures import gallery
from advsci_inverse.evaluation.scores import psnr
from advsci_inverse.game.player import learning_images, train_player
from advsci_inverse.game.regularising import RegulariserGame
from advsci_inverse.operators import build_operator
from advsci_inverse.priors.regulariser import build_regulariser
from advsci_inverse.search.regularised import poor_reconstruction, regularised
from advsci_inverse.store import learned_card, save

__all__ = ["plan", "run"]


def plan(config: TrainRegulariser) -> dict[str, object]:
    """Numbers and size of the images and the data, without training.

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
    operator = build_operator(checked_size(config.operator, tuple(train.shape[1:]), "images"))
    sizes: dict[str, object] = {"training images": len(train), "test images": len(held), "size": tuple(train.shape[1:])}
    return sizes | {"data": operator.data_shape}


def run(config: TrainRegulariser, folder: Run) -> Path:
    """Train an adversarial regulariser; write ``regulariser.safetensors`` and the report.

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
    stream = Stream(config.seed)
    operator = build_operator(checked_size(config.operator, tuple(images.shape[1:]), "images"))
    half = min(len(images), config.images) // 2
    measured, truths = images[:: len(images) // (2 * half)][: 2 * half].reshape(half, 2, *images.shape[1:]).unbind(1)
    y, sigma = measure(operator, measured, config.noise, stream.at("noise"))
    with Stream(config.seed).at("networks").seeded():
        game = RegulariserGame(build_regulariser(config.kind, config.widths), penalty=config.penalty)
    poor = torch.cat([poor_reconstruction(operator, block) for block in y.split(256)])
    network, log = train_player(game, {"x": truths, "poor": poor}, config, folder, decay=0.99)
    card = learned_card(config, "regulariser", {"kind": config.kind, "widths": config.widths}, scale)
    path = folder.path / "regulariser.safetensors"
    card["sha256"] = save(path, network, card)
    with drawn("report"):
        shown = held[:: max(1, len(held) // 8)][:8]
        data = operator(shown) + sigma * stream.at("shown").normal((len(shown), *operator.data_shape))
        start = poor_reconstruction(operator, data)
        found = regularised(network, operator, data, sigma, start=start).clamp(0, 1)
        report = Report("Adversarial regulariser", f"{config.kind}, trained on {2 * half} images of {config.data}")
        before = float(psnr(start.clamp(0, 1), shown).mean())
        report.card("PSNR [dB]", float(psnr(found, shown).mean()), note=f"where it starts: {before:.1f}")
        report.section("Held-out images").figure(gallery({"truth": shown, "start": start, "regularised": found}))
        finish_training(report, log, card, folder)
    return path
