"""``advsci-inverse denoiser``, ``refiner`` and ``regulariser``: the learned steps, by recorded recipes."""

from pathlib import Path

import torch
from torch import Tensor, nn

from advsci.errors import DataError
from advsci.games import Game
from advsci.report import Report
from advsci.schedules import Cosine
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import EMA, Run, Trainer
from advsci_inverse.config import TrainDenoiser, TrainRefiner, TrainRegulariser
from advsci_inverse.images import load_training_images, origin
from advsci_inverse.measurement import checked_size, measure
from advsci_inverse.metrics import psnr
from advsci_inverse.operators import Radon, build_operator, equispaced_angles
from advsci_inverse.pictures import gallery, loss_curves
from advsci_inverse.priors.denoiser import Denoiser, DenoisingGame
from advsci_inverse.priors.refiner import Refiner, RefiningGame
from advsci_inverse.priors.regulariser import RegulariserGame, build_regulariser, poor_reconstruction, regularised
from advsci_inverse.priors.store import save_weights

__all__ = ["denoiser", "plan", "refiner", "regulariser"]

Settings = TrainDenoiser | TrainRefiner | TrainRegulariser


def plan(config: Settings) -> dict[str, object]:
    """Images, without training."""
    train, held, _ = load_training_images(config.data)
    return {"training images": len(train) - config.held_out, "test images": len(held), "size": tuple(train.shape[1:])}


def _images(config: Settings) -> tuple[Tensor, Tensor]:
    train, held, _ = load_training_images(config.data)
    kept = len(train) - config.held_out
    if kept < config.batch_size:
        raise DataError(f"got {kept} training images; expected at least batch_size = {config.batch_size}")
    return train[:kept], held


def _fit(game: Game, player: str, images: Tensor | dict[str, Tensor], config: Settings, folder: Path, decay: float):
    trainer = Trainer(
        steps=config.steps,
        batch_size=config.batch_size,
        seed=config.seed,
        device=config.device,
        ema=EMA(decay, of=(player,)),
        run=Run(folder),
        log_every=max(1, config.steps // 45),
        title=player,
    )
    Run(folder).describe(config.model_dump(mode="json"))
    training = trainer.fit(game, images, Simultaneous(adam(config.rate, betas=(0.9, 0.99)), Cosine(1.0, 0.01)))
    return training.averaged(player).cpu().eval(), training.log


def _seeded(seed: int, build):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build()


def _finish(network: nn.Module, nets: dict, config, folder: Path, name: str, log: list, report: Report) -> Path:
    card = {"networks": nets, "recipe": config.model_dump(mode="json", exclude={"out", "device"})}
    data = origin(config.data)
    card |= {"data": data} | ({"licence": data["licence"]} if "licence" in data else {})  # that of the weights too
    sha256 = save_weights(network, folder / f"{name}.safetensors", card)
    report.section("Training").figure(loss_curves(log), "Terms of the loss.").details("Card", card | {"sha256": sha256})
    return report.write(folder / "report.html")


def denoiser(config: TrainDenoiser) -> Path:
    """Train a denoiser; write ``denoiser.safetensors`` and the report."""
    images, held = _images(config)
    folder, precision = config.folder("inverse-denoiser"), torch.bfloat16 if config.half else None
    mean, spread = float(images.mean()), float(images.std())
    build = lambda: Denoiser(mean, spread, widths=config.widths, blocks=config.blocks, precision=precision)  # noqa: E731
    network, log = _fit(DenoisingGame(_seeded(config.seed, build)), "denoiser", images, config, folder, 0.999)
    shown = held[:8]
    noisy = shown + 0.3 * torch.randn(shown.shape, generator=torch.Generator().manual_seed(config.seed))
    with torch.no_grad():
        clean, _ = network(noisy, torch.full((len(shown),), 0.3))
    report = Report("Denoiser", f"Trained on {len(images)} images of {config.data}")
    report.card(
        "PSNR at noise 0.3 [dB]", float(psnr(clean, shown).mean()), note=f"noisy: {psnr(noisy, shown).mean():.1f}"
    )
    report.section("Held-out images").figure(gallery({"noisy": noisy, "denoised": clean, "truth": shown}))
    nets = {"mean": mean, "spread": spread, "widths": config.widths, "blocks": config.blocks}
    return _finish(network, nets | {"shape": list(images.shape[1:])}, config, folder, "denoiser", log, report)


def refiner(config: TrainRefiner) -> Path:
    """Train a refiner for few-view CT; write ``refiner.safetensors`` and the report."""
    images, held = _images(config)
    n, folder = images.shape[-1], config.folder("inverse-refiner")
    sizes = {"rank": config.rank, "stages": config.stages, "widths": config.widths, "blocks": config.blocks}
    mean, spread = float(images.mean()), float(images.std())
    precision = torch.bfloat16 if config.half else None
    network = _seeded(config.seed, lambda: Refiner((n, n), spread=spread, precision=precision, **sizes))
    network.denoiser.mean = mean
    network.fit_covariance(images)
    plans = []
    for views in config.views:
        operator = Radon(n, equispaced_angles(views))
        sigma = config.noise * float(operator(images[::50]).square().mean().sqrt())
        plans.append(network.plan(operator, sigma, explicit=True))
    trained, log = _fit(RefiningGame(network, plans), "refiner", images, config, folder, 0.998)
    network.load_state_dict(trained.state_dict())
    report = Report("Refiner", f"Trained on {len(images)} images of {config.data}")
    shown, rows = held[:8], {"truth": held[:8]}
    for views, plan_ in zip(config.views, plans, strict=True):
        noise = torch.randn(8, *plan_.operator.data_shape, generator=torch.Generator().manual_seed(config.seed))
        found, _ = network.reconstruct(plan_, plan_.operator(shown) + plan_.sigma * noise[: len(shown)])
        rows[f"{views} views"] = found
        report.card(f"PSNR, {views} views [dB]", float(psnr(found.clamp(0, 1), shown).mean()))
    report.section("Held-out images").figure(gallery(rows))
    nets = {"shape": [n, n], "mean": mean, "spread": spread, **sizes}
    return _finish(network, nets, config, folder, "refiner", log, report)


def regulariser(config: TrainRegulariser) -> Path:
    """Train an adversarial regulariser; write ``regulariser.safetensors`` and the report."""
    images, held = _images(config)
    folder, stream = config.folder("inverse-regulariser"), Stream(config.seed)
    operator = build_operator(checked_size(config.operator, tuple(images.shape[1:]), "images"))
    half = min(len(images), config.images) // 2
    measured, truths = images[:: len(images) // (2 * half)][: 2 * half].reshape(half, 2, *images.shape[1:]).unbind(1)
    y, sigma = measure(operator, measured, config.noise, stream.at("noise"))
    game = RegulariserGame(
        _seeded(config.seed, lambda: build_regulariser(config.kind, config.widths)), penalty=config.penalty
    )
    poor = torch.cat([poor_reconstruction(operator, block) for block in y.split(256)])
    network, log = _fit(game, "regulariser", {"x": truths, "poor": poor}, config, folder, 0.99)
    shown = held[:: max(1, len(held) // 8)][:8]
    data = operator(shown) + sigma * stream.at("shown").normal((len(shown), *operator.data_shape))
    start = poor_reconstruction(operator, data)
    found = regularised(network, operator, data, sigma, start=start).clamp(0, 1)
    report = Report("Adversarial regulariser", f"{config.kind}, trained on {2 * half} images of {config.data}")
    before = float(psnr(start.clamp(0, 1), shown).mean())
    report.card("PSNR [dB]", float(psnr(found, shown).mean()), note=f"where it starts: {before:.1f}")
    report.section("Held-out images").figure(gallery({"truth": shown, "start": start, "regularised": found}))
    nets = {"kind": config.kind, "widths": config.widths}
    return _finish(network, nets, config, folder, "regulariser", log, report)
