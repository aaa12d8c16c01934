"""``advsci-inverse train``: a prior from images, tested before it is used."""

from pathlib import Path

from advsci.report import Report, drawn
from advsci.streams import Stream
from advsci.training import Run
from advsci_inverse.config import Train
from advsci_inverse.data.images import load_labels, load_training_images
from advsci_inverse.evaluation.page import finish_training
from advsci_inverse.evaluation.pictures import gallery
from advsci_inverse.game.training import check_images, train_prior
from advsci_inverse.search.projection import project_onto_range
from advsci_inverse.store import save

__all__ = ["plan", "run"]


def plan(config: Train) -> dict[str, object]:
    """Images, without training.

    Parameters
    ----------
    config
        The settings.

    Returns
    -------
    dict
        Facts about the run.
    """
    train, held, _ = load_training_images(config.data)
    check_images(train, config, load_labels(config.data)[0] if config.classes else None)
    return {
        "training images": len(train) - config.held_out,
        "images of the range test": config.held_out,
        "held-out images": len(held),
        "size": f"{train.shape[1]} x {train.shape[2]}",
    }


def run(config: Train, folder: Run) -> Path:
    """Train, test the range on held-out images, save the prior and its report.

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
    images, held, scale = load_training_images(config.data)
    labels, held_labels = load_labels(config.data) if config.classes else (None, None)
    trained = train_prior(images, config, labels, run=folder, quiet=False)
    card = trained.card | {"units": {"low": scale.low, "high": scale.high}}
    path = folder.path / "prior.safetensors"
    sha256 = save(path, trained.prior, card)
    with drawn("report"):
        pick = slice(None, None, max(1, len(held) // 8))
        shown, classes = held[pick][:8], None if held_labels is None else held_labels[pick][:8]
        projected = project_onto_range(trained.prior, shown, classes)
        latents = Stream(config.seed).at("shown").normal((len(shown), config.latent))
        samples = trained.prior.decode(latents, classes)
        report = Report("Image prior", f"Trained on {config.data}: {len(images)} images of {tuple(images.shape[1:])}")
        report.card("Representation error", card["representation_error"], note="held-out images, mse per pixel")
        report.section("Range test", "What the generator makes of images that it was not trained on, and samples.")
        report.figure(gallery({"held out": shown, "nearest in range": projected, "samples": samples}))
        report.text(
            "The representation error bounds what a reconstruction inside the range can reach. Reconstructions here "
            "leave the range where the data ask for it, by the covariance of what is missing."
        )
        finish_training(report, trained.log, card | {"sha256": sha256}, folder)
    return path
