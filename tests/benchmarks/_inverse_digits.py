"""Digits under random Gaussian measurements: errors, times, and the settings' choice on images apart."""

import time
from dataclasses import replace

import torch
from _inverse_fixed import Fixed
from _row import row

from advsci.streams import Stream
from advsci_inverse.baselines import KernelMixture, damp, lasso
from advsci_inverse.config import Train
from advsci_inverse.data.noise import Gaussian
from advsci_inverse.evaluation.scores import mse
from advsci_inverse.game.training import train_prior
from advsci_inverse.methods import reconstruct
from advsci_inverse.operators import DenseOperator, Inpainting
from advsci_inverse.problem import Problem
from advsci_inverse.search.latent import LatentSearch
from advsci_inverse.search.projection import project_onto_range
from advsci_inverse.store import load_denoiser, load_prior

__all__ = ["ambient_rows", "bora_rows", "choice_rows", "digit_rows", "monotone_rows", "range_row"]

DIGITS = {25: 0.015, 50: 0.0055, 100: 0.0011, 200: 0.00025, 400: 0.00010}
RIVALS = {
    25: "mixture prior 0.0190",
    50: "D-AMP 0.0063",
    100: "D-AMP 0.0013",
    200: "VAE + LM + ILO 0.00027",
    400: "VAE + LM + ILO 0.00011",
}


def _fitted(fixed: Fixed, quick: bool) -> tuple[KernelMixture, float]:
    """Kernel and mixture priors of the training digits, and the CPU seconds of the fit."""
    training = fixed.images("mnist28")[:-1000]
    start = time.process_time()
    density = KernelMixture.fit(training[:6000] if quick else training)
    return density, time.process_time() - start


def _denoiser():
    denoiser = load_denoiser("digits-denoiser")
    denoiser.body.precision = torch.bfloat16
    return denoiser


def _measured(x: torch.Tensor, m: int, seed: int) -> tuple[DenseOperator, torch.Tensor, float]:
    """Another Gaussian operator than the fixed one, and data of ``x`` under it."""
    rows = torch.randn(m, 784, generator=torch.Generator().manual_seed(seed))
    operator, sigma = DenseOperator(rows / m**0.5, (28, 28)), 0.1 / m**0.5
    return operator, Gaussian(sigma).sample(operator(x), Stream(seed).at("noise", m)), sigma


def digit_rows(fixed: Fixed, quick: bool) -> None:
    prior, denoiser = load_prior("digits"), _denoiser()
    density, seconds = _fitted(fixed, quick)
    row("kernel prior of the digits, fit", seconds, None, unit="s", note="CPU time, once a kind of image")
    for m, target in DIGITS.items():
        truth, y = fixed.digits(m)
        problem = Problem(fixed.sensing(m), y, 0.1 / m**0.5, prior, denoiser, density=density)
        reconstruct("amp", replace(problem, y=y[:2]))  # what a process pays once
        start = time.process_time()
        result = reconstruct("amp", problem)
        seconds = (time.process_time() - start) / len(truth)
        each = mse(result.mean, truth)
        spread, value = 1.96 * float(each.std()) / len(each) ** 0.5, float(each.mean())
        row(
            f"digits, {m} measurements, mse", value, target, peer=RIVALS[m], interval=(value - spread, value + spread),
            note=f"amp {result.setting}; {len(truth)} images",
        )  # fmt: skip
        row(
            f"digits, {m} measurements, time an image", seconds, 0.03, unit="s",
            note=f"CPU time of one thread, batch of {len(truth)}, set-up included, training and fit of priors not",
        )  # fmt: skip


def choice_rows(fixed: Fixed, quick: bool) -> None:
    """Where message passing starts and how long it runs, on held-out training digits under other operators."""
    prior, denoiser = load_prior("digits"), _denoiser()
    truth = fixed.images("mnist28")[-1000:][: 20 if quick else 100]
    density, _ = _fitted(fixed, quick)
    denoise = lambda r, level: denoiser(r, level)[0].clamp(0, 1)  # noqa: E731
    score = lambda x: float(mse(x.clamp(0, 1), truth).mean())  # noqa: E731
    for m in (25, 50) if quick else (25, 50, 75):
        operator, y, sigma = _measured(truth, m, 11)
        starts = {
            "mixture": density.mixture.estimate(operator, y, sigma)[0].clamp(0, 1),
            "kernel": density.estimate(operator, y, sigma)[0].clamp(0, 1),
            "latent": LatentSearch(prior, operator, sigma, screen=4096)(y, starts=8).mean.clamp(0, 1),
        }
        with torch.no_grad():
            first = prior.synthesis.encode(starts["kernel"][:, None])[0]
        near = LatentSearch(prior, operator, sigma, screen=64)(y, starts=1, steps=6, first=first).mean.clamp(0, 1)
        starts |= {"latent from kernel": near, "kernel and latent": (starts["kernel"] + near) / 2}
        for name, start in starts.items():
            row(f"choice, {m} measurements: {name} alone", score(start), None, note=f"{len(truth)} images")
            for steps, damping in ((8, 0.3), (12, 0.3)):
                found = damp(operator, y, denoise, steps=steps, damping=damping, start=start)
                row(
                    f"choice, {m} measurements: amp from {name}, {steps} steps, damping {damping}",
                    score(found), None, note=f"averaged with its start: {score((found + start) / 2):.5f}",
                )  # fmt: skip


def monotone_rows(fixed: Fixed, quick: bool) -> None:
    prior, denoiser = load_prior("digits"), _denoiser()
    density, _ = _fitted(fixed, quick)
    rates = (50, 100, 200, 400, 784) if quick else (25, 50, 75, 100, 150, 200, 300, 400, 600, 784)
    truth = fixed.digits(100)[0]
    rows = torch.randn(784, 784, generator=torch.Generator().manual_seed(5))
    for method in ("amp", "latent"):
        errors = []
        for m in rates:
            operator = DenseOperator(rows[:m] / m**0.5, (28, 28))
            y = Gaussian(0.1 / m**0.5).sample(operator(truth), Stream(m))
            result = reconstruct(method, Problem(operator, y, 0.1 / m**0.5, prior, denoiser, density=density))
            errors.append(float(mse(result.mean, truth).mean()))
        worst = max(b / a for a, b in zip(errors, errors[1:], strict=False))
        note = ", ".join(f"{m}: {e:.2g}" for m, e in zip(rates, errors, strict=True))
        row(f"{method}: error at one number of data over that at the next smaller, worst", worst, 1.0, note=note)


def bora_rows(fixed: Fixed, quick: bool) -> None:
    prior = load_prior("digits")
    truth, y = fixed.digits(50)
    target = float(mse(LatentSearch(prior, fixed.sensing(50), 0.1 / 50**0.5)(y).mean.clamp(0, 1), truth).mean())
    rates = (100, 200, 250, 300, 400)
    curve = []
    for m in rates:
        operator = fixed.sensing(m)
        data = Gaussian(0.1 / m**0.5).sample(operator(truth), Stream(m))
        errors = [
            float(mse(lasso(operator, data, w, transform=t, steps=200).clamp(0, 1), truth).mean())
            for t in ("dct", "haar") for w in (3e-3, 1e-2, 3e-2)
        ]  # fmt: skip
        curve.append(min(errors))
    needed = next((m for m, e in zip(rates, curve, strict=True) if e <= target), None)
    note = f"generator prior at 50: {target:.4f}; Lasso (DCT or Haar, best weight): " + ", ".join(
        f"{m}: {e:.4f}" for m, e in zip(rates, curve, strict=True)
    )
    factor = (needed if needed is not None else rates[-1]) / 50
    row("measurements that Lasso needs over those of the generator prior", factor, 5.0, "higher", note=note)


def ambient_rows(fixed: Fixed, quick: bool) -> None:
    """The same recipe with half of each image's pixels hidden, and without."""
    images = fixed.images("mnist28")[:-1000]
    steps = 200 if quick else 1500
    test = fixed.images("mnist28", "x_test")[-200:]
    errors = []
    for masked in (0.0, 0.5):
        config = Train(steps=steps, held_out=2000, masked=masked, device="cpu")
        prior = train_prior(images, config).prior
        level = torch.full_like(prior.residual_diagonal, 0.02)
        prior.residual_diagonal.copy_(level)
        prior.residual_factor.zero_()
        found = LatentSearch(prior, Inpainting(torch.ones(28, 28)), 1e-3)(test).projection
        errors.append(float(mse(found, test).mean()))
    row(
        "trained on half-hidden digits alone: representation error over that of the full training",
        errors[1] / errors[0], 1.5, note=f"{errors[1]:.4f} against {errors[0]:.4f}, {steps} steps each, latent search",
    )  # fmt: skip


def range_row(fixed: Fixed, quick: bool) -> None:
    prior = load_prior("digits")
    test = fixed.images("mnist28", "x_test")[: 100 if quick else 500]
    row(
        "digit prior, representation error on test images",
        float(mse(project_onto_range(prior, test), test).mean()),
        None,
    )
