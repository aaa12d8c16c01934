"""Few-view head CT: the learned refiner against total variation."""

import time

import torch
from _inverse_fixed import Fixed
from _row import row

from advsci.streams import Stream
from advsci_inverse.baselines import total_variation
from advsci_inverse.data.noise import Gaussian
from advsci_inverse.evaluation.scores import coverage, mse, psnr
from advsci_inverse.methods import reconstruct
from advsci_inverse.operators import Radon, equispaced_angles
from advsci_inverse.problem import Problem
from advsci_inverse.store import load_refiner, shipped
from advsci_inverse.uncertainty import interval_factor

__all__ = ["ct_rows", "transfer_rows"]

CT = {10: (25.1, 2.0), 20: (29.2, 1.5), 30: (31.7, 1.0)}


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
        spare = reconstruct("refiner", Problem(operator, data, sigma, refiner=refiner))
        assert spare.deviation is not None
        factor = interval_factor(tuning, spare.mean, spare.deviation)
        half = factor * result.deviation
        covered = float(coverage(result.mean - half, result.mean + half, truth))
        row(
            f"head CT, {views} views, distance of the coverage of 90 % intervals from 0.90", abs(covered - 0.9), 0.03,
            note=f"{covered:.3f}; half width {factor:.2f} standard deviations, from {len(tuning)} validation slices",
        )  # fmt: skip


def transfer_rows(fixed: Fixed, quick: bool) -> None:
    """Other slices, numbers of views and noise levels than the refiner was trained with."""
    if "head-ct-refiner" not in shipped():
        return
    refiner = load_refiner("head-ct-refiner")
    refiner.denoiser.body.precision = torch.bfloat16
    held = fixed.images("headct64", "x_test")
    truth, tuning = held[10 :: 190 if quick else 40], torch.from_numpy(fixed.file["ct_xval"])
    for views, share in ((20, 0.01), (15, 0.01), (20, 0.03), (40, 0.005)):
        operator = Radon(64, equispaced_angles(views), 95)
        sigma = share * float(operator(tuning).square().mean().sqrt())
        y, data = (
            Gaussian(sigma).sample(operator(x), Stream(views).at(name)) for name, x in (("a", truth), ("b", tuning))
        )
        norm = operator.norm()
        run = lambda d, w, k, o=operator, n=norm: total_variation(o, d, w, steps=k, norm=n)  # noqa: E731
        best = min((0.01, 0.03, 0.1, 0.3, 1.0), key=lambda w: float(mse(run(data, w, 600), tuning).mean()))
        tv = float(psnr(run(y, best, 1500), truth).mean())
        ours = float(psnr(reconstruct("refiner", Problem(operator, y, sigma, refiner=refiner)).mean, truth).mean())
        row(
            f"head CT, other slices, {views} views, {share:.1%} noise: gain over TV", ours - tv, None, "higher",
            unit="dB", peer=f"TV, weight {best}", note=f"{ours:.2f} dB against {tv:.2f} dB; {len(truth)} slices",
        )  # fmt: skip
