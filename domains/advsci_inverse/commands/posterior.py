"""``advsci-inverse posterior``: a sampler of the posterior, trained by likelihood and against an adversary."""

from pathlib import Path

import torch
from torch import Tensor

from advsci.devices import torch_device
from advsci.diagnostics import Probe
from advsci.errors import ConfigError
from advsci.report import Report, drawn
from advsci.schedules import Cosine
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import EMA, Run, Trainer
from advsci.training.trainer import Callback
from advsci.training.weights import load_weights, save_weights
from advsci_inverse.config import TrainPosterior
from advsci_inverse.data.measurement import checked_size, measure
from advsci_inverse.evaluation.page import finish_training
from advsci_inverse.evaluation.pictures import gallery
from advsci_inverse.game.player import learning_images
from advsci_inverse.game.posterior import PosteriorGAN, SpreadControl, started
from advsci_inverse.game.scoring import energy_score, mean_and_spread
from advsci_inverse.methods import first_stage
from advsci_inverse.operators import LinearOperator, build_operator
from advsci_inverse.priors.sampler import Consistency, PairDiscriminator, PosteriorSampler
from advsci_inverse.problem import Problem
from advsci_inverse.search.proposal import Start
from advsci_inverse.store import learned_card, load_denoiser, load_prior, load_refiner, save
from advsci_inverse.uncertainty.posterior import posterior_samples, trust_in_point

__all__ = ["plan", "run"]

_FIRST = "first stage of a posterior sampler"
SCORES = {"energy": energy_score, "mean-and-spread": mean_and_spread}


def plan(config: TrainPosterior) -> dict[str, object]:
    """Numbers and size of images and data, without training.

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
    pairs = min(config.pairs, len(train))
    return {"pairs": pairs, "validation images": min(config.validation, len(held)), "data": operator.data_shape}


def _problem(config: TrainPosterior, operator: LinearOperator, images: Tensor) -> Problem:
    """Everything but the data."""
    if config.point in ("latent", "amp") and config.prior is None:
        raise ConfigError(f"got no prior for point = {config.point}; expected one. Try: --prior digits.")
    return Problem(
        operator,
        torch.zeros(0, *operator.data_shape),
        1.0,
        None if config.prior is None else load_prior(config.prior),
        None if config.denoiser is None else load_denoiser(config.denoiser),
        None if config.refiner is None else load_refiner(config.refiner),
        training=None if config.refiner is not None or config.prior is not None else images,
        seed=config.seed,
    )


def _first(config: TrainPosterior, problem: Problem, images: Tensor, y: Tensor, sigma: float, store: Path) -> Start:
    """The first stage of all images; kept in the run folder, as it is dear and a pure function of the settings."""
    keys = ("point", "deviation", "draws")
    if store.is_file():
        parts, _ = load_weights(store, kind=_FIRST, try_="the same command with --overwrite")
        return Start(*(parts[key] for key in keys))
    from dataclasses import replace

    start = first_stage(replace(problem, y=y, sigma=sigma), config.point, config.draws)
    save_weights(store, {key: getattr(start, key) for key in keys}, {"kind": _FIRST}, half=True)
    return Start(*(getattr(start, key).half().float() for key in keys))


def run(config: TrainPosterior, folder: Run) -> Path:
    """Measure images, draw by likelihood, train the sampler; write ``sampler.safetensors`` and the report.

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
    images, held = images[-config.pairs :], held[-config.validation :]
    operator = build_operator(checked_size(config.operator, tuple(images.shape[1:]), "images"))
    stream, problem = Stream(config.seed), _problem(config, operator, images)
    y, sigma = measure(operator, images, config.noise, stream.at("noise"))
    data = operator(held) + sigma * stream.at("validation").normal((len(held), *operator.data_shape))
    start = _first(config, problem, images, y, sigma, folder.path / "first_stage.safetensors")
    spare = _first(config, problem, held, data, sigma, folder.path / "first_stage_validation.safetensors")
    level = float((spare.point - held).square().mean().sqrt())
    consistency = Consistency.of(operator, sigma, level)
    device = torch_device(config.device)
    with stream.at("networks").seeded():
        sampler = PosteriorSampler(0.3 * level, widths=config.widths, blocks=config.blocks)
        judge = PairDiscriminator((images.shape[1], images.shape[2]), config.critic_width)
    away = Consistency(operator.to(device), consistency.gain.to(device))
    game = PosteriorGAN(
        sampler, judge, [away], adversarial=config.adversary, score=SCORES[config.score], bounds=(0.0, 1.0)
    )
    training_data, validation = started(images, y, start, consistency), started(held, data, spare, consistency)
    callbacks: list[Callback] = [SpreadControl(game, validation, seed=config.seed, limits=(0.25, 2.0))]
    if config.adversary:
        callbacks.append(Probe(training_data, held_out=validation, samples=256, jacobians=0))
    trainer = Trainer(
        steps=config.steps,
        batch_size=config.batch_size,
        seed=config.seed,
        device=device,
        ema=EMA(0.999, of=("generator",)),
        run=folder,
        checkpoint_every=max(1, config.steps // 10),
        log_every=max(1, config.steps // 20),
        callbacks=callbacks,
        title="posterior",
    )
    solver = Simultaneous(adam(config.rate, betas=(0.0, 0.99)), Cosine(1.0, 0.05))
    training = trainer.fit(game, training_data, solver)
    network = training.averaged("generator").cpu().eval()
    last = training.log[-1] if training.log else {}
    operator.to("cpu")
    back = consistency.back(data)
    trust = trust_in_point(
        posterior_samples(network, spare, back, consistency, 16, stream.at("trust")), spare.point, held
    )
    nets = {
        "least_unit": sampler.floor,
        "widths": config.widths,
        "blocks": config.blocks,
        "level": level,
        "trust": trust,
    }
    card = learned_card(config, "sampler", nets | {"shape": list(images.shape[1:]), "sigma": sigma}, scale)
    card["validation"] = {key: value for key, value in last.items() if key.startswith("spread/")}
    path = folder.path / "sampler.safetensors"
    card["sha256"] = save(path, network, card)
    with drawn("report"):
        shown = Start(spare.point[:8], spare.deviation[:8], spare.draws[:8])
        samples = posterior_samples(network, shown, back[:8], consistency, 16, stream.at("shown"), trust)
        report = Report(
            "Posterior sampler", f"{config.operator.kind}, trained on {len(images)} images of {config.data}"
        )
        report.card(
            "Error of the samples' mean over their spread, squared", float(last.get("spread/ratio_over_wanted", 0))
        )
        rows = {"truth": held[:8], "estimate": shown.point, "mean of 16": samples.mean(0)}
        rows |= {f"sample {k + 1}": samples[k] for k in range(4)}
        wide = samples.std(0)
        report.section("Held-out images").figure(
            gallery(rows | {"deviation": wide}, span={"deviation": (0.0, float(wide.max()))})
        )
        finish_training(report, training.log, card, folder)
    return path
