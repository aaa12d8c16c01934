"""``advsci-inverse refiner``: a reconstruction of few-view CT, or of an operator of one's own, learned end to end."""

from pathlib import Path

import torch

from advsci.devices import torch_device
from advsci.report import Report, drawn
from advsci.streams import Stream
from advsci.training import Run
from advsci_inverse.config import OperatorSpec, TrainRefiner
from advsci_inverse.data.measurement import checked_size
from advsci_inverse.evaluation.page import finish_training
from advsci_inverse.evaluation.pictures import gallery
from advsci_inverse.evaluation.scores import psnr
from advsci_inverse.game.player import learning_images, train_player
from advsci_inverse.game.refining import RefiningGame
from advsci_inverse.operators import LinearOperator, Radon, build_operator, equispaced_angles
from advsci_inverse.priors.refiner import Refiner
from advsci_inverse.store import learned_card, save

__all__ = ["plan", "run"]


def plan(config: TrainRefiner) -> dict[str, object]:
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
    facts: dict[str, object] = {"training images": len(train), "test images": len(held), "size": tuple(train.shape[1:])}
    return facts | {"operators": list(_operators(config, train.shape[-1]))}


def _operators(config: TrainRefiner, side: int) -> dict[str, LinearOperator]:
    """What the refiner is trained for, by name."""
    if config.operator != OperatorSpec():
        spec = checked_size(config.operator, (side, side), "images")
        return {config.operator.kind: build_operator(spec)}
    return {f"{views} views": Radon(side, equispaced_angles(views)) for views in config.views}


def run(config: TrainRefiner, folder: Run) -> Path:
    """Train a refiner; write ``refiner.safetensors`` and the report.

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
    n = images.shape[-1]
    sizes = {"rank": config.rank, "stages": config.stages, "widths": config.widths, "blocks": config.blocks}
    mean, spread = float(images.mean()), float(images.std())
    with Stream(config.seed).at("networks").seeded():
        network = Refiner((n, n), spread=spread, precision=torch.bfloat16 if config.half else None, **sizes)
        network.denoiser.mean = mean
        network.fit_covariance(images)  # a randomised decomposition: seeded, so that the same command resumes
    device, plans = torch_device(config.device), []
    operators = _operators(config, n)
    network.to(device)
    for operator in operators.values():
        sigma = config.noise * float(operator(images[::50]).square().mean().sqrt())
        plans.append(network.plan(operator.to(device), sigma, explicit=True))
    trained, log = train_player(RefiningGame(network, plans), images, config, folder, decay=0.998)
    network.load_state_dict(trained.state_dict())
    card = learned_card(config, "refiner", {"shape": [n, n], "mean": mean, "spread": spread, **sizes}, scale)
    path = folder.path / "refiner.safetensors"
    card["sha256"] = save(path, trained, card)
    with drawn("report"):
        report = Report("Refiner", f"Trained on {len(images)} images of {config.data}")
        shown, rows = held[:8], {"truth": held[:8]}
        for name, made in zip(operators, plans, strict=True):
            noise = Stream(config.seed).at(f"shown, {name}").normal((len(shown), *made.operator.data_shape))
            y = made.operator(shown.to(device)) + made.sigma * noise.to(device)
            rows[name] = found = network.reconstruct(made, y)[0].cpu()
            report.card(f"PSNR, {name} [dB]", float(psnr(found.clamp(0, 1), shown).mean()))
        report.section("Held-out images").figure(gallery(rows))
        finish_training(report, log, card, folder)
    return path
