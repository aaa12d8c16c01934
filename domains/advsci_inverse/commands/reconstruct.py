"""``advsci-inverse reconstruct``: images from measurements, with error bars and a verdict on each."""

from dataclasses import replace
from pathlib import Path
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_inverse.config import Reconstruct
from advsci_inverse.data.images import Scale, load_training_images, read_stack
from advsci_inverse.data.measurement import checked_size, held_out, measure
from advsci_inverse.evaluation.page import reconstruction_page
from advsci_inverse.methods import Problem, reconstruct
from advsci_inverse.operators import LinearOperator, build_operator
from advsci_inverse.store import Learned, load_learned, read_card, shipped_path
from advsci_inverse.uncertainty import interval_factor

__all__ = ["plan", "run"]

CALIBRATION = 64
"""Held-out images that set the width of the intervals."""


def _scale(config: Reconstruct) -> Scale:
    source = {"refiner": config.refiner, "amp": config.denoiser, "hqs": config.denoiser}.get(
        config.method, config.prior
    )
    path = Path(source) if Path(source).is_file() else shipped_path(source)
    card = read_card(path) if path.is_file() else {}
    return Scale(**card.get("units", {"low": 0.0, "high": 1.0}))


def _operator(config: Reconstruct) -> tuple[LinearOperator, Learned]:
    """The operator, of the size of what was learned if that was left open, and what the method needs."""
    learned = load_learned(config, [config.method])
    sizes = [tuple(part.shape) for part in (learned.prior, learned.refiner) if part is not None]
    spec = checked_size(config.operator, sizes[0], "a prior") if sizes else config.operator
    return build_operator(spec), learned


def _data(config: Reconstruct, operator: LinearOperator) -> tuple[Tensor, float, Tensor | None]:
    """Data, noise level and, if simulated, the true images."""
    if config.simulate:
        stack = read_stack(config.file)[: config.limit]
        truth = Scale.of(stack).to_unit(stack)
        return *measure(operator, truth, config.noise, Stream(config.seed).at("noise")), truth
    if not config.file.is_file():
        raise DataError(f"got no file {config.file}; expected an npz with y (n, ...). Try: check the path.")
    try:
        with np.load(config.file, allow_pickle=False) as file:
            y = torch.from_numpy(np.asarray(file["y"], dtype=np.float32))[: config.limit]
            sigma = float(file["sigma"]) if "sigma" in file else None
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{config.file} holds no measurements: {type(error).__name__}: {error}; expected an npz with y (n, ...). "
            "Try: --simulate if the file holds images."
        ) from None
    if tuple(y.shape[1:]) != operator.data_shape:
        raise DataError(
            f"{config.file}: got data of {tuple(y.shape[1:])}; expected {operator.data_shape} for the operator. "
            "Try: check --operator."
        )
    return y, sigma if sigma is not None else config.noise * float(y.square().mean().sqrt()), None


def plan(config: Reconstruct) -> dict[str, object]:
    """Data, prior and operator, without reconstructing."""
    operator, _ = _operator(config)
    y, sigma, _ = _data(config, operator)
    return {"images": len(y), "data": operator.data_shape, "sigma": sigma, "method": config.method}


def _half_width(config: Reconstruct, problem: Problem, held: Tensor | None) -> float:
    """Of the intervals, in standard deviations: measured on held-out images, or that of a normal error."""
    if held is None:
        return NormalDist().inv_cdf((1 + config.coverage) / 2)
    spare = held_out(held, CALIBRATION)
    noise = Stream(config.seed).at("calibration").normal((len(spare), *problem.operator.data_shape))
    data = problem.operator(spare) + problem.sigma * noise
    again = reconstruct(config.method, replace(problem, y=data))
    assert again.deviation is not None
    return interval_factor(spare, again.mean, again.deviation, config.coverage)


def run(config: Reconstruct) -> Path:
    """Reconstruct; write ``reconstruction.npz`` (in the prior's units) and the report."""
    operator, learned = _operator(config)
    y, sigma, truth = _data(config, operator)
    training, held = load_training_images(config.data)[:2] if config.data is not None else (None, None)
    problem = Problem(operator, y, sigma, *learned, training, starts=config.starts)
    result = reconstruct(config.method, problem)
    folder = config.folder("inverse-reconstruct")
    folder.mkdir(parents=True, exist_ok=True)
    scale = _scale(config)
    arrays: dict[str, np.ndarray] = {"mean": scale.from_unit(result.mean).numpy()}
    if result.deviation is not None:
        half = _half_width(config, problem, held)
        low, high = (result.mean + s * half * result.deviation for s in (-1, 1))
        arrays |= {"low": scale.from_unit(low).numpy(), "high": scale.from_unit(high).numpy()}
        arrays |= {"coverage": np.array(config.coverage), "half_width": np.array(half)}
        arrays["calibrated"] = np.array(held is not None)
    if result.misfit is not None:
        arrays["misfit"] = result.misfit.numpy()
    residual = (operator(result.mean) - y).flatten(1).square().mean(1).sqrt() / sigma
    arrays["residual_over_noise"] = residual.numpy()
    if truth is not None:
        arrays["truth"] = scale.from_unit(truth).numpy()
    np.savez_compressed(folder / "reconstruction.npz", **arrays, units=np.array([scale.low, scale.high]))  # type: ignore[arg-type]
    (folder / "method.txt").write_text(f"{config.method} {result.setting}\n")
    return reconstruction_page(folder)
