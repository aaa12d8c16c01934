"""``make bench-inverse``: every figure of the inverse problems, one JSON object a line.

The fixed problems (operators, test images, noisy data) are read from ``$ADVSCI_DATA/inverse/bench_problems.npz``; a row
whose data or weights are missing is not met and says so. ``--quick`` takes fewer images, never another method.
``--only WORD`` runs the parts whose name contains the word.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from _row import ratio, row

from advsci.streams import Stream
from advsci_inverse.baselines import lasso, total_variation
from advsci_inverse.config import Train
from advsci_inverse.methods import Problem, reconstruct
from advsci_inverse.metrics import auroc, coverage, mse, psnr
from advsci_inverse.noise import Gaussian
from advsci_inverse.operators import (
    DenseOperator,
    FourierRadon,
    FourierSampling,
    Inpainting,
    Radon,
    SparseOperator,
    SubsampledDCT,
    SubsampledHadamard,
    cartesian_mask,
    dot_test,
    equispaced_angles,
)
from advsci_inverse.priors.store import load_denoiser, load_prior, load_refiner, shipped
from advsci_inverse.priors.training import project_onto_range, train_prior
from advsci_inverse.search.latent import LatentSearch
from advsci_inverse.uncertainty import disc_templates, interval_factor, matched_residual

DIGITS = {25: 0.015, 50: 0.0055, 100: 0.0011, 200: 0.00025, 400: 0.00010}
RIVALS = {
    25: "mixture prior 0.0190",
    50: "D-AMP 0.0063",
    100: "D-AMP 0.0013",
    200: "VAE + LM + ILO 0.00027",
    400: "VAE + LM + ILO 0.00011",
}
CT = {10: (25.1, 2.0), 20: (29.2, 1.5), 30: (31.7, 1.0)}


def folder() -> Path | None:
    """Where the data lie, if they do."""
    path = Path(os.environ.get("ADVSCI_DATA", "")) / "inverse"
    return path if (path / "bench_problems.npz").is_file() else None


class Fixed:
    """The fixed problems."""

    def __init__(self, quick: bool):
        path = folder()
        assert path is not None
        self.path, self.file = path, np.load(path / "bench_problems.npz")
        self.n, self.n_ct = (10, 4) if quick else (50, 20)

    def images(self, name: str, part: str = "x_train") -> torch.Tensor:
        with np.load(self.path / f"{name}.npz") as file:
            return torch.from_numpy(file[part]).float() / 255

    def sensing(self, m: int) -> DenseOperator:
        return DenseOperator(torch.from_numpy(self.file["cs_A"][:m]) / m**0.5, (28, 28))

    def digits(self, m: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.from_numpy(self.file["cs_x"]).reshape(-1, 28, 28)
        pick = torch.linspace(0, 49, self.n).long()
        return x[pick], torch.from_numpy(self.file[f"cs_y_{m}"])[pick]


def digit_rows(fixed: Fixed, quick: bool) -> None:
    prior, denoiser = load_prior("digits"), load_denoiser("digits-denoiser")
    training = fixed.images("mnist28")[:-1000]
    training = training[:6000] if quick else training
    denoiser.body.precision = torch.bfloat16
    for m, target in DIGITS.items():
        truth, y = fixed.digits(m)
        problem = Problem(fixed.sensing(m), y, 0.1 / m**0.5, prior, denoiser, training=training)
        start = time.process_time()
        result = reconstruct("amp", problem)
        seconds = (time.process_time() - start) / len(truth)
        each = mse(result.mean, truth)
        spread = 1.96 * float(each.std()) / len(each) ** 0.5
        value = float(each.mean())
        row(
            f"digits, {m} measurements, mse", value, target, peer=RIVALS[m], interval=(value - spread, value + spread),
            note=f"amp {result.setting}; {len(truth)} images",
        )  # fmt: skip
        row(
            f"digits, {m} measurements, time an image", seconds, 0.03, unit="s",
            note="CPU time of one thread, set-up and (at 25) the fit of the mixture included",
        )  # fmt: skip
        found = LatentSearch(prior, problem.operator, problem.sigma)(y)
        half = 1.6449 * found.deviation
        covered = float(coverage(found.mean - half, found.mean + half, truth))
        row(f"digits, {m} measurements, coverage of 1.645 standard deviations", covered, None, note="uncalibrated")


def monotone_rows(fixed: Fixed, quick: bool) -> None:
    prior, denoiser = load_prior("digits"), load_denoiser("digits-denoiser")
    rates = (50, 100, 200, 400, 784) if quick else (25, 50, 75, 100, 150, 200, 300, 400, 600, 784)
    truth = fixed.digits(100)[0]
    rows = torch.randn(784, 784, generator=torch.Generator().manual_seed(5))
    for method in ("amp", "latent"):
        errors = []
        for m in rates:
            operator = DenseOperator(rows[:m] / m**0.5, (28, 28))
            y = Gaussian(0.1 / m**0.5).sample(operator(truth), Stream(m))
            result = reconstruct(method, Problem(operator, y, 0.1 / m**0.5, prior, denoiser))
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
        data = y if m == 50 else None
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


def ct_rows(fixed: Fixed, quick: bool) -> None:
    if "head-ct-refiner" not in shipped():
        for views, (_, gain) in CT.items():
            row(f"head CT, {views} views, gain over TV", None, gain, "higher", unit="dB", note="no refiner is shipped")
        return
    refiner = load_refiner("head-ct-refiner")
    refiner.denoiser.body.precision = torch.bfloat16
    pick = torch.linspace(0, 19, fixed.n_ct).long()
    truth = torch.from_numpy(fixed.file["ct_x"])[pick]
    tuning = torch.from_numpy(fixed.file["ct_xval"])
    for views, (published, gain) in CT.items():
        operator = Radon(64, equispaced_angles(views), 95)
        y = torch.from_numpy(fixed.file[f"ct_y_{views}"])[pick]
        sigma = 0.01 * float(y.square().mean().sqrt())
        start = time.process_time()
        result = reconstruct("refiner", Problem(operator, y, sigma, refiner=refiner))
        seconds = (time.process_time() - start) / len(truth)
        data = torch.from_numpy(fixed.file[f"ct_yval_{views}"])
        norm = operator.norm()
        weights = (0.03, 0.1) if quick else (0.01, 0.03, 0.1, 0.3)
        best = min(
            weights, key=lambda w: float(mse(total_variation(operator, data, w, steps=600, norm=norm), tuning).mean())
        )
        tv = float(psnr(total_variation(operator, y, best, steps=1500, norm=norm), truth).mean())
        ours = float(psnr(result.mean, truth).mean())
        row(
            f"head CT, {views} views, gain over TV", ours - tv, gain, "higher", unit="dB", peer=f"TV, weight {best}",
            note=f"{ours:.2f} dB against {tv:.2f} dB (earlier measurement: {published}); {len(truth)} slices",
        )  # fmt: skip
        row(
            f"head CT, {views} views, time an image",
            seconds,
            0.5,
            unit="s",
            note="CPU time of one thread, set-up included",
        )
        assert result.deviation is not None
        half = 1.6449 * result.deviation
        covered = float(coverage(result.mean - half, result.mean + half, truth))
        row(f"head CT, {views} views, coverage of 90 % intervals", covered, None, note="wanted 0.87 to 0.93")


def verdict_rows(fixed: Fixed, quick: bool) -> None:
    prior = load_prior("digits")
    n = 40 if quick else 200
    own = fixed.images("mnist28", "x_test")[-n:]
    foreign = fixed.images("fashion28", "x_test")[:n]
    operator, sigma = fixed.sensing(100), 0.01
    search = LatentSearch(prior, operator, sigma)
    misfits = [search(Gaussian(sigma).sample(operator(x), Stream(k))).misfit for k, x in enumerate((own, foreign))]
    row(
        "out of range, Fashion against a digit prior, AUROC",
        auroc(*misfits),
        0.95,
        "higher",
        note=f"{n} images of each",
    )
    found = search(Gaussian(sigma).sample(operator(own), Stream(0)))
    held = fixed.images("mnist28")[-3000:-2800]
    other = search(Gaussian(sigma).sample(operator(held), Stream(9)))
    half = interval_factor(held, other.mean, other.deviation) * found.deviation
    covered = float(coverage(found.mean - half, found.mean + half, own))
    row(
        "pixel intervals at 90 %, distance of the coverage from 0.90", abs(covered - 0.9), 0.03,
        note=f"{covered:.3f}; calibrated on {len(held)} images held out of the training",
    )  # fmt: skip


def lesion_rows(fixed: Fixed, quick: bool) -> None:
    """Discs whose contrast is three sigma in the strongest datum, planted in digits seen by 20 views."""
    prior = load_prior("digits")
    n = 20 if quick else 100
    images = fixed.images("mnist28", "x_test")
    clean, planted_in = images[-400 : -400 + 2 * n], images[-n:]
    operator = Radon(28, equispaced_angles(20))
    sigma = 0.01 * float(operator(clean).square().mean().sqrt())
    search = LatentSearch(prior, operator, sigma)
    templates = disc_templates((28, 28), 1.5, stride=2)
    strength = 3 * sigma / operator(templates).flatten(1).amax(1)
    index = Stream(3).integers(len(templates), (n,))
    lesion = strength[index, None, None] * templates[index]
    white = sigma * torch.eye(operator.data_size)

    def left(x: torch.Tensor, k: int):
        y = Gaussian(sigma).sample(operator(x), Stream(k))
        found = search(y)
        return matched_residual(operator, y - operator(found.mean), white, templates)[0], found

    threshold = float(left(clean, 1)[0].quantile(0.95))
    score, found = left(planted_in + lesion, 2)
    inside = templates[index] > 0.5
    shown = (found.mean - planted_in) * inside
    covers = (shown - lesion * inside).flatten(1).sum(1).abs() <= 1.6449 * (found.deviation * inside).flatten(1).sum(1)
    flagged = (score > threshold) | covers
    row(
        "planted lesions that are flagged by residual or interval", float(flagged.float().mean()), 0.95, "higher",
        note=f"{n} lesions of 3 sigma in their strongest datum; residual "
        f"{float((score > threshold).float().mean()):.2f} at 5 % false alarms, "
        f"interval {float(covers.float().mean()):.2f}",
    )  # fmt: skip


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


def operator_rows(quick: bool) -> None:
    angles = equispaced_angles(12)
    operators = {
        "strip": Radon(64, angles),
        "Fourier slice": FourierRadon(128, equispaced_angles(60)),
        "DCT": SubsampledDCT(100, (28, 28)),
        "Hadamard": SubsampledHadamard(100, (28, 28)),
        "Fourier": FourierSampling(cartesian_mask((32, 32), 3.0)),
    }
    for dtype, limit in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        worst = max((dot_test(o, dtype=dtype), name) for name, o in operators.items())
        row(f"dot test, {str(dtype)[6:]}, worst of {len(operators)} operators", worst[0], limit, note=worst[1])
    try:
        import astra
    except ImportError:
        astra = None
    for n, views, limit in ((256, 180, 0.15),) if quick else ((256, 180, 0.15), (512, 720, 0.05)):
        name = f"Radon {n}^2 x {views} views, forward and adjoint, CPU time over ASTRA's"
        if astra is None:
            row(name, None, limit, note="ASTRA is not installed")
            continue
        ours = FourierRadon(n, equispaced_angles(views))
        image, data = torch.rand(1, n, n), torch.rand(1, *ours.data_shape)
        volume = astra.create_vol_geom(n, n)
        geometry = astra.create_proj_geom("parallel", 1.0, ours.data_shape[1], equispaced_angles(views))
        theirs = astra.OpTomo(astra.create_projector("linear", geometry, volume))
        x, y = image.numpy().ravel(), data.numpy().ravel()
        ours(image)  # converts its constants to float32 once
        value, quartiles = ratio(
            lambda a=ours, x=image, y=data: (a(x), a.adjoint(y)),
            lambda a=theirs, x=x, y=y: (a.FP(x), a.BP(y)),
            rounds=4 if quick else 8,
            warmup=1,
        )
        row(name, value, limit, unit="ratio", peer=f"astra-toolbox {astra.__version__}, linear", interval=quartiles)


def small_sparse_row() -> None:
    """At 64^2 a cached sparse matrix is the faster backend: what `Radon` uses."""
    sparse, slices = Radon(64, equispaced_angles(30)), FourierRadon(64, equispaced_angles(30))
    assert isinstance(sparse, SparseOperator)
    x = torch.rand(16, 64, 64)
    a, b = slices(x), sparse(x)
    value, quartiles = ratio(lambda: slices.adjoint(slices(x)), lambda: sparse.adjoint(sparse(x)), rounds=5)
    row(
        "Radon 64^2 x 30 views, batch of 16: Fourier slice over sparse matrix", value, None, interval=quartiles,
        note=f"they differ by {float((a - b).norm() / b.norm()):.1e} on white noise",
    )  # fmt: skip


def range_row(fixed: Fixed) -> None:
    prior = load_prior("digits")
    test = fixed.images("mnist28", "x_test")[:500]
    row(
        "digit prior, representation error on test images",
        float(mse(project_onto_range(prior, test), test).mean()),
        None,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(True)
    parts = {
        "operators": lambda: operator_rows(options.quick),
        "sparse": small_sparse_row,
    }
    if folder() is None:
        row("fixed problems", None, 0, note="ADVSCI_DATA has no inverse/bench_problems.npz")
    else:
        fixed = Fixed(options.quick)
        parts |= {
            "range": lambda: range_row(fixed),
            "digits": lambda: digit_rows(fixed, options.quick),
            "monotone": lambda: monotone_rows(fixed, options.quick),
            "bora": lambda: bora_rows(fixed, options.quick),
            "ct": lambda: ct_rows(fixed, options.quick),
            "verdict": lambda: verdict_rows(fixed, options.quick),
            "lesion": lambda: lesion_rows(fixed, options.quick),
            "ambient": lambda: ambient_rows(fixed, options.quick),
        }
    for name, part in parts.items():
        if options.only in name:
            part()


if __name__ == "__main__":
    main()
