"""Can a reconstruction be trusted: intervals, images of another kind, planted lesions."""

import torch
from _inverse_fixed import Fixed
from _row import row

from advsci.streams import Stream
from advsci_inverse.data.noise import Gaussian
from advsci_inverse.evaluation.scores import auroc, coverage
from advsci_inverse.operators import Radon, equispaced_angles
from advsci_inverse.search.latent import LatentSearch
from advsci_inverse.store import load_prior
from advsci_inverse.uncertainty import disc_templates, interval_factor, matched_residual

__all__ = ["lesion_rows", "verdict_rows"]


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
