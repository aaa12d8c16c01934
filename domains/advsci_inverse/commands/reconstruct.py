"""``advsci-inverse reconstruct``: images from measurements, with error bars and a verdict on each."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from advsci.devices import torch_device
from advsci.files import write_arrays
from advsci.report import drawn
from advsci.streams import Stream
from advsci.training import Run
from advsci_inverse.config import OperatorSpec, Reconstruct
from advsci_inverse.data.images import Scale, load_training_images, read_stack
from advsci_inverse.data.measured import Measured, Ready, check_scale, read_measured, ready
from advsci_inverse.data.measurement import checked_size, held_out, measure
from advsci_inverse.data.noise import Poisson
from advsci_inverse.evaluation.page import FALSE_ALARMS, reconstruction_page
from advsci_inverse.methods import choose, reconstruct
from advsci_inverse.operators import LinearOperator, build_operator
from advsci_inverse.problem import Problem, Reconstruction
from advsci_inverse.store import Learned, load_learned
from advsci_inverse.uncertainty import (
    STRATA,
    Calibration,
    Evidence,
    KindTest,
    Look,
    residual_over_noise,
    spot_probability,
)

__all__ = ["plan", "run"]

CALIBRATION = 64
"""Held-out images that set the width of the intervals and the thresholds of the verdicts."""
CHOICE = 24
"""Held-out images that choose the method."""
UNTAUGHT = ("tv", "cgls", "tikhonov", "fbp")
"""Methods that have learned no kind of images, and need nothing to fall back on."""


@dataclass(frozen=True)
class _Inputs:
    """Everything that a reconstruction starts from, on the CPU."""

    operator: LinearOperator
    learned: Learned
    scale: Scale
    groups: list[Ready]
    truth: Tensor | None
    training: Tensor | None
    held: Tensor | None
    notes: list[str]


def _inputs(config: Reconstruct) -> _Inputs:
    learned = load_learned(config, [config.method])
    training, held, own = load_training_images(config.data) if config.data is not None else (None, None, None)
    stack = read_stack(config.file)[: config.limit] if config.simulate else None
    sizes = [tuple(part.shape) for part in (learned.prior, learned.refiner) if part is not None]
    sizes += [tuple(images.shape[1:]) for images in (training, stack) if images is not None]
    spec: OperatorSpec = config.operator
    for size in sizes:
        spec = checked_size(spec, size, "images")
    operator = build_operator(spec)
    scale, notes = _scale(config, learned, own, stack), []
    if stack is not None:
        truth = scale.to_unit(stack)
        noise = config.noise if config.noise is not None else 0.01
        stream = Stream(config.seed).at("noise")
        if config.counts is not None:
            counted = Poisson(config.counts).sample(operator(truth), stream)
            seen = Measured(counted, None, torch.ones(operator.data_shape, dtype=torch.bool))
            groups, notes = ready(seen, operator, Scale(), counts=config.counts)
        else:
            y, sigma = measure(operator, truth, noise, stream)
            groups = [Ready(torch.arange(len(y)), operator, y, sigma)]
    else:
        truth = None
        measured = read_measured(config.file, operator, transmission=config.transmission, limit=config.limit)
        groups, notes = ready(measured, operator, scale, noise=config.noise, counts=config.counts)
        check_scale(groups, operator, _typical(learned, held))
    return _Inputs(operator, learned, scale, groups, truth, training, held, notes)


def _scale(config: Reconstruct, learned: Learned, own: Scale | None, stack: Tensor | None) -> Scale:
    """Stated units, else those of what was learned, else of the images at hand."""
    if config.units is not None:
        return Scale(*config.units)
    return learned.units or own or (Scale.of(stack) if stack is not None else Scale())


def _typical(learned: Learned, held: Tensor | None) -> Tensor | None:
    """Images by which the scale of the data is checked."""
    if held is not None:
        return held[:: max(1, len(held) // 64)]
    if learned.prior is not None:
        z = Stream(0).at("typical").normal((64, learned.prior.latent))
        return learned.prior.decode(z).detach()
    if learned.refiner is not None:
        return learned.refiner.image_mean.reshape(1, *learned.refiner.shape)
    return None


def plan(config: Reconstruct) -> dict[str, object]:
    """Data, noise, operator and units, without reconstructing.

    Parameters
    ----------
    config
        The settings.

    Returns
    -------
    dict
        Facts about the run.
    """
    given = _inputs(config)
    low, high = given.scale.low, given.scale.high
    facts: dict[str, object] = {
        "images": sum(len(group.y) for group in given.groups),
        "data": given.operator.data_shape,
        "sigma": [group.sigma * (high - low) for group in given.groups],
        "units": f"0 is {low:g}, 1 is {high:g}",
        "method": config.method,
    }
    return facts | {f"note {k + 1}": note for k, note in enumerate(given.notes)}


def run(config: Reconstruct, folder: Run) -> Path:
    """Reconstruct; write ``reconstruction.npz`` in the units of the data, and the report.

    Parameters
    ----------
    config
        The settings.
    folder
        The run's folder.

    Returns
    -------
    Path
        The arrays.
    """
    given, device = _inputs(config), torch_device(config.device)
    learned, found, notes = given.learned.to(device), [], list(given.notes)
    for group in given.groups:
        if config.spot is not None and config.method not in ("auto", "posterior"):
            notes.append("a spot's probability needs the method posterior")
        found.append(_solved(config, given, learned, group, device, notes))
    arrays = {key: _joined(key, found, given) for key in found[0]}
    if given.truth is not None:
        arrays["truth"] = given.scale.from_unit(given.truth).numpy()
    units = np.array([given.scale.low, given.scale.high])
    arrays |= {
        "units": units,
        "notes": np.array(list(dict.fromkeys(notes)), dtype=np.str_),
        "coverage": np.array(config.coverage),
    }
    path = folder.path / "reconstruction.npz"
    write_arrays(path, arrays)
    with drawn("report"):
        reconstruction_page(folder.path)
    return path


def _joined(key: str, found: list[dict[str, np.ndarray]], given: _Inputs) -> np.ndarray:
    """The groups' arrays in the order of the file; what belongs to no image is the first group's."""
    first = found[0][key]
    count = sum(len(group.y) for group in given.groups)
    axis = 1 if key == "samples" else 0
    if key in ("method", "factors", "calibrated", "candidates") or first.ndim <= axis:
        return first
    shape = list(first.shape)
    shape[axis] = count
    whole = np.empty(shape, first.dtype)
    for group, part in zip(given.groups, found, strict=True):
        where = (slice(None),) * axis + (group.index.numpy(),)
        whole[where] = part[key]
    return whole


def _solved(
    config: Reconstruct, given: _Inputs, learned: Learned, group: Ready, device: torch.device, notes: list[str]
) -> dict[str, np.ndarray]:
    """Arrays of one group of images, in the data's units."""
    operator, y = group.operator.to(device), group.y.to(device)
    training, held = (None if x is None else x.to(device) for x in (given.training, given.held))
    problem = Problem(
        operator, y, group.sigma, learned.prior, learned.denoiser, learned.refiner, learned.regulariser, training,
        starts=config.starts, sampler=learned.sampler, samples=config.samples, seed=config.seed,
    )  # fmt: skip
    method, errors = config.method, {}
    if held is not None:
        tuning = held_out(held, CHOICE, skip=1)
        noise = group.sigma * Stream(config.seed).at("tuning").normal((len(tuning), *operator.data_shape)).to(device)
        if method == "auto":
            method, errors = choose(problem, tuning)
        problem = replace(problem, validation=(tuning, operator(tuning) + noise))
    elif method == "auto":
        method = "tv"
        notes.append("without --data no method can be chosen by measurement; total variation needs none")
    result = reconstruct(method, problem)
    again = None if held is None else _held_out(config, method, problem, held)
    arrays = _arrays(config, given.scale, result, again)
    assert result.unclipped is not None
    residual = residual_over_noise(operator, result.unclipped, y, group.sigma)
    arrays["residual_over_noise"] = residual.cpu().numpy()
    if config.method == "auto":
        arrays["chosen"] = arrays["mean"].copy()
    if again is not None and training is not None:
        share = _share_as_strange(problem, again, training, result.unclipped, residual, notes)
        arrays["share_as_strange"] = share.cpu().numpy()
        if config.method == "auto" and method not in UNTAUGHT:
            notes += _fall_back(problem, share <= FALSE_ALARMS, given.scale, arrays)
    arrays["method"] = np.array(f"{method} {result.setting}".strip())
    arrays["candidates"] = np.array([f"{name} {error:.6g}" for name, error in errors.items()], dtype=np.str_)
    return arrays


def _share_as_strange(
    problem: Problem,
    again: tuple[Tensor, Tensor, Reconstruction],
    training: Tensor,
    unclipped: Tensor,
    residual: Tensor,
    notes: list[str],
) -> Tensor:
    """Share of held-out images that are as strange as each image; a note where they are too few to say 5 %."""
    _, data, other = again
    evidence = Evidence(problem.operator, problem.sigma, training)
    assert other.unclipped is not None
    left = residual_over_noise(problem.operator, other.unclipped, data, problem.sigma)
    away = Look(training)
    own = torch.stack([evidence(data), left, away(other.unclipped)])
    least = len(own) / (own.shape[1] + 1)
    if least > FALSE_ALARMS:
        notes.append(
            f"{own.shape[1]} held-out images are too few to call an image strange (the least share is {least:.2f}); "
            "960 images in --data are enough"
        )
    return KindTest(own).share(evidence(problem.y), residual, away(unclipped))


def _fall_back(problem: Problem, strange: Tensor, scale: Scale, arrays: dict[str, np.ndarray]) -> list[str]:
    """Total variation in place of what a learned method says of images that it does not know, and a note if any are.

    No held-out image says how wrong that is, so that the intervals become the whole range of the images.
    """
    if not bool(strange.any()):
        return []
    where, low, high = strange.cpu().numpy(), scale.low, scale.high
    plain = reconstruct("tv", replace(problem, y=problem.y[strange])).mean
    arrays["mean"][where] = scale.from_unit(plain).cpu().numpy()
    arrays["low"][where], arrays["high"][where] = low, high
    arrays["deviation"][where] = (high - low) / 12**0.5  # of any value between, all equally likely
    return [
        f"{int(strange.sum())} images are not of the kind of --data: total variation was taken for them, and their "
        "intervals are the whole range; the array 'chosen' holds what the chosen method says"
    ]


def _held_out(
    config: Reconstruct, method: str, problem: Problem, held: Tensor
) -> tuple[Tensor, Tensor, Reconstruction]:
    """Held-out images, data measured alike, and their reconstructions."""
    spare = held_out(held, CALIBRATION)
    noise = Stream(config.seed).at("calibration").normal((len(spare), *problem.operator.data_shape)).to(held.device)
    data = problem.operator(spare) + problem.sigma * noise
    return spare, data, reconstruct(method, replace(problem, y=data))


def _arrays(
    config: Reconstruct,
    scale: Scale,
    result: Reconstruction,
    again: tuple[Tensor, Tensor, Reconstruction] | None,
) -> dict[str, np.ndarray]:
    """Mean, intervals, samples and answers in the data's units."""
    arrays = {"mean": scale.from_unit(result.mean).cpu().numpy()}
    if result.deviation is not None or again is not None:
        deviation, calibration = _calibrated(config, result, again)
        low, high = calibration.interval(result.mean, deviation)
        arrays |= {"low": scale.from_unit(low).cpu().numpy(), "high": scale.from_unit(high).cpu().numpy()}
        arrays["deviation"] = (deviation * (scale.high - scale.low)).cpu().numpy()
        arrays["factors"] = np.array(calibration.factors)
        arrays["calibrated"] = np.array(again is not None)
        assert len(calibration.factors) == len(STRATA)
    if result.misfit is not None:
        arrays["misfit"] = result.misfit.cpu().numpy()
    if result.samples is not None:
        arrays["samples"] = scale.from_unit(result.samples).cpu().numpy().astype(np.float32)
        if config.spot is not None:
            dark, bright = spot_probability(result.samples, *config.spot)
            arrays |= {"dark_spot": dark.cpu().numpy(), "bright_spot": bright.cpu().numpy()}
    return arrays


def _calibrated(
    config: Reconstruct, result: Reconstruction, again: tuple[Tensor, Tensor, Reconstruction] | None
) -> tuple[Tensor, Calibration]:
    """Standard deviations and half widths; a method that knows no deviation takes the error of held-out images."""
    if again is None:
        assert result.deviation is not None
        return result.deviation, Calibration.normal(config.coverage)
    truth, _, other = again
    if result.deviation is None or other.deviation is None:
        typical = torch.full_like(result.mean, float((truth - other.mean).square().mean().sqrt()))
        return typical, Calibration.fit(truth, other.mean, typical[:1].expand_as(truth), config.coverage)
    return result.deviation, Calibration.fit(truth, other.mean, other.deviation, config.coverage)
