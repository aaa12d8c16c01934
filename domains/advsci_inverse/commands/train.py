"""``advsci-inverse train``: a prior from images, tested before it is used."""

from pathlib import Path

from advsci.report import Report
from advsci.streams import Stream
from advsci.training import Run
from advsci_inverse.config import Train
from advsci_inverse.data.images import load_labels, load_training_images
from advsci_inverse.evaluation.pictures import gallery, loss_curves
from advsci_inverse.game.training import train_prior
from advsci_inverse.search.projection import project_onto_range
from advsci_inverse.store import save_weights

__all__ = ["plan", "run"]


def plan(config: Train) -> dict[str, object]:
    """Images and output paths, without training."""
    train, held, _ = load_training_images(config.data)
    return {
        "training images": len(train),
        "held-out images": len(held),
        "size": f"{train.shape[1]} x {train.shape[2]}",
        "output": str((config.folder("inverse-train")) / "prior.safetensors"),
    }


def run(config: Train) -> Path:
    """Train, test the range on held-out images, save the prior and its report."""
    images, held, scale = load_training_images(config.data)
    folder = config.folder("inverse-train")
    out = Run(folder)
    out.describe(config.model_dump(mode="json"))
    labels, held_labels = load_labels(config.data) if config.classes else (None, None)
    trained = train_prior(images, config, labels, run=folder, quiet=False)
    pick = slice(None, None, max(1, len(held) // 8))
    shown, classes = held[pick][:8], None if held_labels is None else held_labels[pick][:8]
    projected = project_onto_range(trained.prior, shown, classes)
    latents = Stream(config.seed).at("shown").normal((len(shown), config.latent))
    samples = trained.prior.decode(latents, classes)
    card = trained.card | {"units": {"low": scale.low, "high": scale.high}}
    sha256 = save_weights(trained.prior, folder / "prior.safetensors", card)

    report = Report("Image prior", f"Trained on {config.data}: {len(images)} images of {tuple(images.shape[1:])}")
    report.card("Representation error", trained.card["representation_error"], note="held-out images, mse a pixel")
    report.section("Range test", "What the generator makes of images that it was not trained on, and samples.")
    report.figure(gallery({"held out": shown, "nearest in range": projected, "samples": samples}))
    report.text(
        "The representation error bounds what a reconstruction inside the range can reach. Reconstructions here leave "
        "the range where the data ask for it, by the covariance of what is missing."
    )
    report.section("Training").figure(loss_curves(trained.log), "Terms of the players' losses.")
    report.section("Card").details("Card", card | {"sha256": sha256})
    return report.write(folder / "report.html")
